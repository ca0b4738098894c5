"""Instructors have a course's submissions graded: from the hub's page, from Formgrader's, and two of them at once."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from .assignment import COURSE, nbgrader, release, scores, solve
from .browsing import log_in_by_browser
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


def test_a_courses_instructor_grades_from_the_hubs_page_and_from_formgraders(
    log_in: LogIn, installation: Installation, empty_course: Path, page: Page
) -> None:
    peter = log_in("peter")
    hand_in(peter, log_in("ines"), log_in("tom"))
    whole = (empty_course / "submitted/tom/one/a.ipynb").read_text()
    (empty_course / "submitted/tom/one/a.ipynb").write_text("nonsense")

    log_in_by_browser(page, installation, "peter")
    page.goto(f"{installation.url}/hub/courses")
    page.get_by_role("link", name="Autograde").first.click()
    status = page.get_by_role("status")
    expect(status).to_have_text("This server has graded nothing yet.")
    page.get_by_role("button", name="Grade", exact=True).click()
    expect(status).to_have_text("one is being graded.")
    expect(page.get_by_text("2 of 2 submissions: 1 done, 1 failed")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text=re.compile("^tom: .+"))).to_be_visible()
    assert scores(peter) == {"ines": 2}

    # Tom's is mended, and Formgrader's button takes it alone.
    (empty_course / "submitted/tom/one/a.ipynb").write_text(whole)
    page.get_by_role("link", name="Formgrader").click()
    page.get_by_role("row", name="one").get_by_role("link", name="2", exact=True).click()
    expect(page.get_by_role("listitem").filter(has_text=re.compile("^tom: .+"))).to_be_visible()
    page.get_by_role("button", name="Autograde all").click()
    expect(page.get_by_text("Ended: 1 unchanged, 1 done")).to_be_visible()
    assert scores(peter) == {"ines": 2, "tom": 0}


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
