"""What one server may do to its node: kubelet, not the plan alone, ends it, and nobody else notices (N9)."""

import contextlib
from collections.abc import Callable

import httpx
from websockets.exceptions import ConnectionClosed

from .cluster import Installation
from .failing import dies, newest
from .person import Person, said

LogIn = Callable[[str], Person]

# Each below the gigabyte of values/local.yaml, and both together above it.
FILL = "for each in /tmp /run/coursehub; do head --bytes=600M /dev/zero > $each/big; done; sleep 90"
FORK = """
import subprocess
made = []
try:
    while len(made) < 5000:
        made.append(subprocess.Popen(["sleep", "600"]))
except OSError as error:
    refused = error.errno
for each in made[-50:]:
    each.kill()
print(len(made), refused)
"""


def test_n9_a_server_that_fills_its_node_is_evicted_and_its_person_reads_why(
    log_in: LogIn, installation: Installation
) -> None:
    nils, olga = log_in("nils"), log_in("olga")
    nils.start("general")
    olga.start("general")
    with contextlib.suppress(AssertionError, ConnectionClosed, TimeoutError, httpx.HTTPError):
        nils.terminal(FILL, 100)
    dies(nils)
    sentence = "Your server put more into caches, /tmp and its log than the 1G that it may have, and was ended."
    assert sentence in said(nils.client.get("/hub/courses"))
    record = newest(installation, "nils")
    assert (record["reason"], record["stage"]) == ("scratch", "running"), record
    assert olga.reaches_server()


def test_n9_a_fork_without_end_ends_in_its_server(log_in: LogIn, installation: Installation) -> None:
    nils, olga = log_in("nils"), log_in("olga")
    core = installation.core()
    nils.start("general")
    olga.start("general")
    kernel = nils.kernel()
    made, refused = map(int, kernel.run(FORK, 120).split())
    assert (made < 1024, refused) == (True, 11), "kubelet's podPidsLimit does not hold"
    assert olga.terminal("id -u") == "20006"
    assert kernel.run("print(len([each.kill() for each in made]))").strip() == str(made)
    assert installation.core() == core
    assert nils.reaches_server()
