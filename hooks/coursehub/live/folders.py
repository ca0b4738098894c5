"""The folders that the site's values and the course files are read from, however they came there.

Course files lie in one folder, or each ConfigMap's in a folder of its own below it: so the hub lays down what it
follows, and so kubelet mounts it for the culler.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from coursehub.config import document
from coursehub.errors import InvalidFile, Problem

# The chart's own, which may be empty, and the folder of a volume in their place, as no ConfigMap can be called.
OWN, CLAIM = "coursehub-courses", "_claim"
# In a folder of its own: why its files are not there. No key of a ConfigMap begins with two dots.
WHY = "..problem"

Files = Sequence[tuple[str, str | InvalidFile]]


class Missing(InvalidFile):
    """A whole folder is not there or cannot be read, so which files are in it is not known."""


def site(folder: Path) -> Files | InvalidFile:
    """The files of the site's values, or why there are none."""
    try:
        return [(path.name, _text(path)) for path in _files(folder)]
    except InvalidFile as error:
        return error


def courses(folder: Path) -> Files | InvalidFile:
    """The course files, with what is wrong in place of a text; or why there are none.

    They are called FOLDER/FILE where they lie in folders, FILE where they lie side by side.
    """
    try:
        sources = _sources(folder)
    except OSError as error:
        return unreadable(folder, error)
    found: dict[str, list[Path]] = {}
    missing: list[tuple[str, str | InvalidFile]] = []
    for source in sources:
        try:
            paths = _files(source)
        except InvalidFile as error:
            missing.append((error.problems[0].file, error))
            continue
        if not paths and source.name not in (OWN, CLAIM):
            missing.append((_name(source), _missing(source, "it is not there, or holds no course file (*.yaml)")))
        for path in paths:
            found.setdefault(path.name, []).append(path)
    files = [(path, _text(*paths)) for _, paths in sorted(found.items()) for path in paths]
    return [*missing, *((str(path.relative_to(folder)), text) for path, text in files)]


def look(site_folder: Path, course_folder: Path) -> str:
    """A digest that is another one as soon as a file is."""
    found: list[object] = []
    try:
        folders = [site_folder, *_sources(course_folder)]
    except OSError as error:
        found, folders = [error.errno], [site_folder]
    for folder in folders:
        found.append(folder.name)
        try:
            # A ConfigMap is swapped by one symlink, so the target's identity tells; a plain folder's files have times.
            for path in (*document.files(folder), folder / WHY):
                if path.name != WHY or path.exists():
                    about = path.stat()
                    found.append((path.name, about.st_dev, about.st_ino, about.st_mtime_ns, about.st_size))
        except OSError as error:
            found.append(error.errno)
    return hashlib.sha256(repr(found).encode()).hexdigest()


def unreadable(path: Path, error: OSError) -> Missing:
    """What is said of a file or folder that the system does not let be read."""
    return Missing([Problem(path.name, 1, 1, f"cannot be read ({error.strerror}); let the hub read it")])


def _sources(folder: Path) -> list[Path]:
    """The folder, or where it has no file the folders in it; those of kubelet begin with a dot."""
    if document.files(folder):
        return [folder]
    # A link to nowhere is one of them, so that it is told.
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not path.is_file())


def _files(folder: Path) -> list[Path]:
    """The folder's files; raises Missing with the reason that is given, or that the system has."""
    why = folder / WHY
    try:
        # On a volume people can put anything there.
        if folder.name != CLAIM and why.is_file():
            raise _missing(folder, why.read_text())
        return document.files(folder)
    except OSError as error:
        raise unreadable(folder, error) from None


def _missing(folder: Path, why: str) -> Missing:
    return Missing([Problem(_name(folder), 1, 1, why)])


def _name(folder: Path) -> str:
    return f"ConfigMap {folder.name}"


def _text(path: Path, *others: Path) -> str | InvalidFile:
    if others:
        holders = " and in ".join(_name(each.parent) for each in (path, *others))
        return InvalidFile([Problem(path.name, 1, 1, f"is in {holders}; give one of them another name")])
    try:
        return document.read_text(path)
    except InvalidFile as error:
        return InvalidFile(replace(problem, file=path.name) for problem in error.problems)
    except OSError as error:
        return InvalidFile(unreadable(path, error).problems)
