"""What is live, as lines of JSON: handed between the hub and the process that reads the files, kept over a restart."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from coursehub.errors import CoursehubError, Problem

from .kept import Kept

NAME = "live.jsonl"
_FORMAT = 1


class UnusableState(CoursehubError):
    """A state that is not one; the message says why."""


@dataclass(frozen=True)
class Entry:
    """One live course: which version, since when (UTC), where it stood, and whether it had to stay as it was.

    `home` is the file with its ConfigMap, CONFIGMAP/FILE, or without one where it has none or none is known.
    """

    slug: str
    version: str
    since: str
    file: str
    line: int
    kept: bool
    course: bytes
    home: str


@dataclass(frozen=True)
class State:
    """All that is live, the `generation`-th since there is a state, made at `time` (UTC).

    `looked` is a digest of the files' identities and times, `settings` and each entry's `course` are one line of JSON;
    `settings_kept`: the site's values could not be used and stay as they were.
    """

    generation: int
    time: str
    looked: str
    settings: bytes
    settings_kept: bool
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]

    @property
    def made(self) -> float:
        """`time` in seconds since 1970."""
        return datetime.fromisoformat(self.time).timestamp()


NONE = State(0, "1970-01-01T00:00:00Z", "", b"", False, (), ())


@dataclass(frozen=True)
class Row:
    """What there is to say of one course; without a version it is not live."""

    slug: str
    version: str | None
    since: str | None
    file: str
    line: int
    kept: bool
    problem: str | None


def canonical(data: object) -> bytes:
    """`data` as one line of JSON, always the same for the same data; dates as 2026-09-01."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=str).encode()


def version(course: bytes) -> str:
    """The short name of exactly this content."""
    return hashlib.sha256(course).hexdigest()[:7]


def dump(state: State) -> Iterator[bytes]:
    """The state as lines without their ends: what is said about it, the settings, each course."""
    about = {
        "format": _FORMAT,
        "generation": state.generation,
        "time": state.time,
        "looked": state.looked,
        "settings_kept": state.settings_kept,
        "entries": [[each.slug, each.version, each.since, each.file, each.line, each.kept] for each in state.entries],
        "homes": [each.home for each in state.entries],
        "problems": [asdict(problem) for problem in state.problems],
    }
    yield canonical(about)
    yield state.settings
    yield from (each.course for each in state.entries)


def parse(lines: Iterable[bytes]) -> State:
    """The state in lines that `dump` made; raises UnusableState."""
    try:
        head, settings, *courses = lines
        about = json.loads(head)
        if about["format"] != _FORMAT:
            raise UnusableState(f"it has format {about['format']}, and this version reads {_FORMAT}")
        # An earlier version kept none.
        homes = about["homes"] if "homes" in about else [each[3] for each in about["entries"]]
        return State(
            int(about["generation"]),
            str(about["time"]),
            str(about["looked"]),
            settings,
            bool(about["settings_kept"]),
            tuple(
                Entry(*(*each, course, home))
                for each, course, home in zip(about["entries"], courses, homes, strict=True)
            ),
            tuple(Problem(**problem) for problem in about["problems"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise UnusableState(f"it is damaged ({type(error).__name__}: {error})") from None


def save(state: State, kept: Kept) -> None:
    """Keeps the state."""
    kept.keep(NAME, b"".join(line + b"\n" for line in dump(state)))


def load(kept: Kept) -> State:
    """The state that was kept, NONE where none was; raises UnusableState or CannotKeep."""
    content = kept.read(NAME)
    return NONE if content is None else parse(content.splitlines())


def reason(entry: Entry, problems: Iterable[Problem]) -> Problem | None:
    """Why the course had to stay as it was: its own mistake, else its file's, else the first there is."""
    ranked = sorted(problems, key=lambda each: (each.course != entry.slug, each.file != entry.file))
    return next(iter(ranked), None)


def changes(now: State, before: State) -> Iterator[str]:
    """What became of each course that is not as it was, a sentence each."""
    old = {each.slug: each for each in before.entries}
    for each in now.entries:
        was = old.pop(each.slug, None)
        if each.kept and not (was and was.kept):
            why = reason(each, now.problems)
            yield f"course {each.slug}: kept at version {each.version} of {each.since}, because {why}"
        elif was is None or (was.version, was.kept) != (each.version, each.kept):
            yield f"course {each.slug}: version {each.version} live since {each.since} from {each.file}:{each.line}"
    for slug in old:
        yield f"course {slug}: gone, no file has it any more"
    if now.settings_kept and not before.settings_kept:
        yield "the site's values cannot be used, so the last good ones stay"


def report(state: State) -> list[Row]:
    """What there is to say of each course: the live ones in the files' order, then the broken ones that never were."""
    live = {each.slug for each in state.entries}
    rows = []
    for each in state.entries:
        why = reason(each, state.problems) if each.kept else None
        rows.append(
            Row(each.slug, each.version, each.since, each.file, each.line, each.kept, None if why is None else str(why))
        )
    missing: Mapping[str, Problem] = {
        each.course: each for each in reversed(state.problems) if each.course is not None and each.course not in live
    }
    rows += [Row(slug, None, None, each.file, each.line, False, str(each)) for slug, each in missing.items()]
    return rows
