"""Plain z2jh beside ours: the same chart, hub, proxy and image, without coursehub, in a namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.cluster import CHART, Installation, until

NAMESPACE = "plain"
CLAIM = "plain-homes"
PASSWORD = "plain-password"
# Of a server, on both sides: beside two hubs and proxies, twenty servers are to fit two cores.
GUARANTEE = {"cpu": 0.01, "memory": "128M"}

_PATIENCE = """
c.Spawner.http_timeout = c.Spawner.start_timeout = 600
c.KubeSpawner.k8s_api_request_timeout = 60
c.KubeSpawner.k8s_api_request_retry_timeout = 300
"""


def _values(installation: Installation, arguments: Sequence[str]) -> dict[str, Any]:
    made = json.loads((Path(installation.kubeconfig).parent / "values.json").read_text())
    (image,) = set(made["images"].values())
    name, _, tag = image.rpartition(":")
    never = {"pullPolicy": "Never"}
    return {
        "hub": {
            "image": {**made["jupyterhub"]["hub"]["image"], **never},
            "db": {"type": "sqlite-memory"},
            "config": {
                "JupyterHub": {"authenticator_class": "dummy"},
                "DummyAuthenticator": {"password": PASSWORD},
                "Authenticator": {"allow_all": True},
            },
            # Upstream's defaults let bursts end in time-outs that make the hub exit; the comparison is of what works.
            "consecutiveFailureLimit": 0,
            "extraConfig": {"patience": _PATIENCE},
        },
        "proxy": {
            "chp": {"image": {**made["jupyterhub"]["proxy"]["chp"]["image"], **never}},
            "service": {"type": "ClusterIP"},
        },
        "singleuser": {
            "image": {"name": name, "tag": tag, **never},
            "cmd": ["python3", "-s", "-P", "-m", "jupyterhub.singleuser", *arguments],
            "storage": {"type": "static", "static": {"pvcName": CLAIM}, "homeMountPath": "/home/jovyan"},
            "cloudMetadata": {"blockWithIptables": False},
            "memory": {"guarantee": GUARANTEE["memory"], "limit": "1G"},
            "cpu": {"guarantee": GUARANTEE["cpu"], "limit": 1},
            "extraEnv": {"HOME": "/home/jovyan", "JUPYTER_CONFIG_PATH": "/opt/coursehub/config/student"},
        },
        "scheduling": {"userScheduler": {"enabled": False}},
        "prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}},
        "cull": {"enabled": False},
    }


def _volume(homes: Path) -> dict[str, Any]:
    size = {"storage": "1Gi"}
    spec = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    bound = {"volumeName": CLAIM, "resources": {"requests": size}}
    volume = {"capacity": size, "hostPath": {"path": str(homes)}, "claimRef": {"namespace": NAMESPACE, "name": CLAIM}}
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": CLAIM}, "spec": spec | volume},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": NAMESPACE},
            "spec": spec | bound,
        },
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


@contextmanager
def plain_z2jh(installation: Installation, people: Sequence[str], arguments: Sequence[str]) -> Iterator[str]:
    """The address of a plain hub whose servers have homes on the same disk and get more `arguments`."""
    chart = str(CHART / "charts/jupyterhub")
    command = ["helm", "upgrade", "--install", "plain", chart, "--namespace", NAMESPACE]
    homes = Path(installation.kubeconfig).parent / "plain-homes"
    for name in people:
        (homes / name).mkdir(parents=True, exist_ok=True)
        os.chown(homes / name, 1000, 1000)
    apply = ("kubectl", "apply", "--server-side", "-f", "-")
    _run(installation.environment, *apply, text=json.dumps(_volume(homes)))
    values = json.dumps(_values(installation, arguments))
    _run(installation.environment, *command, "--wait", "--values", "-", text=values)
    service = ["kubectl", "--namespace", NAMESPACE, "get", "service", "proxy-public", "--output"]
    try:
        url = f"http://{_run(installation.environment, *service, 'jsonpath={.spec.clusterIP}')}"
        until(lambda: _answers(url), 60, "the plain hub behind its proxy")
        yield url
    finally:
        _run(installation.environment, "kubectl", "delete", f"namespace/{NAMESPACE}", f"pv/{CLAIM}", "--wait")
        shutil.rmtree(homes)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/hub/health", timeout=5).is_success
    except httpx.TransportError:
        return False


def _run(environment: Mapping[str, str], *command: str, text: str | None = None) -> str:
    done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])}: {done.stderr}")
    return done.stdout
