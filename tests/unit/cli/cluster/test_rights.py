"""The rights of whoever installs are asked of the API, and for each that is missing there is a way without."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from coursehub.cli import values
from coursehub.cli.cluster import rights

NFS: dict[str, Any] = {
    "storage": {"nfs": {"server": "nfs.example.edu", "path": "/export"}},
    "corePriority": 1000000,
} | {"jupyterhub": {"hub": {"extraPodSpec": {"priorityClassName": "coursehub-core"}}}}


def resources(site: dict[str, Any]) -> set[tuple[str, str]]:
    """Where, and what."""
    return {(right.namespace, right.resource) for right in rights.wanted(site, "teaching")}


def answered(site: dict[str, Any], denied: Iterable[str] = ()) -> str:
    """What kubectl prints of the API's answers; whole resources are denied, or `verb resource`."""
    printed = []
    for review in rights.reviews(rights.wanted(site, "teaching")):
        attributes = review["spec"]["resourceAttributes"]
        no = {attributes["resource"], f"{attributes['verb']} {attributes['resource']}"} & set(denied)
        printed.append(json.dumps({**review, "status": {"allowed": not no}}, indent=4))
    return "\n".join(printed)


def lines(site: dict[str, Any], *denied: str) -> list[Any]:
    return list(rights.lines(list(rights.wanted(site, "teaching")), rights.answers(answered(site, denied))))


def test_what_the_values_turn_on_is_asked_for_and_nothing_else() -> None:
    least = resources(NFS)
    assert {("", "persistentvolumes"), ("", "priorityclasses"), ("teaching", "deployments")} <= least
    assert ("", "namespaces") not in least
    assert ("teaching", "cronjobs") not in least
    more = {"provisioner": {"enabled": True}, "check": {"schedule": "@daily"}}
    storage = NFS | {"storage": NFS["storage"] | more}
    added = resources(storage) - least
    assert {("", "namespaces"), ("teaching-storage", "deployments"), ("teaching-storage", "cronjobs")} <= added
    monitoring = {"spawnTest": {"enabled": True}, "serviceMonitor": {"enabled": True}, "rules": {"enabled": True}}
    assert resources(NFS | {"monitoring": monitoring}) - least == {
        ("teaching", "cronjobs"),
        ("teaching", "servicemonitors"),
        ("teaching", "prometheusrules"),
    }


def test_a_claim_of_the_sites_and_a_class_that_is_there_take_no_right_of_the_cluster() -> None:
    site = {"storage": {"existingClaim": "coursehub-storage"}, "jupyterhub": NFS["jupyterhub"]}
    assert not [name for namespace, name in resources(site) if not namespace]


def test_by_default_the_charts_class_is_made() -> None:
    assert ("", "priorityclasses") in resources(dict(values.of([])))


def test_who_has_all_of_them_reads_one_line() -> None:
    (line,) = lines(NFS)
    assert line.todo is None


@pytest.mark.parametrize(
    ("denied", "message", "todo"),
    [
        (
            "persistentvolumes",
            "may not create, patch, delete: persistentvolumes",
            "storage.existingClaim: coursehub-storage",
        ),
        ("priorityclasses", "priorityclasses.scheduling.k8s.io", "corePriority: null"),
        (
            "patch roles",
            "may not patch in teaching: roles.rbac.authorization.k8s.io",
            "ask for the ClusterRole admin in teaching",
        ),
    ],
)
def test_one_that_is_missing_is_said_with_what_to_do_without(denied: str, message: str, todo: str) -> None:
    (line,) = lines(NFS, denied)
    assert message in line.message
    assert todo in line.todo


def test_what_has_the_same_remedy_is_one_line() -> None:
    (line,) = lines(NFS, "secrets", "roles", "delete pods")
    assert line.message == (
        "this account may not delete in teaching: pods; create, patch, delete in teaching: secrets, "
        "roles.rbac.authorization.k8s.io"
    )
