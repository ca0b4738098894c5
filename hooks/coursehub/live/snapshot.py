"""What is live: settings and catalog from two mounted folders, followed while the hub runs, last good kept."""

import gc
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.errors import CoursehubError, InvalidFile, Problem
from coursehub.log import Log

from . import state
from .kept import CannotKeep, Kept
from .reader_process import Child, Lost
from .state import NONE, State, UnusableState

_AGAIN = 60.0


@dataclass(frozen=True)
class Snapshot:
    """Settings and catalog that belong together, and what is wrong with the files they came from.

    `failure`: why the files could not be read at all since.
    """

    settings: Settings
    catalog: Catalog
    problems: tuple[Problem, ...]
    state: State = NONE
    failure: str | None = None


class Site:
    """The live snapshot; readers take `current` whenever they need it, a thread of its own keeps it fresh.

    The thread touches neither the folders nor YAML: a process does, see `reader`. What is live is `kept`,
    where there is something to keep it, so that a restart goes on with the last good courses.

    Where nothing was kept, raises InvalidFile if the site's values cannot be used, Lost if the files cannot be read.
    """

    current: Snapshot

    def __init__(
        self,
        site: Path,
        course_folder: Path,
        log: Log,
        kept: Kept | None = None,
    ) -> None:
        self._folders = (str(site), str(course_folder))
        self._log = log
        self._kept = kept
        self._child: Child | None = None
        self._looked = ""
        self._reading = False
        self._told: list[Callable[[], object]] = []
        last = self._load()
        try:
            made = self._run(last, "--once")
        except (InvalidFile, Lost) as error:
            self._start_with(last, error)
        else:
            self._take(made, None)

    def follow(self) -> None:
        """Keeps `current` fresh until the process ends; a change is in use within two seconds."""
        # A change would else have Python look for garbage in all that the hub has by now: 0.2 s on its event loop.
        gc.freeze()
        threading.Thread(target=self._follow, name="site", daemon=True).start()

    def tell(self, what: Callable[[], object]) -> None:
        """`what` is called after each change, on the thread that follows."""
        self._told.append(what)

    def refresh(self) -> bool:
        """Takes over the files if they changed since the last look; says whether they had."""
        seen = self._looked
        made = self._run(self.current.state, "--once")
        if self._looked != seen:
            self._take(made, self.current)
        return self._looked != seen

    def _follow(self) -> None:
        options: tuple[str, ...] = ()
        while True:
            try:
                self._take(self._run(self.current.state, *options), self.current)
                options = ()
            except Exception as error:  # noqa: BLE001 - whatever happens, the last good snapshot goes on
                self._fail(error)
                options = ("--again", f"{_AGAIN}")
                if not self._reading:
                    time.sleep(_AGAIN)
                    self._looked = ""

    def _run(self, last: State, *options: str) -> State:
        """The state that a process makes of the files; at most one process is there at a time."""
        while self._child is not None:
            if self._child.gone(timeout=1.0):
                self._child = None
        self._reading = False
        self._child = child = Child([*self._folders, "--known", self._looked, *options], last)
        try:
            while True:
                match child.message():
                    case []:
                        continue
                    case [b"same"]:
                        return last
                    case [b"looked", digest]:
                        self._looked, self._reading = digest.decode(), True
                    case [b"state", *lines]:
                        return state.parse(lines)
                    case [b"invalid", problems]:
                        raise InvalidFile(Problem(**each) for each in json.loads(problems))
                    case [b"failed", why]:
                        raise Lost(why.decode())
                    case _:
                        raise Lost("an answer that is none")
        except (ValueError, TypeError, UnusableState) as error:
            raise Lost(f"an answer that is none: {error}") from None
        finally:
            child.kill()

    def _take(self, made: State, before: Snapshot | None) -> None:
        self.current = self._snapshot(made, before)
        self._say(self.current, before)
        for what in self._told:
            what()
        if self._kept is not None:
            state.save(made, self._kept)

    def _start_with(self, last: State, error: CoursehubError) -> None:
        try:
            self.current = self._snapshot(last, None)
        except ValidationError:
            raise error from None
        self._log.error("Starting with the settings and courses of %s", last.time)
        self._say(self.current, None)
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._log.error(
            "The course files could not be read: %s. What is live stays; the next try comes with the next change, "
            "or in a minute",
            error,
        )
        self.current = replace(self.current, failure=str(error))

    def _load(self) -> State:
        try:
            return state.load(self._kept) if self._kept else NONE
        except (CannotKeep, UnusableState) as error:
            self._log.error("Which courses were live before is not known: %s", error)
            return NONE

    def _snapshot(self, made: State, before: Snapshot | None) -> Snapshot:
        same = {each.course: before.catalog.courses[each.slug] for each in before.state.entries} if before else {}
        entries, live = [], []
        for each in made.entries:
            try:
                live.append(same.get(each.course) or Course.model_validate_json(each.course))
                entries.append(each)
            except ValidationError:
                self._log.error("course %s: version %s is not for this version of coursehub", each.slug, each.version)
        if before and before.state.settings == made.settings:
            settings = before.settings
        else:
            settings = Settings.model_validate_json(made.settings)
        return Snapshot(settings, Catalog(live), made.problems, replace(made, entries=tuple(entries)))

    def _say(self, now: Snapshot, before: Snapshot | None) -> None:
        for line in state.changes(now.state, before.state if before else NONE):
            self._log.info("%s", line)
        for problem in now.problems:
            self._log.error("course file: %s", problem)
        slugs = ", ".join(now.catalog.courses) or "none"
        self._log.info("live courses: %s (%d problems)", slugs, len(now.problems))
