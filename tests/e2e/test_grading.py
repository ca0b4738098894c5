"""Two instructors have the same submissions graded at once."""

import threading
from collections.abc import Callable
from pathlib import Path

from .assignment import COURSE, nbgrader, release, scores, solve
from .cluster import Installation
from .person import Person

LogIn = Callable[[str], Person]


def hand_in(peter: Person, ines: Person, tom: Person) -> None:
    """Peter has collected what both students made of his assignment."""
    peter.start(f"{COURSE}--instructor")
    release(peter)
    for student, answer in ((ines, "x * x"), (tom, "x + x")):
        student.start(COURSE)
        nbgrader(student, "fetch_assignment one")
        solve(student, answer)
        nbgrader(student, "submit one")
    nbgrader(peter, "collect one")


def test_g4_two_instructors_grade_the_same_at_the_same_time(
    log_in: LogIn, installation: Installation, empty_course: Path
) -> None:
    peter, otto = log_in("peter"), log_in("otto")
    hand_in(peter, log_in("ines"), log_in("tom"))
    otto.start(f"{COURSE}--grading")
    said: dict[str, str] = {}

    def grade(teacher: Person) -> None:
        said[teacher.name] = teacher.terminal("cd /course; nbgrader autograde one 2>&1; echo exit=$?", 300)

    both = [threading.Thread(target=grade, args=(teacher,)) for teacher in (peter, otto)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    for text in said.values():
        assert text.endswith("exit=0"), said
    for teacher in (peter, otto):
        assert scores(teacher) == {"ines": 2, "tom": 0}, said
    nbgrader(otto, "generate_feedback one", 240)
    nbgrader(peter, "release_feedback one")
    assert len(list((empty_course / "feedback").glob("*/one/a.html"))) == 2
