"""A server that fails, and what is kept of it."""

import json
from typing import Any

from .cluster import Installation, until
from .person import Person


def newest(installation: Installation, person: str) -> dict[str, Any]:
    """What `coursehub logs` knows of a person's last failure, whose pod is gone."""
    until(lambda: installation.pod_of(person) is None, 60, f"the pod of {person} gone")
    found: dict[str, Any] = json.loads(installation.coursehub("logs", person, "--json"))
    assert found["pod"] is None
    record: dict[str, Any] = found["failures"][0]
    return record


def dies(person: Person) -> None:
    """The hub notices that the person's server is no more."""
    until(lambda: person.model() is None, 90, f"the hub to see that the server of {person.name} died")
