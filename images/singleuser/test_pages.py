"""Formgrader with many submissions: what its pages ask for, and what is left of HTML; runs as test_image.py does."""
# ruff: noqa: S101  (plain scripts: no pytest in the image)

import json
import sys
from html.parser import HTMLParser
from typing import Any

from coursehub_cleaning import ATTRIBUTES, cleaned
from test_image import ANNA, COURSE, course, main, run, warmed

# A class's work on two assignments in the gradebook and in /course; then what nbgrader's own lists say, what ours say,
# and for each list how often it asked the gradebook and how many files it opened.
LISTS = """
import datetime, json, os, sys
import nbgrader_trusted
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import Engine, event

people = int(sys.argv[1])
nbgraders = Gradebook.notebook_submissions, NbGraderAPI.get_submission
nbgrader_trusted.restrict()
ours = Gradebook.notebook_submissions, NbGraderAPI.get_submission
stamp = datetime.datetime(2026, 3, 1, 12)
with Gradebook("sqlite:////course/gradebook.db", "python-intro") as book:
    for number in range(people):
        book.add_student(f"s{number}", last_name=f"L{number}")
    for name in ("one", "two"):
        os.makedirs(f"/course/source/{name}")
        book.add_assignment(name)
        book.add_notebook("a", name)
        book.add_grade_cell("g", "a", name, max_score=2, cell_type="code")
        for number in range(people):
            # One is graded, one has a newer submission, one was never graded, one handed in nothing.
            if number % 4 < 2:
                work = book.add_submission(name, f"s{number}", timestamp=stamp)
                work.notebooks[0].grades[0].auto_score = number % 3
            for step in ("submitted", "autograded")[: (2, 2, 1, 0)[number % 4]]:
                folder = f"/course/{step}/s{number}/{name}"
                os.makedirs(folder)
                open(f"{folder}/a.ipynb", "w").close()
                with open(f"{folder}/timestamp.txt", "w") as file:
                    file.write(f"2026-03-01 12:00:0{number % 4}.000000 UTC")
    book.db.commit()

asked = {"gradebook": 0, "files": 0}
def count(name):
    asked[name] += 1
event.listen(Engine, "before_cursor_execute", lambda *_: count("gradebook"))
sys.addaudithook(lambda event, _: count("files") if event in ("open", "os.scandir", "os.listdir") else None)
app = NbGrader()
app.initialize([])
said = []
for Gradebook.notebook_submissions, NbGraderAPI.get_submission in (nbgraders, ours):
    api = NbGraderAPI(app.coursedir, parent=app)
    lists = {
        "indices": lambda: api.get_notebook_submission_indices("one", "a"),
        "notebooks": lambda: api.get_notebook_submissions("one", "a"),
        **{f"one of {n}": lambda n=n: api.get_submission("one", f"s{n}") for n in range(5)},
        "unknown": lambda: api.get_submission("one", "nobody"),
        "student": lambda: api.get_student_submissions("s1"),
    }
    said.append({})
    for name, each in lists.items():
        asked.update(gradebook=0, files=0)
        found = each()
        said[-1][name] = {"found": found, **asked}
print(json.dumps(said))
"""


def lists(people: int) -> list[dict[str, Any]]:
    course()
    who = {**ANNA, "group": 70101}
    done = run(warmed(["python3", "-c", LISTS, str(people)]), "instructor", who, cwd=COURSE)
    return list(json.loads(done.stdout))


def what_is_asked_for_a_page_does_not_grow_with_the_class_and_says_what_nbgraders_says() -> None:
    few, many = lists(8), lists(24)
    for nbgraders, ours in (few, many):
        for name, said in ours.items():
            assert said["found"] == nbgraders[name]["found"], (name, said["found"], nbgraders[name]["found"])
    for name in many[1]:
        for what in ("gradebook", "files"):
            assert many[1][name][what] == few[1][name][what], (name, what, few[1][name], many[1][name])
    grown = [name for name in many[0] if many[0][name]["gradebook"] > few[0][name]["gradebook"]]
    assert grown, "nbgrader no longer asks for each student, so this is not needed"


# What is left of each: text, tables and pictures; nothing that runs, loads, looks like a part of the page or leaves it.
CLEANED = {
    "<script>ran</script>a<style>b</style><title>c</title><template>d</template>": "a",
    "<svg><style><img src=x onerror=ran></style></svg><math><mi>b</mi></math>": '<img src="x">',
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=ran>'>": None,
    "<noscript><p title='</noscript><img src=x onerror=ran>'></noscript>": None,
    "<b id=square class='full-credit hll' onclick=ran>a</b>": "<b>a</b>",
    '<span class="nb">len</span>': '<span class="nb">len</span>',
    "<a href='javascript:ran'>a</a><a href='data:text/html,b'>b</a>": None,
    "<a href=' DATA:x'>a</a><a href='d&#10;ata&#9;:x'>b</a>": None,
    "<p style='position:fixed; color: red; background: url(http://x/)'>a": '<p style="color:red">a</p>',
    "<img src='data:image/png;base64,AA=='>": '<img src="data:image/png;base64,AA==">',
    "<iframe src=x></iframe><form action=x><input><button>a</button></form><meta http-equiv=refresh><base href=x>": "a",
    "<table border=1 class=dataframe><tr><td rowspan=2>1": (
        '<table border="1" class="dataframe"><tbody><tr><td rowspan="2">1</td></tr></tbody></table>'
    ),
    "</div></div></body>a &lt;script&gt; &amp;": "a &lt;script&gt; &amp;",
}


def html_is_left_that_runs_nothing_and_stays_in_its_place() -> None:
    for html, wanted in CLEANED.items():
        found = cleaned(html)
        assert wanted in (None, found), (html, found)
        assert cleaned(found) == found, (html, found)
        there = Attributes()
        there.feed(found)
        assert there.names <= ATTRIBUTES | {"class", "src"}, (html, found)


class Attributes(HTMLParser):
    """The names of all attributes, as another parser finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes them."""
        self.names |= {name for name, _ in attrs}


TESTS = (
    what_is_asked_for_a_page_does_not_grow_with_the_class_and_says_what_nbgraders_says,
    html_is_left_that_runs_nothing_and_stays_in_its_place,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
