"""The namespace is there and restricted, or a command makes it so."""

from typing import Any

import pytest
from coursehub.cli.cluster import namespaces

LABEL = "kubectl label --overwrite namespace teaching pod-security.kubernetes.io/enforce=restricted"


def namespace(level: str | None) -> Any:
    """As the API has it."""
    labels = {"kubernetes.io/metadata.name": "teaching"} | ({namespaces.LABEL: level} if level else {})
    return {"metadata": {"name": "teaching", "labels": labels}}


@pytest.mark.parametrize(
    ("found", "todo"),
    [
        pytest.param(namespace("restricted"), None, id="restricted"),
        pytest.param(namespace("baseline"), LABEL, id="less"),
        pytest.param(namespace(None), LABEL, id="no label"),
        pytest.param(None, f"kubectl create namespace teaching && {LABEL}", id="none"),
    ],
)
def test_what_is_missing_is_a_command(found: Any, todo: str | None) -> None:
    assert namespaces.line("teaching", found).todo == todo


def test_who_may_not_look_reads_what_somebody_else_has_to_look_at() -> None:
    assert "kubectl get namespace teaching --show-labels" in str(namespaces.unseen("teaching").todo)
