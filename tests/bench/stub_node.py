"""A node without a machine: the API server has it, and of its pods it is said what a kubelet would say.

Their server is one for all, which answers every request at once. So as many start as one likes, and what is left to
take time is the hub, the proxy and Kubernetes' API.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Event, Thread
from typing import Any

from aiohttp import web
from kubernetes_asyncio import client, config, watch

from tests.e2e.cluster import Installation

NAME = "stub"
LABEL = "coursehub.example/stub"
# Values of upstream by which servers, and nothing else, come here.
SINGLEUSER = {"nodeSelector": {LABEL: "true"}, "extraTolerations": [{"key": LABEL, "operator": "Exists"}]}
# Seconds from the node's first sight of a pod until its server answers: as of a real one on a machine at rest.
BOOTS = 2.0
# Seconds; a node that says nothing for forty is taken for dead.
_ALIVE = 10.0
_MERGE = "application/merge-patch+json"
_ALLOCATABLE = {"cpu": "1000", "memory": "4Ti", "pods": "2000", "ephemeral-storage": "1Ti"}


@contextmanager
def stub_node(installation: Installation, address: str, port: int) -> Iterator[None]:
    """The cluster has the node, whose pods' servers answer at the address and port, which are of this machine."""
    loop = asyncio.new_event_loop()
    ready, over = Event(), asyncio.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            loop.run_until_complete(_run(installation.kubeconfig, address, port, ready, over))
        except BaseException as error:  # noqa: BLE001 - it is raised where the block ends
            failed.append(error)
        finally:
            ready.set()

    thread = Thread(target=run, name="stub node")
    thread.start()
    try:
        ready.wait()
        if not failed:
            yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        installation.kubectl("delete", f"node/{NAME}", "--ignore-not-found")
    for error in failed:
        raise error


async def _run(kubeconfig: str, address: str, port: int, ready: Event, over: asyncio.Event) -> None:
    await config.load_kube_config(kubeconfig)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    async with client.ApiClient() as api:
        core, leases = client.CoreV1Api(api), client.CoordinationV1Api(api)
        await web.TCPSite(runner, address, port).start()
        await _join(core, leases)
        kubelet = _Kubelet(core, address)
        tasks = [asyncio.create_task(work) for work in (kubelet.run(), _stay(leases))]
        ready.set()
        try:
            await asyncio.wait([asyncio.create_task(_ends(over)), *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()


async def _ends(over: asyncio.Event) -> None:
    await over.wait()


async def _answer(_: web.Request) -> web.Response:
    return web.json_response({"version": "stub"}, headers={"X-JupyterHub-Version": "stub"})


async def _join(core: Any, leases: Any) -> None:
    with suppress(client.ApiException):
        await core.delete_node(NAME)
    await core.create_node({"metadata": {"name": NAME, "labels": {LABEL: "true", "kubernetes.io/hostname": NAME}}})
    await _renew(leases)
    status = {
        "allocatable": _ALLOCATABLE,
        "capacity": _ALLOCATABLE,
        "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": _now()}],
    }
    await core.patch_node_status(NAME, {"status": status}, _content_type=_MERGE)
    # Those that say of a new node that it is not ready go as well.
    taints = [{"key": LABEL, "value": "true", "effect": "NoSchedule"}]
    await core.patch_node(NAME, {"spec": {"taints": taints}}, _content_type=_MERGE)


async def _renew(leases: Any) -> None:
    lease = {"spec": {"holderIdentity": NAME, "leaseDurationSeconds": 40, "renewTime": _now()}}
    try:
        await leases.patch_namespaced_lease(NAME, "kube-node-lease", lease, _content_type=_MERGE)
    except client.ApiException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        await leases.create_namespaced_lease("kube-node-lease", {"metadata": {"name": NAME}, **lease})


async def _stay(leases: Any) -> None:
    while True:
        await asyncio.sleep(_ALIVE)
        await _renew(leases)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class _Kubelet:
    """Says of each pod that it runs, some time after it came, and that it has ended when it is to end."""

    def __init__(self, core: Any, address: str) -> None:
        self._core = core
        self._address = address
        self._known: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        selector = f"spec.nodeName={NAME}"
        while True:
            async with watch.Watch().stream(
                self._core.list_pod_for_all_namespaces, field_selector=selector, timeout_seconds=600
            ) as events:
                async for event in events:
                    self._see(event["raw_object"]["metadata"], event["raw_object"]["spec"])

    def _see(self, metadata: dict[str, Any], spec: dict[str, Any]) -> None:
        ends = "deletionTimestamp" in metadata
        key = f"{metadata['uid']} {ends}"
        if key not in self._known:
            self._known.add(key)
            self._begin(self._remove(metadata) if ends else self._boot(metadata, spec))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _boot(self, metadata: dict[str, Any], spec: dict[str, Any]) -> None:
        await asyncio.sleep(BOOTS)
        running = {"running": {"startedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
        status = {
            "phase": "Running",
            "podIP": self._address,
            "podIPs": [{"ip": self._address}],
            "conditions": [{"type": each, "status": "True"} for each in ("Initialized", "Ready", "ContainersReady")],
            "containerStatuses": [
                {
                    "name": each["name"],
                    "ready": True,
                    "restartCount": 0,
                    "image": each["image"],
                    "imageID": "",
                    "state": running,
                }
                for each in spec["containers"]
            ],
        }
        await _kept(self._core.patch_namespaced_pod_status, metadata, {"status": status}, _content_type=_MERGE)

    async def _remove(self, metadata: dict[str, Any]) -> None:
        await _kept(self._core.delete_namespaced_pod, metadata, grace_period_seconds=0)


async def _kept(call: Callable[..., Any], metadata: dict[str, Any], *more: object, **options: object) -> None:
    """What is said of a pod that is gone meanwhile is not heard."""
    try:
        await call(metadata["name"], metadata["namespace"], *more, **options)
    except client.ApiException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            logging.getLogger(__name__).error("pod %s: %s", metadata["name"], json.dumps(str(error.body)))
            raise
