"""What it takes until changed course files are in use, and how long the hub's event loop stands still meanwhile.

Each side has a process of its own, which has JupyterHub in memory as the hub does; a heart beats on its loop.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import coursehub.hub.configure  # noqa: F401 - what the hub has in memory
import yaml
from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.live import state
from coursehub.live.kept import Folder, Kept
from coursehub.live.reader_process import Child
from coursehub.live.snapshot import Site

from . import university
from .measure import Heart, many, resident

ROUNDS = many(6, smoke=1)
# So long the reader has waited again before the next change, and so long what follows a change is watched.
PAUSE = many(2.0, smoke=0.5)
# The kernel counts a parent's memory as its child's until the child runs its own program, so the parent is a small one.
_PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


@dataclass
class Reloads:
    """Of each change: seconds until it was in use, of these until it was seen, read and taken over, and the stall.

    `resident` is what the process has in memory before the first and after the last change, `reader` the most that the
    process has that reads the files, in bytes.
    """

    name: str
    total: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    stall: list[float] = field(default_factory=list)
    resident: tuple[int, int] = (0, 0)
    reader: int = 0


@dataclass(frozen=True)
class Change:
    """What is changed: so many files, all courses or one, beside so many people in the site's values."""

    name: str
    files: int
    people: int = 0
    every: bool = True


def measure() -> Iterator[Reloads]:
    """Every side, one after the other."""
    for change in (
        Change("coursehub, every course changed, 10 files", 10),
        Change("coursehub, every course changed, 1 file", 1),
        Change("coursehub, one course changed, 10 files", 10, every=False),
        Change("coursehub, every course changed, 10 files, 20,000 people in the values", 10, people=university.PEOPLE),
    ):
        yield _apart(_ours, change)
    every = Change("", 10)
    yield _apart(_in_a_thread, every)
    yield _apart(_on_the_loop, every)
    yield _apart(_nothing, every)


def _apart(side: Callable[[Change], Reloads], change: Change) -> Reloads:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(side, change).result()


@contextmanager
def _folders(change: Change) -> Iterator[tuple[Path, Path, list[Path]]]:
    of = university.students()
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        site = university.written(top / "site", {"site.yaml": university.values(change.people)})
        texts = university.courses(of, files=change.files)
        mounted = top / "courses"
        mounted.mkdir()
        university.mount(mounted, university.written(top / "data", texts))
        editions = []
        for turn in range(ROUNDS):
            if change.every:
                texts = university.courses(of, files=change.files, edition=f", edition {turn}")
            else:
                first = next(iter(texts))
                texts = texts | {first: texts[first].replace("name: Course 0", f"name: Course 0{turn}")}
            editions.append(university.written(top / f"data-{turn}", texts))
        yield site, mounted, editions


class _Watched(Child):
    """A child whose messages' times are known."""

    came: ClassVar[dict[bytes, float]] = {}

    def message(self) -> list[bytes]:
        """See Child."""
        lines = super().message()
        if lines:
            self.came[lines[0]] = time.perf_counter()
        return lines


def _ours(change: Change) -> Reloads:
    found = Reloads(change.name)
    with _folders(change) as (folder, mounted, editions), patch("coursehub.live.snapshot.Child", _Watched):
        site = Site(folder, mounted, getLogger(__name__), Kept(Folder(folder.parent / "kept"), getLogger(__name__)))
        site.follow()
        asyncio.run(_followed(site, mounted, editions, found))
        command = [sys.executable, "-P", "-m", "coursehub.live.reader", "--once", str(folder), str(mounted)]
        last = b"".join(line + b"\n" for line in state.dump(site.current.state))
        peak = subprocess.run([sys.executable, "-c", _PEAK, *command], input=last, capture_output=True, check=True)
        found.reader = int(peak.stdout) * 1024
    return found


async def _followed(site: Site, mounted: Path, editions: Sequence[Path], found: Reloads) -> None:
    # About as many objects as JupyterHub makes after it has read its configuration.
    _made = [[None] for _ in range(20_000)]
    before = resident()
    async with Heart() as heart:
        for edition in editions:
            await asyncio.sleep(PAUSE)
            heart.rest()
            last = site.current
            begin = time.perf_counter()
            university.mount(mounted, edition)
            while site.current is last:  # noqa: ASYNC110 - the thread tells nobody
                await asyncio.sleep(0.001)
            end = time.perf_counter()
            assert not site.current.problems
            looked, read = _Watched.came[b"looked"], _Watched.came[b"state"]
            found.total.append(end - begin)
            found.seen.append(looked - begin)
            found.read.append(read - looked)
            found.taken.append(end - read)
            await asyncio.sleep(PAUSE)
            found.stall.append(heart.longest)
    found.resident = before, resident()


def _in_a_thread(change: Change) -> Reloads:
    return _alternative("YAML and models in a thread of the hub", change, asyncio.to_thread)


def _on_the_loop(change: Change) -> Reloads:
    async def here(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    return _alternative("YAML and models on the loop", change, here)


def _nothing(change: Change) -> Reloads:
    async def nothing(*_: Any) -> None:
        await asyncio.sleep(1)

    return _alternative("nothing, for scale", change, nothing)


def _alternative(name: str, change: Change, run: Callable[..., Any]) -> Reloads:
    found = Reloads(name)

    async def work() -> None:
        live = _load(mounted)
        before = resident()
        async with Heart() as heart:
            for edition in editions:
                await asyncio.sleep(PAUSE)
                heart.rest()
                begin = time.perf_counter()
                live = await run(_load, edition)
                found.total.append(time.perf_counter() - begin)
                await asyncio.sleep(PAUSE)
                found.stall.append(heart.longest)
        del live
        found.resident = before, resident()

    with _folders(change) as (_, mounted, editions):
        asyncio.run(work())
    return found


def _load(folder: Path) -> Catalog:
    found = []
    for path in sorted(folder.glob("*.yaml")):
        data = yaml.load(path.read_text(), yaml.CSafeLoader)
        found += [Course.model_validate({**keys, "slug": slug}) for slug, keys in data["courses"].items()]
    return Catalog(found)
