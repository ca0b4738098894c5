"""A student's JupyterLab lists assignments: when each is due, what was handed in when, and how late that was."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from .assignment import COURSE, release, solve
from .browsing import log_in_by_browser
from .cluster import Installation
from .person import Person

LogIn = Callable[[str], Person]


def test_a_student_sees_when_an_assignment_is_due_and_what_was_handed_in(
    log_in: LogIn, installation: Installation, empty_course: Path, page: Page
) -> None:
    peter, tom = log_in("peter"), log_in("tom")
    peter.start(f"{COURSE}--instructor")
    release(peter, "db assignment add one --duedate='2026-07-01 10:00:00 UTC'")
    tom.start(COURSE)

    log_in_by_browser(page, installation, "tom")
    page.goto(f"{installation.server('tom')}/lab")
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Assignment List").click()
    # Where the course is, it is summer then.
    due = page.get_by_text("one, due 2026-07-01 13:00:00 EEST")
    expect(due).to_be_visible()
    page.get_by_role("button", name="Fetch", exact=True).click()
    expect(page.get_by_role("button", name="Submit", exact=True)).to_be_visible()
    expect(due).to_be_visible()
    solve(tom, "x * x")
    page.get_by_role("button", name="Submit", exact=True).click()
    told = page.get_by_role("dialog").filter(has_text="Submitted")
    expect(told).to_contain_text(re.compile(r"one: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d EES?T, late by \d+ days"))
    told.get_by_role("button", name="Ok").click()
    expect(page.get_by_text(re.compile(r"\d\d:\d\d:\d\d EES?T, late by \d+ days"))).to_be_visible()
    assert "a.ipynb" in tom.terminal(f"coursehub receipt {COURSE} one")
