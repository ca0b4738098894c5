"""The culler stops what is idle and leaves what works."""

from collections.abc import Callable

from .cluster import ROOT, Installation, until
from .person import Person, send

TIMEOUT = 75
QUICK = [
    *("--set", f"jupyterhub.cull.timeout={TIMEOUT}", "--set", "jupyterhub.cull.every=10"),
    *("--set", "servers.activityInterval=10"),
]


def test_an_idle_server_is_stopped_and_a_busy_one_is_left(
    log_in: Callable[[str], Person], installation: Installation
) -> None:
    """Also after a restart of the hub: the upgrade to the quick culler is one, and both servers are older than it."""
    idle, busy = log_in("emma"), log_in("jonas")
    busy.start("python-intro")
    idle.start("python-intro")
    pod = installation.pod_of("jonas")
    assert pod is not None
    before = installation.hub()
    kernel = busy.kernel()
    with kernel.channel() as socket:
        send(socket, "import time\nwhile True:\n    print('.', end='', flush=True); time.sleep(1)")
        try:
            installation.helm(ROOT / "values/courses.yaml", *QUICK)
            until(lambda: installation.hub_is_ready_after(before), 90, "the hub with a quick culler")
            until(lambda: installation.pod_of("emma") is None, 3 * TIMEOUT, "the idle server stopped", every=3)
            now = installation.pod_of("jonas")
            assert now is not None, "the busy server was stopped too"
            assert now["metadata"]["uid"] == pod["metadata"]["uid"]
        finally:
            installation.helm(ROOT / "values/courses.yaml")
            until(installation.hub_is_ready, 90, "the hub as before")
