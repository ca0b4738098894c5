"""The directories that a server mounts: asked for, then looked at."""

from datetime import date

from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.errors import GateClosed, Refused
from coursehub.servers.plan import PodPlan

from .provisioner import Provisioner, makes, needs
from .share import Share


class Directories:
    """On the share: a provisioner makes what is missing, the hub looks where the share is mounted."""

    def __init__(self, share: Share, provisioner: Provisioner) -> None:
        self.share = share
        self.provisioner = provisioner

    def looks(self, settings: Settings) -> bool:
        """Whether the hub looks itself; without a mount it is the provisioner alone that does."""
        return self.share.mounted or settings.provisioner is None

    async def prepare(self, planned: PodPlan, course: Course | None, settings: Settings, today: date) -> None:
        """Returns once every directory of the plan is there.

        Raises Refused where one is not, GateClosed where one could be missing and nobody would see it.
        """
        home, *others = planned.directories
        requests = needs(planned.person, course, today)
        looks = self.looks(settings)
        if not looks and (unseen := sorted(set(others) - makes(planned.person, course))):
            raise GateClosed(
                f"nobody looks whether {', '.join(unseen)} is on the volume, and kubelet would make it: "
                "mount coursehub-storage into the hub (jupyterhub.hub.extraVolumes and extraVolumeMounts)"
            )
        # What was good a while ago may be gone since, and nobody else would see it.
        await self.provisioner.ensure(settings.provisioner, requests, again=not looks)
        if not looks:
            return
        try:
            await self.share.check(home, planned.uid, others)
        except Refused:
            if settings.provisioner is None:
                raise
            # Somebody took away what was known to be good.
            await self.provisioner.ensure(settings.provisioner, requests, again=True)
            await self.share.check(home, planned.uid, others)
