"""People of the bench, with homes and leave to log in, added to the installation under test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.chart.helm import merged
from tests.e2e.cluster import COURSES, ROOT, Installation, until


def add(installation: Installation, names: Sequence[str], more: Mapping[str, Any] | None = None) -> list[str]:
    """Makes the homes and upgrades the release; `more` are values laid over the others, none of which names people.

    The words by which helm has them in a later upgrade.
    """
    people = {name: {"uid": 21000 + number, "gid": 21000 + number} for number, name in enumerate(names)}
    state = Path(installation.kubeconfig).parent
    allowed = [*_values(installation)["jupyterhub"]["hub"]["config"]["Authenticator"]["allowed_users"], *names]
    added = {
        "identity": {"file": {"people": people}},
        "jupyterhub": {"hub": {"config": {"Authenticator": {"allowed_users": allowed}}}},
    }
    file = state / "bench-values.json"
    file.write_text(json.dumps(merged(added, more or {})))
    sites = [word for path in ("values/local.yaml", state / "values.json", file) for word in ("--site", str(path))]
    command = [".venv/bin/coursehub", "storage", "ensure", "--root", str(installation.share), *sites]
    subprocess.run([*command, "values/courses.yaml"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    before = installation.hub()
    values = ["--values", str(file)]
    installation.helm(COURSES, *values)
    until(lambda: installation.hub_is_ready_after(before), 90, "the hub with the bench people")
    return values


def _values(installation: Installation) -> dict[str, Any]:
    command = ["helm", "get", "values", "coursehub", "--namespace", installation.namespace, "--output", "json"]
    done = subprocess.run(command, env=installation.environment, capture_output=True, text=True, check=True)
    values: dict[str, Any] = json.loads(done.stdout)
    return values
