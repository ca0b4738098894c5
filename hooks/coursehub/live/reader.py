"""The process that looks at the files for the hub and reads them: `python -m coursehub.live.reader SITE COURSES ...`.

Only here is YAML parsed and a mounted folder touched, so that no file and no hanging volume can hold the hub up. It
gets the last state on its input, waits until the files are others than those that are known, writes the new state and
ends. What it writes are messages of lines, each ended by an empty line; an empty message says that it is alive.
"""

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from coursehub.config import catalog, settings
from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.errors import InvalidFile, Problem

from . import folders, state
from .folders import Files, Missing
from .state import Entry, State

# Of address space and of processor time for one reading; 1,000 courses with 100,000 names take a third of the one and
# a tenth of the other.
_MEMORY = 512 * 2**20
_SECONDS = 10
_EVERY = 0.25
_SETTLED = 0.1


def advance(
    last: State, site: Files | InvalidFile, course_files: Files | InvalidFile, looked: str, now: datetime
) -> State:
    """What is live with these files (or without, and why), at `now`; what they get wrong stays as in `last`.

    Raises InvalidFile where the site's values cannot be used and `last` has none to go on with.
    """
    problems: tuple[Problem, ...] = ()
    kept = False
    try:
        values, data = _settings(site)
        said = state.canonical(data)
    except InvalidFile as error:
        try:
            values, said, kept = Settings.model_validate_json(last.settings), last.settings, True
        except ValidationError:
            raise error from None
        problems = error.problems
    before = {each.slug: each for each in last.entries}
    if before and not course_files:
        # Rather a volume that is not mounted, or an upgrade without the files, than a wish.
        empty = "no course file is left, so all courses stay; to take them all away, leave one file with `courses: {}`"
        course_files = Missing([Problem("courses", 1, 1, empty)])
    if isinstance(course_files, InvalidFile):
        course_files = [("courses", course_files)]
    missing = any(isinstance(text, Missing) for _, text in course_files)
    homes = _homes(last.entries, [file for file, _ in course_files], missing=missing)
    there = dict(course_files)
    # What may be in a folder that is missing is not known: a course whose file is nowhere stays, and stays that file's.
    there |= {home: InvalidFile([]) for slug in homes for home in homes[slug] if home not in there}
    called = _called(there)
    loaded = catalog.load(
        [(called[file], text) for file, text in there.items()],
        values,
        Catalog(usable(before.values())),
        {slug: [called[home] for home in homes[slug]] for slug in homes},
    )
    files = {name: file for file, name in called.items()}
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = []
    for slug in loaded.catalog.courses:
        source = loaded.sources.get(slug)
        if source is None:
            home = homes[slug][0] if len(homes[slug]) == 1 else before[slug].home
            entries.append(replace(before[slug], kept=True, home=home))
            continue
        course = state.canonical({**source.keys, "slug": slug})
        version = state.version(course)
        since = before[slug].since if slug in before and before[slug].version == version else stamp
        entries.append(Entry(slug, version, since, source.file, source.line, False, course, files[source.file]))
    return State(last.generation + 1, stamp, looked, said, kept, tuple(entries), problems + loaded.problems)


def _homes(entries: Iterable[Entry], files: Sequence[str], *, missing: bool) -> dict[str, list[str]]:
    """The files that may go on with each course: its own; where that is nowhere, its ConfigMap's, or one of its name.

    While a folder is `missing`, its own alone, though it is not there: nobody else takes the course over.
    """
    found: dict[str, list[str]] = {}
    for each in entries:
        folder, _, name = each.home.rpartition("/")
        if each.home in files or (missing and folder):
            found[each.slug] = [each.home]
            continue
        beside = [file for file in files if folder and file.startswith(f"{folder}/")]
        found[each.slug] = beside or [file for file in files if file.rpartition("/")[2] == name]
        if missing and not found[each.slug]:
            found[each.slug] = [each.home]
    return found


def _called(files: Iterable[str]) -> dict[str, str]:
    """What people read for each file: its name, or with its ConfigMap where another one has that name too."""
    names = {file: file.rpartition("/")[2] for file in files}
    count = Counter(names.values())
    return {file: name if count[name] == 1 else file for file, name in names.items()}


def usable(entries: Iterable[Entry]) -> Iterable[Course]:
    """The entries' courses, without those that this version of coursehub no longer takes."""
    for each in entries:
        try:
            yield Course.model_validate_json(each.course)
        except ValidationError:
            continue


def _settings(site: Files | InvalidFile) -> tuple[Settings, dict[str, object]]:
    if isinstance(site, InvalidFile):
        raise site
    values = []
    for file, text in site:
        if isinstance(text, InvalidFile):
            raise text
        values.append((file, text))
    return settings.read(values)


def _wait(site: Path, courses: Path, known: str, again: float | None) -> str:
    """Returns once the files differ from `known` and nobody is writing them, or after `again` seconds."""
    end = None if again is None else time.monotonic() + again
    before = known
    while True:
        now = folders.look(site, courses)
        if now == before and (now != known or (end is not None and time.monotonic() > end)):
            return now
        _tell()
        time.sleep(_EVERY if now == before else _SETTLED)
        before = now


def _tell(*lines: bytes) -> None:
    message = b"".join(line + b"\n" for line in lines) + b"\n"
    while message:
        message = message[os.write(1, message) :]


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main(arguments: Sequence[str] | None = None) -> None:
    """See above; `--known` is what the last look saw, `--again` reads after so many seconds even if nothing changed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs=2, type=Path)
    parser.add_argument("--known", default="")
    parser.add_argument("--again", type=float)
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args(arguments)
    _tell()
    # The hub's event loop goes first.
    os.nice(5)
    _limit(resource.RLIMIT_AS, _MEMORY)
    gc.disable()
    last = state.parse(sys.stdin.buffer.read().splitlines())
    site, courses = options.folders
    looked = folders.look(site, courses) if options.once else _wait(site, courses, options.known, options.again)
    if looked == options.known and options.once:
        _tell(b"same")
        return
    _tell(b"looked", looked.encode())
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + _SECONDS)
    try:
        made = advance(last, folders.site(site), folders.courses(courses), looked, datetime.now(UTC))
    except InvalidFile as error:
        _tell(b"invalid", json.dumps([asdict(problem) for problem in error.problems]).encode())
    except MemoryError:
        _tell(b"failed", f"they need more than {_MEMORY >> 20} MiB of memory; make them smaller".encode())
    else:
        _tell(b"state", *state.dump(made))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        # The hub is gone.
        os._exit(0)
