"""Where nothing enforces NetworkPolicies, `helm test` says so; here the local cluster goes without its engine."""

from collections.abc import Iterator
from contextlib import contextmanager

from ci.cluster import nodes, policies, processes
from ci.cluster.layout import Layout
from tests.e2e.cluster import Installation, until

from .command import run


@contextmanager
def not_enforced() -> Iterator[None]:
    """The engine is stopped and its rules are gone; afterwards it is as before."""
    first, *_ = nodes.present(Layout.from_environment())
    engine = processes.record(first, "kube-router")
    assert engine
    processes.stop(engine)
    policies.remove()
    try:
        yield
    finally:
        done = run("up")
        assert done.returncode == 0, done.stderr


def test_n7_where_nothing_enforces_policies_helm_test_is_red_and_says_so_and_green_again_afterwards() -> None:
    """N7"""
    installation = Installation.here()
    until(installation.hub_is_ready, 120, "the hub behind the proxy")
    with not_enforced():
        done = installation.helm_test("network-test-student")
        assert done.returncode != 0
        assert "Open, and it has to be closed: the proxy's API (proxy-api:8001)." in done.stdout
        assert "\nNothing enforces network policies here: servers reach the file server, the nodes" in done.stdout
    done = installation.helm_test("network-test-student")
    assert done.returncode == 0, done.stdout
    assert "\nNetwork policies are enforced here." in done.stdout
