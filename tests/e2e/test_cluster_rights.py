"""What the account of the hub may do in a real cluster: its namespace's pods, and little else."""

import pytest

from .cluster import Installation


def may(installation: Installation, account: str, *what: str) -> bool:
    """Whether the cluster lets a service account of the hub's namespace do something there, or where `what` says."""
    who = f"--as=system:serviceaccount:{installation.namespace}:{account}"
    return installation.kubectl("auth", "can-i", *what, who, check=False).split()[-1:] == ["yes"]


@pytest.mark.parametrize(
    "what", [("create", "pods"), ("delete", "pods"), ("get", "secrets"), ("watch", "events")], ids=" ".join
)
def test_the_hub_may_start_and_stop_servers(installation: Installation, what: tuple[str, ...]) -> None:
    assert may(installation, "hub", *what)


@pytest.mark.parametrize(
    "what",
    [
        *(("create", each) for each in ("clusterroles", "clusterrolebindings", "roles", "rolebindings", "namespaces")),
        *(("get", each) for each in ("nodes", "persistentvolumes")),
        *(("update", each) for each in ("configmaps", "secrets", "deployments.apps")),
        ("create", "pods", "--subresource=exec"),
        ("create", "pods", "--namespace=kube-system"),
        ("get", "secrets", "--namespace=kube-system"),
        ("list", "pods", "--all-namespaces"),
    ],
    ids=" ".join,
)
def test_s4_the_hub_may_do_nothing_that_reaches_further(installation: Installation, what: tuple[str, ...]) -> None:
    assert not may(installation, "hub", *what)


@pytest.mark.parametrize("account", ["coursehub:hub", "coursehub-storage:coursehub-check"])
def test_s4_of_config_maps_the_hub_and_the_nightly_check_may_read_the_charts_and_no_other(
    installation: Installation, account: str
) -> None:
    def may_do(verb: str, what: str) -> bool:
        who = f"--as=system:serviceaccount:{account}"
        return installation.kubectl("auth", "can-i", verb, what, who, check=False).split()[-1:] == ["yes"]

    for name in ("coursehub-site", "coursehub-courses"):
        assert {verb: may_do(verb, f"configmaps/{name}") for verb in ("get", "list", "watch", "update", "delete")} == {
            "get": True,
            "list": True,
            "watch": True,
            "update": False,
            "delete": False,
        }
    for name in ("coursehub-authorities", "coursehub-module"):
        assert may_do("get", f"configmaps/{name}") is account.endswith(":hub")
    assert not may_do("get", "configmaps/hub")
    assert not may_do("list", "configmaps")
    if account.endswith("coursehub-check"):
        assert not may_do("get", "secrets")
        assert not may_do("get", "secrets/coursehub-provisioner")
        assert not may_do("get", "pods")


@pytest.mark.parametrize("what", [("create", "pods"), ("get", "secrets"), ("list", "pods")], ids=" ".join)
def test_the_namespaces_default_account_may_do_nothing(installation: Installation, what: tuple[str, ...]) -> None:
    """Upstream's proxy runs as it."""
    assert not may(installation, "default", *what)
