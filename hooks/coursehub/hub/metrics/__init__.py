"""What /hub/metrics says of coursehub: of courses, servers, starts and the certificate."""

from coursehub.hub.registry import Registry
from coursehub.live.kept import Kept
from coursehub.live.snapshot import Site
from coursehub.log import Log

from .certificate import Expiry
from .courses import CourseMetrics
from .servers import ServerMetrics
from .spawns import Counters


def register(registry: Registry, site: Site, kept: Kept, log: Log) -> Counters:
    """The numbers are on /hub/metrics; the rest of the hub counts with the counters."""
    counters = Counters()
    expiry = Expiry(lambda: site.current.settings.certificate, log)
    registry.measure(CourseMetrics(lambda: site.current, lambda: kept.unsaved), ServerMetrics(), counters, expiry)
    registry.run(expiry.follow())
    return counters
