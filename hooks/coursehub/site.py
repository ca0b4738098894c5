"""What is live: settings and catalog from two mounted folders, followed while the hub runs, last good kept."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import courses, document, settings
from .courses import Catalog
from .errors import InvalidFile, Problem
from .settings import Settings

Files = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Snapshot:
    """Settings and catalog that belong together, and what is wrong with the files they came from."""

    settings: Settings
    catalog: Catalog
    problems: tuple[Problem, ...]


def snapshot(site: Files, course_files: Files, last: Snapshot | None = None) -> Snapshot:
    """What the files mean; what they get wrong stays as in `last`.

    Raises InvalidFile where the settings cannot be used and there is no `last` to go on with.
    """
    problems: tuple[Problem, ...] = ()
    try:
        now = settings.load(site)
    except InvalidFile as error:
        if last is None:
            raise
        now, problems = last.settings, error.problems
    loaded = courses.load(course_files, now, last.catalog if last else None)
    return Snapshot(now, loaded.catalog, problems + loaded.problems)


class Site:
    """The live snapshot; readers take `current` whenever they need it, a thread of its own keeps it fresh."""

    def __init__(self, site: Path, course_folder: Path, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._folders = (site, course_folder)
        self._log = log
        self._seen = self._state()
        self.current = snapshot(_read(site), _read(course_folder))
        self._say()

    def follow(self, every: float = 1.0) -> None:
        """Looks for changes each `every` seconds, until the process ends."""
        threading.Thread(target=self._follow, args=(every,), name="site", daemon=True).start()

    def refresh(self) -> bool:
        """Takes over the files if they changed since the last look; says whether they had."""
        state = self._state()
        if state == self._seen:
            return False
        site, course_folder = self._folders
        self.current = snapshot(_read(site), _read(course_folder), self.current)
        self._seen = state
        self._say()
        return True

    def _follow(self, every: float) -> None:
        while True:
            time.sleep(every)
            try:
                self.refresh()
            except Exception:  # noqa: BLE001 - whatever happens, the last good snapshot goes on and the next look comes
                self._log.exception("The course files could not be read; the last good ones stay in use")

    def _state(self) -> object:
        # A ConfigMap is swapped by one symlink, so the target's identity tells; a plain folder's files have times.
        return [
            (path.name, (found := path.stat()).st_ino, found.st_mtime_ns)
            for each in self._folders
            for path in _yaml(each)
        ]

    def _say(self) -> None:
        for problem in self.current.problems:
            self._log.error("course file: %s", problem)
        slugs = ", ".join(self.current.catalog.courses) or "none"
        self._log.info("live courses: %s (%d problems)", slugs, len(self.current.problems))


def _yaml(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())


def _read(folder: Path) -> Files:
    return [(path.name, document.read_text(path)) for path in _yaml(folder)]
