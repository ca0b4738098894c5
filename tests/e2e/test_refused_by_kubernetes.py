"""S7: a real API server refuses a pod, and its person reads a sentence."""

import json
from collections.abc import Callable

import pytest

from .cluster import Installation, until
from .failing import newest
from .person import Person, said

LogIn = Callable[[str], Person]

NO_ROOM = (
    "Your server was not started, because the cluster has no room for one more now. Please start it again later, and "
    "tell the administrators if it stays so."
)
QUOTA = "coursehub-test-full"


@pytest.mark.alone
def test_s7_a_quota_that_is_used_up_is_a_sentence_and_the_admin_reads_which(
    log_in: LogIn, installation: Installation
) -> None:
    olga = log_in("olga")
    # Pods that are there stay, and nobody gets one more.
    installation.kubectl("create", "quota", QUOTA, "--hard=pods=0")
    try:
        known = ("get", "quota", QUOTA, "--output", "jsonpath={.status.hard.pods}")
        until(lambda: installation.kubectl(*known) == "0", 30, "the quota counted")
        olga.choose("general")
        last = olga.progress()
        assert last.get("failed"), f"a server over the quota: {last}"
        pages = "".join(said(olga.client.get(path)) for path in ("/hub/spawn-pending/olga", "/hub/courses"))
    finally:
        installation.kubectl("delete", "quota", QUOTA)
    assert last["message"] == f"Spawn failed: {NO_ROOM}"
    assert pages.count(NO_ROOM) == 2
    for word in (QUOTA, "jupyter-olga", "Audit-Id", "forbidden", "HTTP response"):
        assert word not in pages + json.dumps(last)

    record = newest(installation, "olga")
    assert (record["reason"], record["stage"], record["pod"]) == ("refused", "start", "jupyter-olga")
    assert f"exceeded quota: {QUOTA}" in record["detail"]
    assert "general use: failed as it started: refused" in installation.coursehub("logs", "olga")
    olga.start("general")
