"""The directories that a server mounts: asked for, then looked at."""

from datetime import date

from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.errors import Refused
from coursehub.servers.plan import PodPlan

from .provisioner import Provisioner, needs
from .share import Share


class Directories:
    """On the mounted share, where a provisioner makes what is missing."""

    def __init__(self, share: Share, provisioner: Provisioner) -> None:
        self.share = share
        self.provisioner = provisioner

    async def prepare(self, planned: PodPlan, course: Course | None, settings: Settings, today: date) -> None:
        """Returns once every directory of the plan is there; raises Refused where one is not."""
        home, *others = planned.directories
        requests = needs(planned.person, course, today)
        await self.provisioner.ensure(settings.provisioner, requests)
        try:
            await self.share.check(home, planned.uid, others)
        except Refused:
            if settings.provisioner is None:
                raise
            # Somebody took away what was known to be good.
            await self.provisioner.ensure(settings.provisioner, requests, again=True)
            await self.share.check(home, planned.uid, others)
