"""Plain z2jh beside ours: the same chart, hub, proxy and image, without coursehub, in a namespace of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.cluster import Installation

NAMESPACE = "plain"
PASSWORD = "plain-password"


def _values(installation: Installation, config: str) -> dict[str, Any]:
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
            "extraConfig": {"patience": "c.Spawner.http_timeout = 180"},
        },
        "proxy": {
            "chp": {"image": {**made["jupyterhub"]["proxy"]["chp"]["image"], **never}},
            "service": {"type": "ClusterIP"},
        },
        "singleuser": {
            "image": {"name": name, "tag": tag, **never},
            "cmd": ["python3", "-s", "-m", "jupyterhub.singleuser"],
            "storage": {"type": "none"},
            "cloudMetadata": {"blockWithIptables": False},
            "memory": {"guarantee": "128M", "limit": "1G"},
            "cpu": {"guarantee": 0.05, "limit": 1},
            "extraEnv": {"HOME": "/tmp", "JUPYTER_CONFIG_PATH": config},  # noqa: S108 - the pod's own
        },
        "scheduling": {"userScheduler": {"enabled": False}},
        "prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}},
        "cull": {"enabled": False},
    }


@contextmanager
def plain_z2jh(installation: Installation, config: str) -> Iterator[str]:
    """The address of a plain hub whose servers have the extensions of the config folder `config`."""
    cache = Path(os.environ.get("COURSEHUB_CACHE") or Path.home() / ".cache/coursehub")
    chart = str(cache / "chart/charts/jupyterhub")
    command = ["helm", "upgrade", "--install", "plain", chart, "--namespace", NAMESPACE, "--create-namespace"]
    _run(installation.environment, *command, "--wait", "--values", "-", text=json.dumps(_values(installation, config)))
    service = ["kubectl", "--namespace", NAMESPACE, "get", "service", "proxy-public", "--output"]
    try:
        yield f"http://{_run(installation.environment, *service, 'jsonpath={.spec.clusterIP}')}"
    finally:
        _run(installation.environment, "kubectl", "delete", "namespace", NAMESPACE, "--wait")


def _run(environment: Mapping[str, str], *command: str, text: str | None = None) -> str:
    done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])}: {done.stderr}")
    return done.stdout
