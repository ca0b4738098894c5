"""A term as docs/grading.md and docs/students.md tell it, by people who do what they say in their browsers."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from coursehub import layout
from playwright.sync_api import Browser, FilePayload, Page, expect

from .assignment import COURSE, PEOPLE, nbgrader, put, scores
from .browsing import log_in_by_browser
from .cluster import Installation, until
from .person import Person
from .reader import Reader

LogIn = Callable[[str], Person]
DUE = "2030-10-01 12:00:00 EEST"
# The cells of the chapter's notebook: what somebody wrote who knows nothing of nbgrader, and what each is marked as.
CELLS = (
    (
        "markdown",
        "Write `square`, which gives the square of a number. Why is it never negative?",
        "Read-only",
    ),
    ("code", "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION", "Autograded answer"),
    (
        "code",
        "assert square(3) == 9\n### BEGIN HIDDEN TESTS\nassert square(-4) == 16\n### END HIDDEN TESTS",
        "Autograded tests",
    ),
    (
        "markdown",
        "Minus by minus is plus, as plus by plus.",
        "Manually graded answer",
    ),
)


def written() -> bytes:
    """The notebook before it is marked."""
    cells = [
        {
            **{"id": f"cell-{number}", "cell_type": kind, "metadata": {}, "source": text},
            **({"outputs": [], "execution_count": None} if kind == "code" else {}),
        }
        for number, (kind, text, _) in enumerate(CELLS)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture
def reads(chromium: Browser) -> Iterator[Callable[[str], Reader]]:
    """Somebody's browser, and the page that they go by."""
    contexts = []

    def open_browser(chapter: str) -> Reader:
        contexts.append(chromium.new_context(viewport={"width": 1200, "height": 720}))
        contexts[-1].set_default_timeout(60_000)
        return Reader(contexts[-1].new_page(), chapter)

    yield open_browser
    for context in contexts:
        context.close()


def start(reader: Reader, installation: Installation, name: str, choice: str) -> None:
    """From the log-in to a server that starts."""
    log_in_by_browser(reader.page, installation, name)
    reader.page.goto(f"{installation.url}/hub/spawn")
    radio = reader.page.locator(f"#profile-{choice}")
    radio.check()
    reader.picture(f"choose-{choice}", reader.page.locator(".coursehub-group").first)
    reader.button("Start")
    reader.page.wait_for_url(re.compile("spawn-pending|/lab"))


def in_jupyterlab(reader: Reader) -> None:
    """The server has started."""
    reader.page.wait_for_url(re.compile("/lab"))
    expect(reader.page.get_by_role("menuitem", name="File", exact=True)).to_be_visible()


def makes_an_assignment(otto: Reader, course: Path) -> None:
    """Steps 2 and 4: its due date, its notebook, and what each cell is."""
    with otto.page.context.expect_page() as tab:
        otto.menu("Grading", "Formgrader")
    otto.opened(tab.value)
    formgrader = otto.page
    otto.link("Add new assignment...")
    otto.fill("Name", "hw1")
    otto.fill("Due date (optional)", "2030-10-01T12:00")
    otto.picture("add-assignment", otto.page.locator(".modal-content"))
    otto.button("Save")
    expect(otto.page.get_by_role("row", name="hw1")).to_contain_text("2030-10-01 12:00")
    with otto.page.context.expect_page() as tab:
        otto.page.get_by_role("link", name="hw1", exact=True).click()
    otto.opened(tab.value)
    otto.folder("course/source/hw1")
    with otto.page.expect_file_chooser() as chooser:
        otto.page.get_by_title(otto.named("Upload Files")).first.click()
    chooser.value.set_files(FilePayload(name="squares.ipynb", mimeType="application/json", buffer=written()))
    marks_cells(otto, course / "source/hw1/squares.ipynb")
    otto.page.close()
    otto.opened(formgrader)


def marks_cells(otto: Reader, file: Path) -> None:
    otto.file("squares.ipynb")
    expect(otto.page.locator(".jp-Notebook .jp-RenderedMarkdown").first).to_contain_text("the square of a number")
    otto.menu("Nbgrader", "Create assignment")
    panel = otto.page.locator(".nbgrader-CreateAssignmentWidget")
    for place, (_, _, kind) in enumerate(CELLS):
        panel.get_by_role("combobox").nth(place).select_option(otto.named(kind))
    for place, points in ((2, "2"), (3, "3")):
        field = panel.locator(".nbgrader-CellWidget").nth(place).locator(".nbgrader-CellPoints input")
        field.fill(points)
        field.press("Tab")
    expect(panel.locator(".nbgrader-TotalPointsInput")).to_have_value("5")
    otto.picture("create-assignment", otto.page.locator(".jp-Notebook"), panel)
    otto.menu("File", "Save Notebook")
    until(lambda: file.read_text().count('"grade_id"') == len(CELLS), 60, "a saved notebook", every=0.2)


def works_and_submits(tom: Reader, installation: Installation) -> None:
    """Tom's page, to his receipt; his answer is wrong for a hidden test only."""
    in_jupyterlab(tom)
    tom.menu("Nbgrader", "Assignment List")
    expect(tom.page.get_by_text(f"hw1, due {DUE}")).to_be_visible()
    panel = tom.page.locator("#nbgrader-assignment-list")
    tom.picture("fetch", panel, height=320)
    tom.button("Fetch")
    expect(tom.page.get_by_role("button", name="Submit", exact=True)).to_be_visible()
    panel.get_by_role("button", name="hw1").click()
    panel.get_by_role("link", name="squares", exact=True).click()
    for place, text in ((1, "def square(x): return 3 * x"), (3, "Minus by minus is plus.")):
        cell = tom.page.locator(".jp-Notebook .jp-Cell").nth(place)
        cell.dblclick()
        cell.locator(".cm-content").click()
        tom.page.keyboard.press("Control+A")
        tom.page.keyboard.insert_text(text)
    tom.menu("File", "Save Notebook")
    file = installation.share / layout.home(PEOPLE["tom"], "tom") / COURSE / "hw1/squares.ipynb"
    until(lambda: "Minus by minus" in file.read_text(), 60, "a saved answer", every=0.2)
    tom.page.get_by_role("tab", name=tom.named("Assignments")).click()
    tom.button("Validate")
    result = tom.page.get_by_role("dialog").filter(has_text="Validation Results")
    expect(result).to_contain_text("Success! Your notebook passes all the tests.")
    result.get_by_role("button").last.click()
    submits(tom, "submitted", r"hw1: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d EES?T\. ")


def submits(tom: Reader, picture: str, words: str) -> None:
    tom.button("Submit")
    told = tom.page.get_by_role("dialog").filter(has_text="Submitted")
    expect(told).to_contain_text(re.compile(words))
    if picture:
        tom.picture(picture, told.locator(".jp-Dialog-content"))
    told.get_by_role("button", name="Ok").click()


def releases(otto: Reader) -> None:
    """Steps 3 and 4."""
    otto.icon("hw1", "Generate")
    otto.told("Successfully created the student version of 'hw1'")
    formgrader = otto.page
    with formgrader.context.expect_page() as tab:
        otto.icon("hw1", "Preview")
    otto.opened(tab.value)
    otto.folder("course/release/hw1")
    otto.file("squares.ipynb")
    notebook = otto.page.locator(".jp-Notebook")
    expect(notebook).to_contain_text("# YOUR CODE HERE")
    expect(notebook).not_to_contain_text(re.compile("SOLUTION|HIDDEN|return x"))
    otto.picture("students-version", notebook, height=420)
    otto.page.close()
    otto.opened(formgrader)
    otto.icon("hw1", "Release")
    otto.told("Successfully released 'hw1'")
    expect(otto.page.get_by_role("row", name="hw1").get_by_text("released")).to_be_visible()
    otto.picture("formgrader", otto.page.locator("table"))


def autogrades(otto: Reader, installation: Installation, course: Path, teacher: Person) -> None:
    """Steps 6 and 7: from the hub's page, from Formgrader, in a terminal; what failed is graded once it is mended."""
    otto.icon("hw1", "Collect")
    otto.told("Successfully collected submissions of 'hw1'")
    broken = course / "submitted/ines/hw1/squares.ipynb"
    whole = broken.read_text()
    broken.write_text("nonsense")
    formgrader = otto.page
    otto.opened(formgrader.context.new_page())
    otto.page.goto(f"{installation.url}/hub/courses")
    otto.link("Autograde")
    expect(otto.page.get_by_role("status")).to_have_text("This server has graded nothing yet.")
    otto.button("Grade")
    expect(otto.page.get_by_role("status")).to_have_text("hw1 is being graded.")
    expect(otto.page.get_by_text("2 of 2 submissions: 1 done, 1 failed")).to_be_visible()
    failed = re.compile("^ines: .+")
    expect(otto.page.get_by_role("listitem").filter(has_text=failed)).to_be_visible()
    otto.picture("autograde", otto.page.locator(".col-md-8"))
    assert scores(teacher, "hw1") == {"tom": 0}
    otto.page.close()
    otto.opened(formgrader)
    broken.write_text(whole)
    otto.page.get_by_role("row", name="hw1").get_by_role("link", name="2", exact=True).click()
    expect(otto.page.get_by_role("listitem").filter(has_text=failed)).to_be_visible()
    otto.button("Autograde all")
    expect(otto.page.get_by_text("Ended: 1 unchanged, 1 done")).to_be_visible()
    assert scores(teacher, "hw1") == {"ines": 2, "tom": 0}
    assert "2 unchanged" in teacher.terminal(f"coursehub grade {COURSE} hw1")


def grades_by_hand(otto: Reader, installation: Installation) -> None:
    """Step 8: both students' answers, from one to the other by keys."""
    otto.link("Manual Grading")
    for name in ("hw1", "squares", "Submission #1"):
        otto.page.get_by_role("link", name=name, exact=True).click()
    for last in (False, True):
        score = otto.page.locator("input.score").last
        # Which Formgrader's script says once it listens.
        expect(otto.page.locator("input.extra-credit").last).to_have_attribute("placeholder", "0")
        expect(otto.page.locator("textarea.comment").last).to_have_attribute("placeholder", re.compile("."))
        with saves(otto.page, "/api/comment/"):
            otto.page.locator("textarea.comment").last.fill("Well said.")
            score.focus()
        with saves(otto.page, "/api/grade/"):
            otto.page.get_by_role("button", name=otto.named("Full credit")).last.click()
        expect(score).to_have_value("3")
        if not last:
            otto.picture("manual-grading", otto.page.locator(".nbgrader_cell").last)
            otto.page.keyboard.press("Control+.")
            expect(otto.page.get_by_text("Submission 2 / 2")).to_be_visible()


def saves(page: Page, address: str) -> AbstractContextManager[object]:
    """What is done meanwhile is saved."""
    return page.expect_response(lambda answer: address in answer.url and answer.request.method == "PUT" and answer.ok)


def reads_feedback(tom: Reader) -> None:
    panel = tom.page.locator("#nbgrader-assignment-list")
    tom.page.get_by_title("Refresh assignments list").click()
    tom.button("Fetch Feedback")
    panel.get_by_text(tom.named("(view feedback)")).click()
    tom.file("squares.html")
    shown = tom.page.frame_locator("iframe").last
    expect(shown.locator("body")).to_contain_text("Well said.")
    expect(shown.locator("body")).to_contain_text("Score: 3.0 / 5.0")
    tom.picture("feedback", tom.page.locator("iframe"), height=420)


def is_late_and_gets_more_time(tom: Reader, teacher: Person) -> None:
    """A due date that has passed, as its student sees it, and an extension."""
    refresh = tom.page.get_by_title("Refresh assignments list")
    nbgrader(teacher, "db assignment add hw1 --duedate='2026-07-01 10:00:00 UTC'")
    tom.page.get_by_role("tab", name="Assignments").click()
    refresh.click()
    # Where the course is, it is summer then.
    expect(tom.page.get_by_text("hw1, due 2026-07-01 13:00:00 EEST").first).to_be_visible()
    submits(tom, "", r"hw1: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d EES?T, late by \d+ days")
    expect(tom.page.get_by_text(re.compile(r"\d\d:\d\d:\d\d EES?T, late by \d+ days")).first).to_be_visible()
    said = teacher.terminal(f"coursehub extend {COURSE} hw1 tom --until '2030-10-08 12:00'")
    assert "tom: until 2030-10-08 12:00:00 EEST" in said
    refresh.click()
    expect(tom.page.get_by_text(re.compile("extended for you")).first).to_be_visible()


def hands_in(student: Person) -> None:
    """Ines in a terminal, with a right answer."""
    nbgrader(student, "fetch_assignment hw1")
    path = f"/api/contents/home/{student.name}/{COURSE}/hw1/squares.ipynb"
    content = student.server("GET", path).json()["content"]
    content["cells"][1]["source"] = "def square(x):\n    return x * x"
    put(student, path.removeprefix("/api/contents"), content)
    nbgrader(student, "submit hw1")


def test_a_term_goes_as_the_pages_tell_it(
    log_in: LogIn,
    installation: Installation,
    empty_course: Path,
    empty_home: Callable[[int, str], None],
    reads: Callable[[str], Reader],
) -> None:
    teacher, student, other = (log_in(name) for name in ("otto", "tom", "ines"))
    for name in ("otto", "tom"):
        empty_home(PEOPLE[name], name)
    otto, tom = reads("grading.md"), reads("students.md")
    start(otto, installation, "otto", f"{COURSE}--instructor")
    start(tom, installation, "tom", COURSE)
    other.start(COURSE)
    in_jupyterlab(otto)
    makes_an_assignment(otto, empty_course)
    releases(otto)
    works_and_submits(tom, installation)
    assert "squares.ipynb" in student.terminal(f"coursehub receipt {COURSE} hw1")
    hands_in(other)
    autogrades(otto, installation, empty_course, teacher)
    grades_by_hand(otto, installation)
    otto.link("Manual Grading")
    otto.link("Manage Assignments")
    for column, said in (("Generate Feedback", "generated"), ("Release Feedback", "released")):
        otto.icon("hw1", column)
        otto.told(f"Successfully {said} feedback of 'hw1'")
    reads_feedback(tom)
    exported = teacher.terminal(
        f"cd; coursehub grades export {COURSE} --format moodle --force; cat {COURSE}-moodle.csv; rm {COURSE}-moodle.csv"
    )
    assert re.search(r"tom.*3", exported), exported
    assert re.search(r"ines.*5", exported), exported
    is_late_and_gets_more_time(tom, teacher)
