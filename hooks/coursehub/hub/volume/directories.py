"""The directories that a server mounts: made where a service does that, and looked at."""

from datetime import date

from coursehub import layout
from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.errors import GateClosed
from coursehub.protocol import LookRequest
from coursehub.servers.plan import PodPlan

from .provisioner import Provisioner, makes, needs


class Directories:
    """On the share, which the hub never mounts: a service makes what is missing, or at least looks."""

    def __init__(self, provisioner: Provisioner) -> None:
        self.provisioner = provisioner

    async def prepare(self, planned: PodPlan, course: Course | None, settings: Settings, today: date) -> None:
        """Returns once every directory of the plan is there.

        Raises Refused where one is not, GateClosed where one could be missing and nobody would see it.
        """
        service = settings.provisioner
        if service is None:
            raise GateClosed("nobody looks whether directories are on the volume, and kubelet would make them")
        person = planned.person
        unseen = set(planned.directories)
        if service.makes:
            await self.provisioner.ensure(service, needs(person, course, today))
            unseen -= makes(person, course)
        if unseen:
            others = tuple(sorted(unseen - {layout.home(person.uid, person.name)}))
            pinned = (course.slug, course.gid) if course and course.gid is not None else None
            look = LookRequest(verb="look", name=person.name, uid=person.uid, others=others, course=pinned)
            await self.provisioner.look(service, look)
