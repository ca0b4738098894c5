"""Kubernetes without kubelets: the real etcd, kube-apiserver and kube-scheduler, and nodes that are objects alone.

What a kubelet would do, such as run a pod or end it by its deadline, nobody does here. `make up` builds the programs.
"""

import json
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ci.cluster import binaries
from ci.cluster.layout import Layout

_READY = 60.0


@dataclass(frozen=True)
class ControlPlane:
    """A cluster's API, as its administrator has it."""

    url: str
    token: str
    authority: Path

    def trust(self) -> ssl.SSLContext:
        """By what the API server has made for itself in this run."""
        return ssl.create_default_context(cafile=self.authority)

    def ask(self, method: str, path: str, body: object = None, *, kind: str = "application/json") -> Any:
        """The API's answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        content = None if body is None else json.dumps(body)
        response = httpx.request(
            method, self.url + path, headers=headers, content=content, verify=self.trust(), timeout=30
        )
        assert response.is_success, f"{method} {path}: {response.text}"
        return response.json()

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        """All pods there."""
        items: list[dict[str, Any]] = self.ask("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
        return items

    def node(self, name: str, **allocatable: str) -> None:
        """There is one more node, ready, with so much to give."""
        self.ask("POST", "/api/v1/nodes", {"metadata": {"name": name}})
        status = {
            "allocatable": {"pods": "110", "ephemeral-storage": "100Gi", **allocatable},
            "capacity": {"pods": "110", "ephemeral-storage": "100Gi", **allocatable},
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        path = f"/api/v1/nodes/{name}"
        self.ask("PATCH", f"{path}/status", {"status": status}, kind="application/merge-patch+json")
        # Nobody who looks after nodes runs, and a new one is not ready by admission.
        self.ask("PATCH", path, {"spec": {"taints": []}}, kind="application/merge-patch+json")


@contextmanager
def running(folder: Path) -> Iterator[ControlPlane]:
    """A new one that keeps all it has in the folder."""
    layout = Layout.from_environment()
    if not Path(binaries.program(layout, "kube-apiserver")).exists():
        pytest.skip("the cluster's programs are not built: make up")
    etcd, peers, port, metrics = _ports(4)
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "accounts.key").write_bytes(private)
    plane = ControlPlane(f"https://127.0.0.1:{port}", token, folder / "certificates/apiserver.crt")
    (folder / "kubeconfig").write_text(json.dumps(_access(plane)))
    with ExitStack() as stack:
        for name, flags in (
            (
                "etcd",
                {
                    "data-dir": folder / "etcd",
                    "listen-client-urls": f"http://127.0.0.1:{etcd}",
                    "advertise-client-urls": f"http://127.0.0.1:{etcd}",
                    "listen-peer-urls": f"http://127.0.0.1:{peers}",
                    "unsafe-no-fsync": "true",
                },
            ),
            (
                "kube-apiserver",
                {
                    "bind-address": "127.0.0.1",
                    "secure-port": port,
                    "cert-dir": folder / "certificates",
                    "etcd-servers": f"http://127.0.0.1:{etcd}",
                    "authorization-mode": "RBAC",
                    "token-auth-file": folder / "tokens.csv",
                    "service-account-issuer": "https://kubernetes.default.svc",
                    "service-account-key-file": folder / "accounts.key",
                    "service-account-signing-key-file": folder / "accounts.key",
                    "service-cluster-ip-range": "10.96.0.0/16",
                    # Else it waits for a controller to make each namespace's account.
                    "disable-admission-plugins": "ServiceAccount,TaintNodesByCondition",
                },
            ),
            (
                "kube-scheduler",
                {
                    "bind-address": "127.0.0.1",
                    "secure-port": metrics,
                    "kubeconfig": folder / "kubeconfig",
                    "leader-elect": "false",
                    "cert-dir": folder / "certificates",
                },
            ),
        ):
            stack.enter_context(_program(binaries.program(layout, name), flags, folder / f"{name}.log"))
            if name == "kube-apiserver":
                _wait(plane, folder / "kube-apiserver.log")
        yield plane


def _ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def _program(path: str, flags: dict[str, object], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        command = [path, *(f"--{name}={value}" for name, value in flags.items())]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(plane: ControlPlane, log: Path) -> None:
    end = time.monotonic() + _READY
    while time.monotonic() < end:
        try:
            headers = {"Authorization": f"Bearer {plane.token}"}
            if httpx.get(f"{plane.url}/readyz", headers=headers, verify=plane.trust(), timeout=5).is_success:
                return
        except (httpx.HTTPError, OSError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"the API server did not begin to answer:\n{log.read_text()[-2000:]}")


def _access(plane: ControlPlane) -> dict[str, Any]:
    named = {"name": "admin"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{**named, "cluster": {"server": plane.url, "certificate-authority": str(plane.authority)}}],
        "users": [{**named, "user": {"token": plane.token}}],
        "contexts": [{**named, "context": {"cluster": "admin", "user": "admin"}}],
        "current-context": "admin",
    }
