"""What somebody can do to the hub before they log in, or with no more than their own account: little."""

import asyncio
import json
import logging
import socket
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from urllib.parse import quote, urlsplit

import pytest
from coursehub.hub.bounds import lines, rules, stored
from coursehub.hub.bounds.lines import BoundedFormatter
from coursehub.hub.bounds.server import BoundedServer
from jupyterhub import orm
from prometheus_client import REGISTRY

from tests.hub.conftest import Hub
from tests.unit.hub.bounds.connection import Connection, chunks

pytestmark = pytest.mark.asyncio(loop_scope="session")
KIB, MIB = 2**10, 2**20
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
JSON = "application/json"
# What nobody has to log in for to be read, and what each of them takes.
DOORS = [
    pytest.param("POST", "login", FORM, "64 KiB", id="login"),
    pytest.param("POST", "login", PARTS, "64 KiB", id="login in parts"),
    pytest.param("POST", "login", JSON, "1024 KiB", id="login as JSON"),
    pytest.param("POST", "spawn", FORM, "64 KiB", id="spawn form"),
    pytest.param("POST", "courses", FORM, "64 KiB", id="our page"),
    pytest.param("POST", "coursehub/spawn-test", JSON, "1024 KiB", id="spawn test"),
    pytest.param("POST", "api/users/maria/tokens", JSON, "1024 KiB", id="tokens"),
    pytest.param("POST", "api/oauth2/token", FORM, "64 KiB", id="OAuth"),
    pytest.param("POST", "security/csp-report", "application/csp-report", "1024 KiB", id="report"),
    pytest.param("PUT", "nothing/here", "", "1024 KiB", id="no such page"),
]


@asynccontextmanager
async def connected(hub: Hub) -> AsyncIterator[Connection]:
    """A connection to the hub past the proxy, as a server's pod can have it."""
    place = urlsplit(hub.app.hub.url)
    connection = Connection(*await asyncio.open_connection(place.hostname, place.port))
    yield connection
    connection.close()


async def ask(hub: Hub, line: str, *body: bytes, **headers: str) -> tuple[int, str]:
    """The status and the text of the answer to this request; 0 where there is none."""
    async with connected(hub) as connection:
        given = {"Host": "hub", **{name.replace("_", "-"): value for name, value in headers.items()}}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        # As a browser does, which reads while it still sends.
        answer = asyncio.create_task(connection.answer())
        await connection.send(f"{line} HTTP/1.1\r\n{head}\r\n".encode(), *body)
        return await answer


async def answers(hub: Hub) -> bool:
    """Whether the hub serves everybody else."""
    async with hub._client() as client:
        return (await client.get("health")).status_code == 200


@contextmanager
def log(hub: Hub) -> Iterator[list[str]]:
    """What the hub writes meanwhile, entry by entry, as its console has it."""
    written: list[str] = []
    formatter = BoundedFormatter()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(formatter.format(record))

    handler, level = Noting(), hub.app.log.level
    hub.app.log.addHandler(handler)
    hub.app.log.setLevel(logging.INFO)
    try:
        yield written
    finally:
        hub.app.log.removeHandler(handler)
        hub.app.log.setLevel(level)


@contextmanager
def memory(most: int) -> Iterator[None]:
    """The hub, and whoever asks it here, take no more than so many bytes at any moment."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    try:
        yield
        taken = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert taken < most, f"{taken / MIB:.1f} MiB"


@pytest.mark.parametrize(("method", "path", "kind", "most"), DOORS)
async def test_w10_a_large_body_of_nobody_is_refused_and_takes_no_memory(
    hub: Hub, method: str, path: str, kind: str, most: str
) -> None:
    said = f"is too large: at most {most}."
    line, piece = f"{method} /hub/{path}", b"x" * 2**14
    with memory(4 * MIB):
        told = await ask(
            hub, line, *[piece] * (60 * MIB // len(piece)), Content_Type=kind, Content_Length=str(60 * MIB)
        )
        endless = chunks(3 * MIB, len(piece))[:-1]
        hidden = await ask(hub, line, *endless, Content_Type=kind, Transfer_Encoding="chunked")
    assert [status for status, _ in (told, hidden)] == [413, 413]
    assert told[1].endswith(said)
    assert hidden[1].endswith(said)
    assert await answers(hub)


async def test_w10_many_bodies_at_once_take_no_more_memory_than_all_may_have_together(hub: Hub) -> None:
    async def send(connection: Connection) -> None:
        head = f"POST /hub/api/users HTTP/1.1\r\nHost: hub\r\nContent-Length: {MIB}\r\n\r\n"
        await connection.send(head.encode(), *[b"x" * 2**14] * 63)

    async with asyncio.TaskGroup() as tasks, connected(hub) as first:
        with memory(rules.BODIES + 16 * MIB):
            others = [connected(hub) for _ in range(40)]
            senders = [await other.__aenter__() for other in others]
            for sender in (first, *senders):
                tasks.create_task(send(sender))
            assert await first.answer() == (503, rules.BUSY.sentence)
            assert await answers(hub)
        for other in others:
            await other.__aexit__(None, None, None)


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        pytest.param(f"GET /hub/{'x' * 17000}", {}, 414, id="address"),
        pytest.param(f"GET /hub/login?next={'x' * 17000}", {}, 414, id="query"),
        pytest.param(f"GET /hub/login?{'&'.join(['a=b'] * 3000)}", {}, 400, id="arguments"),
        pytest.param("GET /hub/login", {f"X{n}": "" for n in range(500)}, 431, id="headers"),
        pytest.param("GET /hub/login", {"Cookie": "a=" + "b" * 40000}, 0, id="long cookie"),
        pytest.param("GET /hub/login", {"Cookie": "; ".join(f"c{n}=" for n in range(6000))}, 0, id="many cookies"),
        pytest.param("GET /hub/login", {"Cookie": "; ".join(f"c{n}=" for n in range(2500))}, 431, id="cookies"),
        pytest.param("GET /hub/login", {"Cookie": ";".join(["_xsrf=a"] * 2000)}, 431, id="tokens of forms"),
        pytest.param("GET /hub/home", {"Cookie": f"jupyterhub-hub-login={'2|1:0|' * 3000}"}, 302, id="login cookie"),
        pytest.param("GET /hub/api/user", {"Authorization": f"token {'x' * 18000}"}, 403, id="token"),
        pytest.param("GET /hub/api/" + "x" * 16000, {}, 404, id="API"),
        pytest.param("BREW /hub/login", {}, 501, id="method"),
        pytest.param("GET /hub/health", {"Upgrade": "websocket", "Connection": "Upgrade"}, 200, id="websocket"),
    ],
)
async def test_w10_heads_of_nobody_are_bounded_and_so_are_log_and_memory(
    hub: Hub, line: str, headers: dict[str, str], status: int
) -> None:
    with log(hub) as written, memory(16 * MIB):
        assert (await ask(hub, line, **headers))[0] == status
    assert max((len(entry) for entry in written), default=0) <= lines.LINE + 100
    assert await answers(hub)


async def test_w10_who_reads_no_answer_keeps_nobody_from_logging_in(hub: Hub) -> None:
    large = "GET /hub/static/components/@fortawesome/fontawesome-free/metadata/icon-families.json"
    head = f"{large} HTTP/1.1\r\nHost: hub\r\nContent-Length: {MIB}\r\n\r\n".encode()
    place, loop = urlsplit(hub.app.hub.url), asyncio.get_running_loop()
    with ExitStack() as stack:
        for _ in range(rules.BODIES // MIB + 1):
            deaf = stack.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KIB)
            deaf.setblocking(False)
            await loop.sock_connect(deaf, (place.hostname, place.port))
            await loop.sock_sendall(deaf, head + b"x" * MIB)
            assert await loop.sock_recv(deaf, 1) == b"H"
        await hub.login("maria")


async def test_s6_what_a_student_sends_is_text_in_the_log(hub: Hub) -> None:
    maria = await hub.login("maria")
    with log(hub) as written:
        for page in ("spawn", "user", "api/users", "spawn-pending"):
            await maria.get(f"{page}/%1b%5d0;x%07%0d%c2%9b2J")
    assert any(r"\x1b]0;x\x07\r\x9b2J" in entry for entry in written), "the log has no such name"
    assert [entry for entry in written if not entry.replace("\n", "").isprintable()] == []


async def test_w10_a_method_that_nobody_knows_is_no_label_of_a_metric(hub: Hub) -> None:
    await ask(hub, "BREW" + "X" * 1000 + " /hub/login")
    methods = {
        sample.labels["method"]
        for metric in REGISTRY.collect()
        if metric.name == "jupyterhub_request_duration_seconds"
        for sample in metric.samples
    }
    assert not [method for method in methods if "BREW" in method]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        pytest.param(FORM, b"username=" + b"x" * 60_000 + b"&password=y", 403, id="long name"),
        pytest.param(FORM, b"&".join(b"f%d=" % n for n in range(5000)), 400, id="many fields"),
        pytest.param(
            PARTS, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 1000, 400, id="many parts"
        ),
        pytest.param(JSON, b"[" * MIB, 403, id="JSON for a form"),
    ],
)
async def test_w10_a_login_of_nobody_is_bounded_in_log_and_memory(
    hub: Hub, kind: str, body: bytes, status: int
) -> None:
    with log(hub) as written, memory(16 * MIB):
        answer = await ask(hub, "POST /hub/login", body, Content_Type=kind, Content_Length=str(len(body)))
    assert answer[0] == status
    assert max((len(entry) for entry in written), default=0) <= lines.TRACE + 100


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * MIB, id="deep"),
        pytest.param(b'{"auth":' * 1000 + b"1" + b"}" * 1000, id="deep objects"),
        pytest.param(b"[" + b"[]," * 340_000 + b"[]]", id="many lists"),
        pytest.param(b"9" * MIB, id="long number"),
        pytest.param(b'{"auth": {"username": "' + b"x" * 1_000_000 + b'", "password": "y"}}', id="long name"),
    ],
)
async def test_w10_json_of_nobody_is_read_and_refused(hub: Hub, body: bytes) -> None:
    """JupyterHub reads it before it knows who asks: the login may stand in it."""
    await hub.login("maria")
    with log(hub) as written, memory(64 * MIB):
        line = "POST /hub/api/users/maria/tokens"
        status, _ = await ask(hub, line, body, Content_Type=JSON, Content_Length=str(len(body)))
    assert status in (400, 403)
    assert max(len(entry) for entry in written) <= lines.TRACE + 100
    assert await answers(hub)


async def test_w10_jupyterhubs_own_server_has_the_bounds(hub: Hub) -> None:
    server = hub.app.http_server
    assert isinstance(server, BoundedServer)
    assert server.conn_params.body_timeout == rules.ARRIVE
    assert server.conn_params.header_timeout == rules.ASK
    assert server.conn_params.max_header_size == rules.HEAD
    assert not server.conn_params.decompress


async def test_w10_hundreds_of_idle_connections_leave_the_hub_to_everybody_else(hub: Hub) -> None:
    with memory(32 * MIB):
        idle = [connected(hub) for _ in range(500)]
        for each in idle:
            await (await each.__aenter__()).send(b"GET /hub/login HTTP/1.1\r\n")
        assert await answers(hub)
        for each in idle:
            await each.__aexit__(None, None, None)


async def test_w10_the_largest_list_of_names_is_taken(hub: Hub) -> None:
    """A mebibyte of it; whoever has more to add adds it in parts."""
    body = json.dumps({"usernames": ["not/a/name" * 3] * 30_000}).encode()
    assert MIB - 100 * KIB < len(body) <= MIB
    answer = await hub.rest("sofia", "POST", "users", body)
    assert answer.status_code == 400, answer.text
    assert "Invalid usernames: not/a/name" in answer.text


@pytest.mark.parametrize(
    ("who", "path", "body", "status", "column"),
    [
        pytest.param("maria", "users/maria/tokens", {"note": "x" * 1024}, 400, orm.APIToken.note, id="note"),
        pytest.param("maria", "users/maria/tokens", {"note": "x" * 5 * MIB}, 413, orm.APIToken.note, id="note of 5 MB"),
        pytest.param("sofia", "users/" + "x" * 256, {}, 400, orm.User.name, id="user"),
        pytest.param("sofia", "users", {"usernames": ["x" * 256]}, 400, orm.User.name, id="users"),
        pytest.param("sofia", "groups/" + "x" * 256, {}, 400, orm.Group.name, id="group"),
        pytest.param("maria", "users/maria/servers/" + "x" * 300, {}, 400, orm.Spawner.name, id="server"),
    ],
)
async def test_w10_what_is_kept_is_no_longer_than_its_column(
    hub: Hub, who: str, path: str, body: dict[str, object], status: int, column: object
) -> None:
    answer = await hub.rest(who, "POST", path, json.dumps(body).encode())
    assert answer.status_code == status, answer.text[:500]
    kept = [value for (value,) in hub.app.db.query(column) if value]
    assert max(map(len, kept), default=0) < 256
    assert (await hub.rest(who, "GET", "user")).status_code == 200


async def test_w10_tokens_of_a_person_end_before_their_page_takes_long(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    peter = await hub.login("peter")
    there = hub.app.db.query(orm.APIToken).filter_by(user_id=hub.app.users["peter"].id).count()
    headers = {"Authorization": f"token {hub.app.users['peter'].new_api_token()}"}
    monkeypatch.setattr(stored, "TOKENS", there + 3)
    answers = [await peter._client.post("api/users/peter/tokens", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 400, 400]
    assert "Revoke some at /hub/token" in answers[-1].json()["message"]
    page = await peter.get("token")
    assert page.status_code == 200
    last = answers[1].json()["id"]
    assert (await peter._client.delete(f"api/users/peter/tokens/{last}", headers=headers)).status_code == 204
    assert (await peter._client.post("api/users/peter/tokens", headers=headers)).status_code == 201


async def test_w10_options_of_a_start_are_kept_as_the_profile_alone(hub: Hub) -> None:
    body = json.dumps({"profile": "x" * 100_000, "more": "y" * 100_000}).encode()
    await hub.start("maria", body)
    assert hub.app.users["maria"].spawner.orm_spawner.user_options == {"profile": "x" * 80}


async def test_w10_a_session_id_that_somebody_made_up_is_not_kept(hub: Hub) -> None:
    """A server's token carries the cookie of the login that made it."""
    assert await hub.start("maria") == "ready"
    maria = await hub.login("maria")
    client = maria._client
    client.cookies.set("jupyterhub-session-id", "x" * 5000, domain=client.base_url.host, path="/")
    query = f"client_id={quote('jupyterhub-user-maria')}&response_type=code&redirect_uri=/user/maria/oauth_callback"
    answer = await client.get(f"api/oauth2/authorize?{query}&state={'s' * 5000}")
    assert answer.status_code >= 400
    assert max((len(code.session_id or "") for code in hub.app.db.query(orm.OAuthCode)), default=0) < 256


async def test_w10_servers_that_never_were_leave_nothing_in_memory(hub: Hub) -> None:
    maria = await hub.login("maria")
    names = ["never", "x" * 200]
    for name in names:
        for path in ("spawn/maria/{}", "spawn-pending/maria/{}", "user/maria/{}/tree"):
            await maria.get(path.format(name))
        for method, path in (("POST", ""), ("DELETE", ""), ("GET", "/progress")):
            await hub.rest("maria", method, f"users/maria/servers/{name}{path}")
    assert set(hub.app.users["maria"].spawners) <= {""}


async def test_w10_people_who_never_were_leave_nothing(hub: Hub) -> None:
    before = {user.name for user in hub.app.db.query(orm.User)}
    async with hub._client() as nobody:
        for path in ("user/never/tree", "spawn/never", "api/users/never", "user-redirect/x", "login?username=never"):
            await nobody.get(path)
    maria = await hub.login("maria")
    for path in ("user/never/tree", "spawn/never", "api/users/never"):
        await maria.get(path)
    assert {user.name for user in hub.app.db.query(orm.User)} - before <= {"maria"}
