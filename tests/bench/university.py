"""A made-up university: its values, its people and its courses, as the texts that admins and teachers would write."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.support import SITE

from .measure import many

PEOPLE = many(20_000, smoke=2_000)
COURSES = many(1_000, smoke=100)
NAMES = many(100_000, smoke=10_000)


def person(number: int) -> str:
    """A login name."""
    return f"user{number % PEOPLE:05}"


def values(people: int = PEOPLE) -> str:
    """The site's values, with so many more people in them."""
    rows = (
        f"      {person(number)}: {{uid: {100_000 + number}, gid: {100_000 + number}}}\n" for number in range(people)
    )
    return SITE + "".join(rows)


def students(courses: int = COURSES, names: int = NAMES) -> list[list[str]]:
    """Who takes each of so many courses, `names` enrolments in all, everybody in about as many courses as the next."""
    each = names // courses
    return [[person(number) for number in range(course * each, course * each + each)] for course in range(courses)]


def enrol(name: str, of: Sequence[list[str]], count: int) -> None:
    """Puts `name` on the lists of `count` courses, evenly among all."""
    for number in range(count):
        of[number * len(of) // count].append(name)


def courses(of: Sequence[Iterable[str]], *, files: int = 1, edition: str = "") -> dict[str, str]:
    """Course files by name, the courses dealt out in order; another `edition` makes every course another one."""
    texts = [
        f"""\
  course-{number}:
    name: Course {number}{edition}
    description: What the course {number} is about, in a line of the usual length.
    gid: {71_000 + number}
    instructors: [{person(number)}, "@staff-{number}"]
    students: [{", ".join(names)}]
    open: 2020-09-01
    close: 2099-12-31
    image: python
    resources: {{cpu: 2, memory: 4G}}
    data: read-only
"""
        for number, names in enumerate(of)
    ]
    size = -(-len(texts) // files)
    return {
        f"faculty-{file}.yaml": "courses:\n" + "".join(texts[file * size : (file + 1) * size]) for file in range(files)
    }


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """The `folder`, made, with the files in it."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def mount(folder: Path, data: Path) -> None:
    """Lets `folder` show the files of `data`, all at once, as kubelet does with a ConfigMap."""
    new = folder / "..new"
    new.symlink_to(data)
    os.rename(new, folder / "..data")
    for file in data.iterdir():
        if not (folder / file.name).is_symlink():
            (folder / file.name).symlink_to(f"..data/{file.name}")
