"""Usage as the site's provider counts it, polled in the background: nobody waits for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from coursehub.config.settings import PrometheusSource, Settings
from coursehub.errors import Refused
from coursehub.hub.metrics.collector import LiveCollector
from coursehub.hub.registry import Registry
from coursehub.hub.volume.provisioner import Provisioner
from coursehub.limits import Limit
from coursehub.live.snapshot import Site
from coursehub.log import Log

from . import prometheus
from .usage import DiskUse, Order, Picture, course_limit, home_limit, limited, report

# Counts now; raises Refused where it cannot.
UsageProvider = Callable[[Settings], Awaitable[Picture]]


class UsagePoll(LiveCollector):
    """The last picture; None where there is no provider or it failed, so that no warning rests on a guess.

    Its metrics: what each course takes and may take, when that was counted, and whether the provider failed.
    """

    def __init__(self, current: Callable[[], Settings], provider: UsageProvider, log: Log) -> None:
        self._current = current
        self._provider = provider
        self._log = log
        self.picture: Picture | None = None
        self.failure: str | None = None

    async def follow(self) -> None:
        """Polls for as long as the hub runs."""
        while True:
            await self.look()
            # The site's values may change meanwhile, and a new provider must not wait hours for its first poll.
            settings, waited = self._current().usage, 0
            while waited < settings.interval and self._current().usage == settings:
                await asyncio.sleep(min(5, settings.interval - waited))
                waited += 5

    async def look(self) -> None:
        """Polls once; the log has a line when a failure begins, and one when it is over."""
        settings = self._current()
        if settings.usage.provider == "none":
            self.picture, self.failure = None, None
            return
        try:
            self.picture, failure = await self._provider(settings), None
        except Refused as refusal:
            self.picture, failure = None, str(refusal)
        except Exception as error:  # noqa: BLE001 - whatever happens, the next look comes
            self.picture, failure = None, f"{type(error).__name__}: {error}"
        if failure and failure != self.failure:
            self._log.error("usage: nobody is warned, since it is not known: %s", failure)
        elif self.failure and not failure:
            self._log.warning("usage: known again")
        self.failure = failure

    async def report(self, by: Order) -> dict[str, Any]:
        """The last picture as plain data, for `coursehub quota report`; raises Refused where there is none."""
        if self.picture is None:
            why = self.failure or (
                "the site's values have usage.provider none; set filesystem or prometheus"
                if self._current().usage.provider == "none"
                else "the first count is not done yet; try again in a while"
            )
            raise Refused(f"usage is not known: {why}")
        counted = datetime.fromtimestamp(self.picture.time, UTC).isoformat(timespec="seconds")
        return {"counted": counted, "usage": report(self.picture, by)}

    def collect(self) -> Iterator[Metric]:
        """The metrics; only the failure where usage is not known."""
        failed = GaugeMetricFamily("coursehub_usage_error", "1 where usage cannot be counted.")
        failed.add_metric([], float(self.failure is not None))
        yield failed
        if self.picture is None:
            return
        looked = GaugeMetricFamily("coursehub_usage_timestamp_seconds", "When usage was counted.")
        looked.add_metric([], self.picture.time)
        yield looked
        usage = GaugeMetricFamily("coursehub_course_usage_bytes", "What a course stores.", labels=["course"])
        limit = GaugeMetricFamily("coursehub_course_limit_bytes", "What it may store.", labels=["course"])
        for slug, use in self.picture.courses.items():
            usage.add_metric([slug], use.size)
            if use.limit.size:
                limit.add_metric([slug], use.limit.size)
        yield usage
        yield limit


def register(registry: Registry, site: Site, provisioner: Provisioner, log: Log) -> UsagePoll:
    """Adds what counts, measures and reports usage."""
    poll = UsagePoll(lambda: site.current.settings, SiteProvider(provisioner), log)
    registry.measure(poll)
    registry.answer(usage=poll.report)
    registry.run(poll.follow())
    return poll


class SiteProvider:
    """The provider that the site chose: `filesystem`, by the provisioner's service, or `prometheus`."""

    def __init__(self, provisioner: Provisioner, clock: Callable[[], float] = time.time) -> None:
        self._provisioner = provisioner
        self._clock = clock

    async def __call__(self, settings: Settings) -> Picture:
        """See UsageProvider."""
        if settings.usage.prometheus and settings.usage.provider == "prometheus":
            return await self._prometheus(settings, settings.usage.prometheus)
        return await self._filesystem(settings)

    async def _filesystem(self, settings: Settings) -> Picture:
        if settings.provisioner is None:
            raise Refused("usage.provider is filesystem, and there is no service to ask; set storage.provisioner")
        homes: dict[str, DiskUse] = {}
        courses: dict[str, DiskUse] = {}
        for counted in await self._provisioner.usage(settings.provisioner):
            kind, *_, name = counted.path.split("/")
            uses, most = (homes, home_limit) if kind == "home" else (courses, course_limit)
            uses[name] = limited(counted.size, counted.files, counted.limit, most(name, settings.quotas))
        return Picture(self._clock(), homes, courses)

    async def _prometheus(self, settings: Settings, source: PrometheusSource) -> Picture:
        homes = await prometheus.sizes(source, source.homes)
        courses = {} if source.courses is None else await prometheus.sizes(source, source.courses)
        quotas = settings.quotas
        return Picture(
            self._clock(),
            {name: limited(size, None, Limit(most), home_limit(name, quotas)) for name, (size, most) in homes.items()},
            {
                slug: limited(size, None, Limit(most), course_limit(slug, quotas))
                for slug, (size, most) in courses.items()
            },
        )
