"""Runs in the machine: takes a server's runs, as the hub does, and executes each in a pod on a node of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

from ci.nfs import pod
from ci.nfs.agent import Identity
from ci.nfs.pod import Bind, Pod

# The folder of a manifest that is for any, and addresses where nothing is.
FOLDER, CLOSED = "0" * 32, ["127.0.0.1:9"]
SOCKET = "run/coursehub/runs"


def begin(server: Pod, manifest: Mapping[str, Any], version: str, export: Path) -> int:
    """The pid of what takes the runs of this server."""
    where = server.root / SOCKET
    words = [str(where), json.dumps(manifest), version, str(export)]
    door = subprocess.Popen([sys.executable, "-m", __name__, *words], stdout=subprocess.PIPE, start_new_session=True)
    assert door.stdout is not None
    assert door.stdout.readline(), "nobody takes runs"
    os.chown(where, server.identity.uid, server.identity.gid)
    return door.pid


def end(pid: int) -> None:
    """Runs are taken no more."""
    os.kill(pid, signal.SIGTERM)


class Door(ThreadingMixIn, UnixStreamServer):
    """The socket."""

    daemon_threads = True

    def __init__(self, path: str, manifest: Mapping[str, Any], version: str, export: Path) -> None:
        super().__init__(path, Handler)
        self.runs: dict[str, dict[str, str]] = {}
        self._manifest, self._version, self._export = manifest, version, export

    def execute(self, folder: str) -> None:
        """Says how it ended."""
        try:
            self._execute(folder)
        except Exception as error:  # noqa: BLE001 (whoever waits for it reads it)
            self.runs[folder] = {"state": "failed", "sentence": repr(error)}
        else:
            self.runs[folder] = {"state": "done", "sentence": ""}

    def _execute(self, folder: str) -> None:
        """Has the pod's containers run one after the other."""
        spec = self._manifest["spec"]
        containers = [*spec["initContainers"], *spec["containers"]]
        security = spec["securityContext"]
        who = Identity(security["runAsUser"], security["runAsGroup"], tuple(security["supplementalGroups"]))
        steps = [self._step(container, who, folder) for container in containers]
        pod.assemble(steps[0][0], self._version, self._export, list(_binds(containers)))
        try:
            for step, words in steps:
                code, said = pod.run(step, words)
                if code:
                    raise RuntimeError(f"{words[0]} ended with {code}: {said}")
        finally:
            pod.dismantle(steps[0][0])

    @staticmethod
    def _step(container: Mapping[str, Any], who: Identity, folder: str) -> tuple[Pod, list[str]]:
        environment = {each["name"]: each["value"] for each in container["env"]}
        made = Pod(f"run-{folder}", who, container["workingDir"], {"PATH": pod.PATH, **environment}, entrypoint=())
        return made, [folder if word == FOLDER else word for word in container["command"]]


def _binds(containers: Sequence[Mapping[str, Any]]) -> Iterator[Bind]:
    """The folders of all containers: one of which a container writes can be written by the others, too."""
    mounts = [each for container in containers for each in container["volumeMounts"]]
    for path in dict.fromkeys(each["mountPath"] for each in mounts):
        same = [each for each in mounts if each["mountPath"] == path]
        yield Bind(path, same[0].get("subPath"), all(each.get("readOnly") for each in same))


class Handler(BaseHTTPRequestHandler):
    """What is asked about one run."""

    server: Door

    def answer(self) -> None:
        """Begins it, says how it is, or forgets it."""
        folder = self.path.removeprefix("/")
        if self.command == "DELETE":
            self.server.runs.pop(folder, None)
        if self.command == "PUT":
            self.server.runs[folder] = {"state": "waiting", "sentence": ""}
            threading.Thread(target=self.server.execute, args=(folder,), daemon=True).start()
        body = json.dumps(self.server.runs.get(folder, {})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


if __name__ == "__main__":
    socket, manifest, version, export = sys.argv[1:]
    with Door(socket, json.loads(manifest), version, Path(export)) as door:
        print("open", flush=True)
        door.serve_forever()
