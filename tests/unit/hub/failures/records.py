"""Records of servers that failed."""

from datetime import UTC, datetime

from coursehub.hub.failures import record
from coursehub.hub.failures.diagnosis import find
from coursehub.hub.failures.record import Failure

from tests.unit.hub.failures.cases import PULLING, SCHEDULED, terminated

NOW = datetime.now(UTC)


KILLED = terminated("OOMKilled", 137, "[I ServerApp] Kernel started\n")


def failed(user: str = "maria", moment: datetime = NOW) -> Failure:
    """Somebody's server that used too much memory."""
    why = find(KILLED, [])
    assert why is not None
    return record.of(user, moment, "running", why, KILLED, [PULLING, SCHEDULED])
