"""What KubeSpawner calls: the spawner is read, the core is asked, whole values are set.

Spawner objects live on between servers, so nothing is ever appended and nothing of an earlier server stays.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Self
from weakref import WeakKeyDictionary

from jupyterhub.app import JupyterHub
from jupyterhub.utils import maybe_future
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from kubespawner.slugs import is_valid_label, safe_slug
from tornado import web

from coursehub.config import profiles
from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.config.profiles import Profile
from coursehub.config.settings import Settings
from coursehub.errors import GateClosed, Reason, Refused
from coursehub.hub.metrics.spawns import Counters, Step
from coursehub.hub.notices.feed import Notes
from coursehub.hub.volume.provisioner import Provisioner, needs
from coursehub.hub.volume.share import Share
from coursehub.live.snapshot import Site
from coursehub.people.directory import People
from coursehub.people.lookup import Answer, look_up
from coursehub.person import Person
from coursehub.servers import access, gate, plan, site_module
from coursehub.servers.manifest import Frame
from coursehub.servers.plan import PodPlan
from coursehub.servers.site_module import Adjust
from coursehub.servers.traits import traits

from .pages import choices
from .readiness import Troubled, Waiting
from .recorder import Witness

Hook = Callable[..., Any]


def asked(user_options: Mapping[str, object]) -> Profile:
    """The profile that a form, a link or the REST API asked for; general use where none was named. Raises Refused."""
    profile = profiles.of(user_options)
    if profile is None:
        slug = str(user_options.get("profile"))[:80]
        raise Refused(f"There is no choice {slug!r}. Choose one on the start page.", Reason.CHOICE)
    return profile


class Said(web.HTTPError):
    """An HTTP error whose sentence JupyterHub shows on the page and in the progress stream."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.jupyterhub_message = sentence


class Forbidden(Said):
    """HTTP 403 with a sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(403, sentence)


class Hooks:
    """The functions that KubeSpawner calls, over one live site."""

    def __init__(
        self,
        site: Site,
        share: Share,
        people: People,
        frame: Frame,
        *,
        provisioner: Provisioner,
        witness: Witness,
        notes: Notes,
        adjust: Adjust | None = None,
        earlier: Mapping[str, Hook] | None = None,
        counters: Counters | None = None,
    ) -> None:
        self._site = site
        self._people = people
        self._share = share
        self._frame = frame
        self._provisioner = provisioner
        self._witness = witness
        self._notes = notes
        self._adjust = adjust
        self._earlier = earlier or {}
        self._counters = counters or Counters()
        self._plans: WeakKeyDictionary[Any, PodPlan] = WeakKeyDictionary()
        self._waiting = Waiting()
        # Without __init__, which opens a connection pool that nobody closes.
        self._serialise = ApiClient.__new__(ApiClient).sanitize_for_serialization

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: traitlets copies configured values for each spawner, and all of them look at the one live site."""
        return self

    async def options_form(self, spawner: Any) -> str:
        """The choices of the spawner's owner; `?profile=` of /hub/spawn is a link."""
        return await self.form(
            spawner, spawner.handler.get_query_argument("profile", None) if spawner.handler else None
        )

    async def form(self, spawner: Any, link: str | None) -> str:
        """The choices of the spawner's owner; what `link` leads to is preselected, or the reason against it is said."""
        snapshot = self._site.current
        today = _today(snapshot.settings)
        try:
            person = await self._person(spawner, snapshot.settings)
        except Refused as refusal:
            return choices.render([], selected=None, message=str(refusal), today=today)
        linked, message = _follow(person, link, snapshot.catalog, today)
        last = spawner.orm_spawner.user_options if spawner.orm_spawner else None
        return choices.render(
            list(access.choices(person, snapshot.catalog, today)),
            # Who has never started anything finds the first choice selected, not general use.
            selected=linked.slug if linked else profiles.named(last) if last else None,
            message=message or self._witness.told(spawner.user.name),
            today=today,
            told=self._notes.of_home(person.name),
            told_of=self._notes.of_course,
        )

    async def running(self, spawner: Any, link: str | None) -> choices.Running:
        """What the server of the spawner's owner is for, and where `link` leads from there."""
        snapshot = self._site.current
        try:
            runs = asked(spawner.user_options)
        except Refused:
            runs = None
        linked, message = None, None
        if link is not None:
            try:
                person = await self._person(spawner, snapshot.settings)
                linked, message = _follow(person, link, snapshot.catalog, _today(snapshot.settings))
            except Refused as refusal:
                message = str(refusal)
        told = self._notes.here(spawner.user.name, runs)
        return choices.running(runs, linked, snapshot.catalog, message, told)

    def options_from_form(self, form: Mapping[str, list[str]]) -> dict[str, str]:
        """The user options in a POST of the form."""
        return {"profile": form.get("profile", [profiles.GENERAL_SLUG])[0]}

    def apply_user_options(self, spawner: Any, user_options: object) -> None:
        """Keeps for the next start what was taken of the options, not all that was sent; the plan follows."""
        if spawner.orm_spawner and spawner.orm_spawner.user_options != user_options:
            spawner.orm_spawner.user_options = user_options
            # What is not committed before the next await, JupyterHub rolls back.
            spawner.db.commit()

    async def pre_spawn(self, spawner: Any) -> None:
        """Decides, plans and sets; raises HTTP 403 with a sentence for the person where there will be no server."""
        self._witness.forget(spawner.user.name)
        await self._call_earlier("pre_spawn_hook", spawner)
        self._plans.pop(spawner, None)
        try:
            planned = await self._plan(spawner)
        except Refused as refusal:
            self._counters.refused(self._about(spawner.user_options), refusal.reason)
            spawner.log.warning("refused: user=%s options=%.200r: %s", spawner.user.name, spawner.user_options, refusal)
            raise Forbidden(str(refusal)) from None
        except GateClosed as closed:
            raise self._bent(spawner, closed) from None
        for warning in planned.warnings:
            spawner.log.warning("user=%s: %s", spawner.user.name, warning)
        spawner.log.info(
            "planned: user=%s profile=%s uid=%d gid=%d",
            spawner.user.name,
            planned.profile.slug,
            planned.uid,
            planned.gid,
        )
        for name, value in traits(planned, self._frame).items():
            setattr(spawner, name, value)
        # Group overrides and the site's hook could have put another in their place.
        spawner.modify_pod_hook = self.modify_pod
        spawner.pod_name = _pod_name(spawner)
        self._plans[spawner] = planned
        self._counters.planned(planned.profile)

    async def modify_pod(self, spawner: Any, pod: Any) -> Any:
        """The pod itself where it is the plan's; else HTTP 403, and the differences in the hub's log."""
        pod = await self._call_earlier("modify_pod_hook", spawner, pod, default=pod)
        try:
            with self._counters.step(Step.GATE):
                planned = self._plans.pop(spawner, None)
                if planned is None:
                    raise GateClosed("the pod has no plan: something replaced the pre_spawn_hook")
                gate.check(self._serialise(pod), planned, self._frame, _pod_name(spawner), _owner(spawner))
        except GateClosed as closed:
            raise self._bent(spawner, closed) from None
        return pod

    async def wait(self, spawner: Any, pod: Any) -> None:
        """Returns once the server answers, so that the waits with growing pauses after it pass at their first look.

        Raises HTTP 503 with a sentence for the person as soon as it is clear that it will not.
        """
        await self._call_earlier("after_pod_created_hook", spawner, pod)
        try:
            await self._waiting.for_answer(spawner, lambda: self._witness.trouble(spawner))
        except Troubled as troubled:
            await self._witness.write(spawner, pod, troubled.trouble, "start")
            raise Said(503, str(troubled)) from None

    async def _plan(self, spawner: Any) -> PodPlan:
        snapshot = self._site.current
        today = _today(snapshot.settings)
        with self._counters.step(Step.IDENTITY):
            person = await self._person(spawner, snapshot.settings)
        with self._counters.step(Step.PLAN):
            profile = asked(spawner.user_options)
            course = access.decide(person, profile, snapshot.catalog, today)
            planned = plan.make(person, profile, course, snapshot.settings, today)
            if self._adjust is not None:
                # Code that is not ours: never on the event loop.
                planned = await asyncio.to_thread(site_module.adjusted, planned, self._adjust, snapshot.settings)
        with self._counters.step(Step.DIRECTORIES):
            await self._directories(planned, course, snapshot.settings, today)
        return planned

    async def _directories(self, planned: PodPlan, course: Course | None, settings: Settings, today: date) -> None:
        """Has made what is missing, where there is a provisioner, and looks whether all is there; raises Refused."""
        home, *others = planned.directories
        requests = needs(planned.person, course, today)
        await self._provisioner.ensure(settings.provisioner, requests)
        try:
            await self._share.check(home, planned.uid, others)
        except Refused:
            if settings.provisioner is None:
                raise
            # Somebody took away what was known to be good.
            await self._provisioner.ensure(settings.provisioner, requests, again=True)
            await self._share.check(home, planned.uid, others)

    async def find(self, name: str, settings: Settings) -> Answer:
        """The answer about somebody who may have logged in or not; raises Refused."""
        users = JupyterHub.instance().users if JupyterHub.initialized() else {}
        return await self._account(name, users.get(name), settings)

    async def _person(self, spawner: Any, settings: Settings) -> Person:
        return (await self._account(spawner.user.name, spawner.user, settings)).person

    async def _account(self, name: str, user: Any, settings: Settings) -> Answer:
        auth_state = await user.get_auth_state() if user and settings.identity.provider == "authState" else None
        source = self._people.source(settings.identity, auth_state)
        return await look_up(source, name, settings, [group.name for group in user.groups] if user else ())

    def _about(self, user_options: Mapping[str, object]) -> str:
        """The live course that was asked for, `general`, or nothing: what anybody can write is no label."""
        try:
            course = asked(user_options).course
        except Refused:
            return ""
        if course is None:
            return profiles.GENERAL_SLUG
        return course if course in self._site.current.catalog.courses else ""

    def _bent(self, spawner: Any, closed: GateClosed) -> Forbidden:
        self._counters.refused(self._about(spawner.user_options), Reason.GATE)
        spawner.log.error("gate: refused the pod of user=%s: %s", spawner.user.name, closed)
        return Forbidden(
            "Your server was not started, because the site's configuration would have given it something that it must "
            "not have. Please tell the administrators; the hub's log says what it was."
        )

    async def _call_earlier(self, name: str, *arguments: Any, default: Any = None) -> Any:
        hook = self._earlier.get(name)
        return default if hook is None else await maybe_future(hook(*arguments))


def _pod_name(spawner: Any) -> str:
    """A name that no two people share, made by KubeSpawner's own rule whatever a site's overrides say."""
    return str(spawner._expand_user_properties(KubeSpawner.pod_name_template.default_value, "safe"))


def _owner(spawner: Any) -> dict[str, str]:
    """The labels by which KubeSpawner's own rule says whose server a pod is."""
    names = {"username": spawner.user.name, "servername": spawner.name}
    return {f"hub.jupyter.org/{key}": safe_slug(name, is_valid=is_valid_label) for key, name in names.items()}


def _follow(person: Person, link: str | None, catalog: Catalog, today: date) -> tuple[Profile | None, str | None]:
    if link is None:
        return None, None
    try:
        return access.follow(person, asked({"profile": link}), catalog, today), None
    except Refused as refusal:
        return None, str(refusal)


def _today(settings: Settings) -> date:
    return settings.day(datetime.now(UTC))
