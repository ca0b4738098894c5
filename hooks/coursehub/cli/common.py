"""What several commands do: read the site and its courses, print, and end with an exit code."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from coursehub import terminal
from coursehub.config import catalog, document, settings
from coursehub.config.catalog import Loaded
from coursehub.config.settings import Settings
from coursehub.errors import InvalidFile, Problem
from coursehub.live import folders

FINE, PROBLEMS = 0, 1


def site_settings(sites: Sequence[Path]) -> Settings:
    """The settings of these values files; InvalidFile with each mistake."""
    return settings.load([(str(path), document.read_text(path)) for path in sites])


def site_and_courses(sites: Sequence[Path], courses: Sequence[Path]) -> tuple[Settings, Loaded]:
    """The settings and the courses of these files; InvalidFile with each mistake."""
    site = site_settings(sites)
    loaded = catalog.load(list(texts(courses)), site)
    if loaded.problems:
        raise InvalidFile(loaded.problems)
    return site, loaded


def texts(courses: Sequence[Path]) -> Iterator[tuple[str, str | InvalidFile]]:
    """Name and text of each course file, those of a folder too; in place of a text, what is wrong with it."""
    for path in courses:
        files = document.files(path) if path.is_dir() else [path]
        if (path / folders.WHY).is_file():
            yield str(path), InvalidFile([Problem(str(path), 1, 1, (path / folders.WHY).read_text())])
        elif not files:
            yield str(path), InvalidFile([Problem(str(path), 1, 1, "the folder holds no course file (*.yaml)")])
        for file in files:
            try:
                yield str(file), document.read_text(file)
            except InvalidFile as error:
                yield str(file), error


def today(site: Settings) -> date:
    """The day it is for the site."""
    return site.day(datetime.now(UTC))


def say(answer: object, lines: Iterable[str], *, as_json: bool, error: bool = False) -> None:
    """Prints the answer as JSON, or the lines that people read."""
    if as_json:
        terminal.data(answer)
    else:
        for line in lines:
            (terminal.err if error else terminal.out)(line)


def warn(sentence: object) -> None:
    """Prints a sentence to standard error, where it spoils no output."""
    terminal.err(f"coursehub: {sentence}")


def reason(error: OSError) -> str:
    """What the system did not do, and for which file."""
    why = error.strerror or str(error)
    return f"{error.filename}: {why}" if error.filename else why


def report(problems: Sequence[Problem], *, as_json: bool) -> int:
    """Prints the mistakes, and is the exit code that they come to."""
    say([vars(problem) for problem in problems], map(str, problems), as_json=as_json, error=True)
    return PROBLEMS if problems else FINE
