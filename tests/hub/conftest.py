"""A real JupyterHub with the real KubeSpawner and our hooks; only Kubernetes itself, its pods and the proxy are small
in-memory ones, spoken to over HTTP as the real ones are."""

import asyncio
import json
import logging
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

import httpx
import jupyterhub
import pytest
import pytest_asyncio
import yaml
from aiohttp import web
from coursehub import layout
from coursehub.hub import database
from coursehub.hub.configure import configure
from coursehub.live import folders, state
from coursehub.live.kept import Folder, Kept, Place
from jupyterhub import orm
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.proxy import Proxy
from jupyterhub.tests.mocking import MockHub
from kubespawner import KubeSpawner
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, async_playwright
from traitlets.config import Config

from tests import names, ports, postgres
from tests.chromium import DEAF
from tests.postgres import Postgres
from tests.server import Server, server
from tests.support import COURSES

Visit = Callable[..., Awaitable[Page]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# Who has a home, lena by her login alone; each has a uid of the folder home/01.
HOMES = ("maria", "jonas", "anna", "peter", "sofia", "bent", "lena")
UID = 20001
# Each server has an origin of its own below this name.
HOST = "hub.localhost"


def uid_of(name: str) -> int:
    """The uid of somebody with a home, and of others whom tests give one."""
    known = (*HOMES, "homeless", "spawntest")
    return UID + 100 * known.index(name)


# Where what only looks at the share listens, as the chart says it of a site without a provisioner.
LOOKER_PORT = ports.free()
LOOKER = f"provisioner: {{url: 'http://127.0.0.1:{LOOKER_PORT}', timeout: 10, makes: false}}\n"
SITE = f"""\
{LOOKER}probe: {{host: 127.0.0.1, port: 8000}}
timezone: Europe/Helsinki
admins: [sofia]
images: {{python: registry.example/python:1, r: registry.example/r:1}}
general: {{image: python}}
courseGids: {{minimum: 70100, maximum: 79999}}
identity:
  file:
    groups: {{data-analysis: 70102}}
    people:
      maria: {{uid: {UID}, gid: 20001}}
      jonas: {{uid: {uid_of("jonas")}, gid: 20002}}
      anna: {{uid: {uid_of("anna")}, gid: 30001}}
      peter: {{uid: {uid_of("peter")}, gid: 30002, groups: [data-analysis]}}
      sofia: {{uid: {uid_of("sofia")}, gid: 30003}}
      bent: {{uid: {uid_of("bent")}, gid: 20004}}
      homeless: {{uid: {uid_of("homeless")}, gid: 20005}}
      mallory: {{uid: {UID + 1}, gid: 20006}}
      daemon: {{uid: 99, gid: 20007}}
"""
# Lena is in no file; only her login says who she is.
CHART = yaml.safe_load((Path(__file__).resolve().parents[2] / "chart/values.yaml").read_text())
# As upstream's chart makes them of ours.
SERVICES = {name: os.urandom(16).hex() for name in CHART["jupyterhub"]["hub"]["services"]}
AUDIT = "9c8b7a69-audit"
USERS = [{"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}]


class Kubernetes:
    """As much of the API as KubeSpawner uses; a pod runs as soon as it is made, and its server answers."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.made: list[dict[str, Any]] = []
        self.phase = "Running"
        # What is answered instead to a method and a kind of object: a status and a body, or nothing at all.
        self.refusals: dict[str, tuple[int, str] | None] = {}
        # What answers in the place of a pod's server, by the path.
        self.servers: dict[str, Handler] = {}
        self.pods_may_end = asyncio.Event()
        self.pods_may_end.set()
        self._lost: set[str] = set()
        self._events: list[dict[str, Any]] = []
        self._happenings: list[dict[str, Any]] = []
        self._watchers: list[asyncio.Queue[dict[str, Any] | None]] = []

    def app(self) -> web.Application:
        """The API server."""
        app = web.Application(middlewares=[self._refuse])
        pods = "/api/v1/namespaces/{namespace}/pods"
        app.router.add_get(pods, self._list)
        app.router.add_post(pods, self._create)
        app.router.add_get(pods + "/{name}", self._read)
        app.router.add_delete(pods + "/{name}", self._delete)
        app.router.add_get("/api/v1/namespaces/{namespace}/events", self._list_happenings)
        return app

    def run(self) -> None:
        """What was pending runs."""
        self.phase = "Running"
        for name, pod in self.pods.items():
            self.pods[name] = pod | {"status": self._status()}
            self._tell("MODIFIED", self.pods[name])

    def becomes(self, name: str, **status: Any) -> None:
        """The pod's status is this from now on."""
        self.pods[name] = self.pods[name] | {"status": status}
        self._tell("MODIFIED", self.pods[name])

    def loses(self, name: str) -> None:
        """The pod's node does not answer: nothing there ends the pod, and only by force it is taken away."""
        self._lost.add(name)

    def gives_up(self, name: str) -> None:
        """The pods of a node that does not answer are deleted, a minute ago."""
        pod = self.pods[name]
        since = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
        self.pods[name] = pod | {"metadata": pod["metadata"] | {"deletionTimestamp": since}}
        self.becomes(name, **pod["status"], conditions=[condition])

    def happens(self, name: str, reason: str, message: str, kind: str = "Warning") -> None:
        """An event about the pod."""
        number = len(self._happenings) + 1
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata = {"name": f"{name}.{number}", "namespace": "courses", "uid": f"event-{number}"}
        about = {"kind": "Pod", "name": name, "uid": self.pods[name]["metadata"]["uid"]}
        times = {"firstTimestamp": now, "lastTimestamp": now, "eventTime": None, "count": 1}
        self._happenings.append(
            {
                "metadata": metadata | {"resourceVersion": str(number)},
                "involvedObject": about,
                "reason": reason,
                "type": kind,
                "message": message,
                **times,
            }
        )

    async def visit(self, request: web.Request) -> web.StreamResponse:
        """What a pod's server answers."""
        return await self.servers.get(request.path, _answer)(request)

    def close(self) -> None:
        """Ends all watches."""
        for watcher in self._watchers:
            watcher.put_nowait(None)

    @web.middleware
    async def _refuse(self, request: web.Request, handler: Any) -> web.StreamResponse:
        what = f"{request.method} {request.path.split('/')[5]}"
        if what not in self.refusals:
            answer: web.StreamResponse = await handler(request)
            return answer
        refusal = self.refusals[what]
        if refusal is None:
            await asyncio.sleep(120)
            raise web.HTTPGatewayTimeout
        status, body = refusal
        headers = {"Audit-Id": AUDIT, "X-Kubernetes-Pf-Flowschema-Uid": "7f0e0d0c"}
        return web.Response(status=status, text=body, headers=headers, content_type="application/json")

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._watch(request)
        return self._items([pod for pod in self.pods.values() if _is_selected(request, pod)])

    async def _read(self, request: web.Request) -> web.Response:
        pod = self.pods.get(request.match_info["name"])
        return web.json_response(pod or {"message": "not found"}, status=200 if pod else 404)

    async def _list_happenings(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return self._items(self._happenings)
        response = web.StreamResponse()
        await response.prepare(request)
        told, end = 0, time.monotonic() + 5
        while time.monotonic() < end:
            for event in self._happenings[told:]:
                await response.write(json.dumps({"type": "ADDED", "object": event}).encode() + b"\n")
            told = len(self._happenings)
            await asyncio.sleep(0.05)
        return response

    def _items(self, items: list[dict[str, Any]]) -> web.Response:
        return web.json_response({"items": items, "metadata": {"resourceVersion": str(len(self._events))}})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        # What happened since the list that the watcher has.
        for missed in self._events[int(request.query["resourceVersion"]) :]:
            events.put_nowait(missed)
        self._watchers.append(events)
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while (event := await events.get()) is not None:
                if _is_selected(request, event["object"]):
                    await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self._watchers.remove(events)
        return response

    async def _create(self, request: web.Request) -> web.Response:
        pod = await request.json()
        name = pod["metadata"]["name"]
        if name in self.pods:
            return web.json_response({"reason": "AlreadyExists", "message": "exists"}, status=409)
        self.made.append(pod)
        pod["metadata"] |= {"uid": f"uid-{len(self._events)}", "namespace": request.match_info["namespace"]}
        self.pods[name] = {**pod, "status": self._status()}
        self._tell("ADDED", self.pods[name])
        return web.json_response(pod, status=201)

    def _status(self) -> dict[str, Any]:
        container = {"name": "notebook", "ready": self.phase == "Running", "state": {"running": {}}}
        return {"phase": self.phase, "podIP": "127.0.0.1", "containerStatuses": [container]}

    async def _delete(self, request: web.Request) -> web.Response:
        await self.pods_may_end.wait()
        name = request.match_info["name"]
        if name in self._lost and request.query.get("gracePeriodSeconds") != "0":
            return web.json_response({"kind": "Status", "status": "Success"})
        self._lost.discard(name)
        pod = self.pods.pop(name, None)
        if pod is None:
            return web.json_response({"message": "not found"}, status=404)
        self._tell("DELETED", pod)
        return web.json_response({"kind": "Status", "status": "Success"})

    def _tell(self, kind: str, pod: dict[str, Any]) -> None:
        metadata = pod["metadata"] | {"resourceVersion": str(len(self._events) + 1)}
        self._events.append({"type": kind, "object": pod | {"metadata": metadata}})
        for watcher in self._watchers:
            watcher.put_nowait(self._events[-1])


def _is_selected(request: web.Request, pod: dict[str, Any]) -> bool:
    """Whether the pod has the labels that are asked for."""
    wanted = dict(each.split("=") for each in filter(None, request.query.get("labelSelector", "").split(",")))
    return bool(wanted.items() <= pod["metadata"].get("labels", {}).items())


class Routes(Proxy):  # type: ignore[misc] # JupyterHub is untyped
    """A proxy that only remembers its routes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.routes: dict[str, dict[str, Any]] = {}

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """See Proxy."""
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec: str) -> None:
        """See Proxy."""
        self.routes.pop(routespec, None)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """See Proxy."""
        return dict(self.routes)


class Form(HTMLParser):
    """The choices of a page, which one is chosen, what its buttons do to which assignment, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.choices: list[str] = []
        self.chosen: list[str] = []
        self.buttons: list[tuple[str, str]] = []
        self._text: list[str] = []
        self.feed(page)
        self.text = re.sub(r"\s+", " ", " ".join(self._text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        found = dict(attrs)
        if tag == "input" and found.get("name") == "profile":
            self.choices.append(str(found["value"]))
            if "checked" in found:
                self.chosen.append(str(found["value"]))
        if tag == "form":
            self._assignment = ""
        if tag == "input" and found.get("name") == "assignment":
            self._assignment = str(found["value"])
        if tag == "button" and found.get("name") == "do" and "disabled" not in found:
            self.buttons.append((str(found["value"]), self._assignment))

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        self._text.append(data)


class Browser:
    """Somebody who has logged in."""

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        self.name = name
        self._client = client

    async def page(self, path: str) -> Form:
        """The page at `path` under /hub/."""
        return Form((await self.get(path)).text)

    async def get(self, path: str) -> httpx.Response:
        """What a click on a link to `path` under /hub/ gives, redirects within the hub followed."""
        response = await self._client.get(path, headers={"Sec-Fetch-Mode": "navigate"})
        while response.is_redirect and "/hub/" in response.headers["location"]:
            there = response.url.join(response.headers["location"])
            response = await self._client.get(there, headers={"Sec-Fetch-Mode": "navigate"})
        return response

    async def post(self, path: str, **data: str) -> httpx.Response:
        """A form of the page at `path` sent in."""
        await self._client.get(path)
        params = {"_xsrf": self._client.cookies["_xsrf"]}
        return await self._client.post(path, data=data, params=params, headers={"Sec-Fetch-Mode": "navigate"})

    async def choose(self, profile: str, owner: str = "") -> None:
        """The start page's form sent in with `profile`."""
        response = await self.post(f"spawn/{owner}" if owner else "spawn", profile=profile)
        assert response.status_code in (200, 302, 403), response.text


async def until(look: Callable[[], object], what: str, seconds: float = 30, every: float = 0.05) -> None:
    """Waits generously for what comes soon and has no event: until `look`, awaited where it has to be, finds it."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if await found if isinstance(found, Awaitable) else found:
            return
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(every)


class Hub:
    """The running hub as tests use it."""

    def __init__(self, app: Any, kubernetes: Kubernetes, folder: Path, kept: Place) -> None:
        self.app = app
        self.kept = Kept(kept, logging.getLogger(__name__))
        self.kubernetes = kubernetes
        self.folder = folder
        self.courses = folder / "courses" / "main.yaml"
        self.site = folder / "site" / "site.yaml"
        self._clients: list[httpx.AsyncClient] = []
        self._tokens: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Of the hub, as browsers have it."""
        return f"{self.app.subdomain_host}{self.app.hub.base_url}"

    async def login(self, name: str) -> Browser:
        """A new browser in which `name` has logged in."""
        client = self._client()
        await client.get("login")
        params = {"_xsrf": client.cookies["_xsrf"]}
        response = await client.post("login", params=params, data={"username": name, "password": "x"})
        assert response.status_code == 302, response.text
        return Browser(client, name)

    async def rest(self, name: str, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        """The REST API called by `name`."""
        headers = {**await self._authorized(name), "Content-Type": "application/json"}
        async with self._client() as client:
            return await client.request(method, f"api/{path}", content=body, headers=headers)

    async def progress(self, name: str) -> AsyncGenerator[dict[str, Any]]:
        """Each event of `name`'s progress stream as it comes."""
        path = f"api/users/{name}/server/progress"
        async with self._client().stream("GET", path, headers=await self._authorized(name)) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    async def start(self, name: str, body: bytes | None = None) -> str:
        """What the progress stream ends with after `name` started a server over REST."""
        await self.rest(name, "POST", f"users/{name}/server", body)
        return await self.outcome(name)

    async def outcome(self, name: str) -> str:
        """The last event of `name`'s progress stream: `ready`, or the message."""
        spawner = self.app.users[name].spawner
        for _ in range(2):
            future = spawner._spawn_future
            if future is not None and not spawner._spawn_pending:
                # JupyterHub cleans up after a refusal; for that moment the stream would say that nothing is starting.
                await asyncio.wait([future], timeout=10)
            response = await self.rest(name, "GET", f"users/{name}/server/progress")
            if response.status_code == 200:
                break
        if response.status_code != 200:
            return str(response.json()["message"])
        last = json.loads(re.findall(r"^data: (.*)$", response.text, re.MULTILINE)[-1])
        return "ready" if last.get("ready") else str(last["message"])

    async def stop(self, name: str) -> None:
        """`name`'s server is gone."""
        await self.rest(name, "DELETE", f"users/{name}/server")
        await until(lambda: not self.app.users[name].spawner.active, f"the server of {name} gone")

    @asynccontextmanager
    async def identity(self, text: str) -> AsyncIterator[None]:
        """The hub with this `identity:` in the site's values."""
        async with self.values(SITE[: SITE.index("identity:")] + text):
            yield

    @asynccontextmanager
    async def values(self, text: str) -> AsyncIterator[None]:
        """The hub with these values of the site."""
        self.site.write_text(text)
        await self._taken_over()
        try:
            yield
        finally:
            self.site.write_text(SITE)
            await self._taken_over()

    async def write_courses(self, text: str) -> None:
        """A new course file, by which the hub goes when this returns."""
        self.courses.write_text(text)
        await self._taken_over()

    async def _taken_over(self) -> None:
        seen = folders.look(self.site.parent, self.courses.parent)
        # A reader that is given up is followed by the next one after a minute.
        await until(lambda: state.load(self.kept).looked == seen, "the files taken over", 150)

    async def _authorized(self, name: str) -> dict[str, str]:
        if name not in {user.name for user in self.app.users.values()}:
            await self.login(name)
        if (token := self._tokens.get(name)) is None or orm.APIToken.find(self.app.db, token) is None:
            token = self._tokens[name] = self.app.users[name].new_api_token()
        return {"Authorization": f"token {token}"}

    def _client(self) -> httpx.AsyncClient:
        # Without TLS here, reading the machine's certificates would be most of the time.
        client = httpx.AsyncClient(base_url=self.url, timeout=60, verify=False)  # noqa: S501
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """No connection stays."""
        for client in self._clients:
            await client.aclose()


class Login(DummyAuthenticator):  # type: ignore[misc] # JupyterHub is untyped
    """Takes any password, and leaves what an OpenID Connect login would: the `claims` of the person, if any.

    Who is in `admins` is an admin, if it were for the identity provider.
    """

    claims: ClassVar[dict[str, dict[str, object]]] = {}
    admins: ClassVar[set[str]] = set()
    starts_may_go_on = asyncio.Event()
    starts_may_go_on.set()

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, object] | None:
        """See Authenticator."""
        name = await super().authenticate(handler, data)
        claims = self.claims.get(name)
        admin = {"admin": True} if name in self.admins else {}
        return name and {"name": name, "auth_state": None if claims is None else {"oauth_user": claims}, **admin}

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        """See Authenticator; it comes before anything is decided."""
        await self.starts_may_go_on.wait()


async def _serve(app: web.Application) -> tuple[web.AppRunner, int]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, runner.addresses[0][1]


def kubeconfig(port: int) -> str:
    """For the API that listens there."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            "users": [{"name": "c", "user": {}}],
            "current-context": "c",
        }
    )


async def _answer(request: web.Request) -> web.Response:
    received = sum([len(piece) async for piece in request.content.iter_any()])
    answer = {"received": received} if received else {}
    return web.json_response(answer, headers={"X-JupyterHub-Version": jupyterhub.__version__})


# What a site's own hook does that goes too far, by whose server it is.
BENDS: dict[str, Callable[[Any], object]] = {"bent": lambda pod: setattr(pod.spec, "host_network", True)}
OVERRIDES = {
    "bent": {"component_label": "hub"},
    "astray": {"hub_connect_url": "http://evil.example:8081", "oauth_access_scopes": ["access:servers"]},
}


def bend(spawner: Any, pod: Any) -> Any:
    """The site's own hook."""
    if spawner.user.name in BENDS:
        BENDS[spawner.user.name](pod)
    return pod


def mounted(folder: Path) -> Path:
    """What the hub's pod mounts: values, courses and the shared volume, which is returned."""
    for name in ("site", "courses", "secrets/provisioner", "share"):
        (folder / name).mkdir(parents=True)
    (folder / "site" / "site.yaml").write_text(SITE)
    (folder / "courses" / "main.yaml").write_text(COURSES)
    share = folder / "share"
    for name in HOMES:
        (share / layout.home(uid_of(name), name)).mkdir(parents=True)
        os.chown(share / layout.home(uid_of(name), name), uid_of(name), -1)
    stolen = share / layout.home(UID + 1, "mallory")
    stolen.mkdir(parents=True)
    os.chown(stolen, UID, -1)
    for slug in ("python-intro", "data-analysis", "old-course"):
        parts = (layout.course_files, layout.course_people, layout.course_runs, layout.course_data, layout.exchange)
        for path in (part(slug) for part in parts):
            (share / path).mkdir(parents=True)
    return share


def looking(folder: Path, share: Path, port: int = LOOKER_PORT) -> Server:
    """What only looks at the share, with a token that the hub has; not started yet."""
    service = server(folder / "looker", share, look=True)
    service.port = port
    (folder / "secrets/provisioner/token").write_text(service.token.read_text())
    return service


def looking_apart(folder: Path, share: Path) -> Server:
    """The same at a port of its own, which the site's values then say: that of all tests may run beside it."""
    service = looking(folder, share, ports.free())
    site = folder / "site/site.yaml"
    site.write_text(site.read_text().replace(f":{LOOKER_PORT}", f":{service.port}"))
    return service


async def cluster(kubernetes: Kubernetes, folder: Path) -> tuple[Path, int, Callable[[], Awaitable[None]]]:
    """How the API is reached, at which port all pods' servers answer, and what ends both."""
    api, api_port = await _serve(kubernetes.app())
    servers = web.Application()
    servers.router.add_route("*", "/{path:.*}", kubernetes.visit)
    pods, pod_port = await _serve(servers)
    path = folder / "kubeconfig"
    path.write_text(kubeconfig(api_port))

    async def end() -> None:
        kubernetes.close()
        await api.cleanup()
        await pods.cleanup()

    return path, pod_port, end


def as_upstream(c: Any, port: int, pod_port: int) -> None:
    """What upstream's chart sets, with our values."""
    c.Authenticator.allow_all = True
    c.JupyterHub.bind_url = "http://127.0.0.1:0/"
    c.JupyterHub.hub_port = port
    c.JupyterHub.subdomain_host = f"http://{HOST}:{port}"
    c.JupyterHub.log_level = 30
    c.JupyterHub.proxy_class = Routes
    c.Proxy.should_start = False
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    c.Spawner.consecutive_failure_limit = 0
    c.JupyterHub.services = [{"name": name, "api_token": token} for name, token in SERVICES.items()]
    c.JupyterHub.load_roles = [{"name": name, **role} for name, role in CHART["jupyterhub"]["hub"]["loadRoles"].items()]
    c.KubeSpawner.namespace = "courses"
    c.KubeSpawner.port = pod_port
    c.KubeSpawner.image_pull_secrets = ["registry"]
    c.KubeSpawner.node_affinity_preferred = {"purpose": {"weight": 100, "preference": {"matchExpressions": USERS}}}


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A real PostgreSQL, whose password the hub and PostgreSQL's own programs find where upstream's chart puts it."""
    with postgres.serve() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", postgres.PASSWORD)
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Hub]:
    """The hub, started once; its database is in memory, or on PostgreSQL with COURSEHUB_TEST_DATABASE=postgresql."""
    if os.geteuid():
        pytest.skip("only root gives homes away")
    folder = tmp_path_factory.mktemp("hub")
    looker = looking(folder, mounted(folder)).running()
    await asyncio.to_thread(looker.__enter__)
    kubernetes = Kubernetes()
    kubeconfig, pod_port, end = await cluster(kubernetes, folder)
    patch = pytest.MonkeyPatch()
    patch.setattr("kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    patch.setattr("coursehub.hub.metrics.certificate.PAUSE", 0.2)
    patch.setattr("coursehub.hub.executions.EVERY", 0.2)

    names.resolve()
    c = Config()
    as_upstream(c, ports.free(), pod_port)
    c.JupyterHub.authenticator_class = Login
    c.Authenticator.enable_auth_state = True
    c.CryptKeeper.keys = [os.urandom(32)]
    c.JupyterHub.cookie_secret = os.urandom(32)
    kept: Place
    if os.environ.get("COURSEHUB_TEST_DATABASE") == "postgresql":
        server: Postgres = request.getfixturevalue("postgresql")
        c.JupyterHub.db_url = server.create("tests")
        kept = database.place(c, folder)
    else:
        # On a disk, its thousands of commits would be much of the time.
        c.JupyterHub.db_url = "sqlite:///:memory:"
        kept = Folder(folder / "state")
    c.KubeSpawner.modify_pod_hook = bend
    c.KubeSpawner.group_overrides = {
        group: {"groups": [group], "spawner_override": override} for group, override in OVERRIDES.items()
    }
    # JupyterHub is there when it reads its configuration.
    app = MockHub.instance()
    configure(c, config=folder, place=kept, socket=folder / "door")
    app.update_config(c)
    # JupyterHub's own timer asks the proxy for all routes, which tests of ours count.
    app.last_activity_interval = 0
    await app.initialize([])
    await app.start()
    hub = Hub(app, kubernetes, folder, kept)
    yield hub
    await hub.close()
    await KubeSpawner._stop_all_reflectors()
    app.http_server.stop()
    MockHub.clear_instance()
    await end()
    await asyncio.to_thread(looker.__exit__, None, None, None)
    patch.undo()


@pytest_asyncio.fixture(loop_scope="session")
async def hub(running: Hub) -> AsyncIterator[Hub]:
    """The hub, without servers and with the courses as they were."""
    running.kubernetes.made.clear()
    yield running
    running.kubernetes.phase = "Running"
    running.kubernetes.refusals.clear()
    running.kubernetes.servers.clear()
    running.kubernetes.pods_may_end.set()
    Login.starts_may_go_on.set()
    for user in list(running.app.users.values()):
        if user.spawner.active:
            await running.stop(user.name)
        # The page preselects the last choice.
        user.spawner.orm_spawner.user_options = None
    assert not running.kubernetes.pods, "a server outlasts its test"
    running.app.db.commit()
    if running.courses.read_text() != COURSES:
        await running.write_courses(COURSES)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Chromium]:
    """The browser, started once."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**DEAF, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(hub: Hub, chromium: Chromium) -> AsyncIterator[Visit]:
    """Logs somebody in and gives the page on which they land: `visit(name, **what a browser context has)`."""
    contexts: list[BrowserContext] = []

    async def log_in(name: str, **options: object) -> Page:
        context = await chromium.new_context(base_url=hub.url, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = await context.new_page()
        await page.goto("login")
        await page.get_by_label("Username").fill(name)
        await page.get_by_label("Password").fill("x")
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/hub/courses")
        return page

    yield log_in
    for context in contexts:
        await context.close()
