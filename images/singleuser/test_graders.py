"""Three who teach a course at once, and the gradebook that they share; runs in the image as test_image.py does.

SEED=n repeats what a run with that seed did, SOAK=n does it n times, each with a seed of its own.
"""
# ruff: noqa: S101, S108, S311, PT018  (plain scripts: no pytest in the image; random numbers are to be repeated)

import html
import http.client
import json
import math
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nbgrader.utils import notebook_hash
from test_image import COURSE, EXCHANGE, HOME, PEOPLE, course, environment, handed_out, learn, main, stop, until

GID = 70101
TEACHERS = {name: {**PEOPLE[name], "group": GID} for name in ("anna", "ben")}
TEACHERS["eve"] = {"user": 51238, "group": GID, "extra_groups": [GID]}
STUDENTS = ("clara", "david")
BOOK = COURSE / "gradebook.db"
FEEDBACK = EXCHANGE / "python-intro/feedback"
# As the server does it, in a process of its own.
BEGIN = "import nbgrader_trusted; nbgrader_trusted.restrict(); from nbgrader.api import *; "
OPEN = f"{BEGIN}from nbgrader_gradebook import of_course; book = of_course('python-intro'); "
BUSY = "somebody else is at the work of"
# Of each of them, in the random part.
ACTIONS = 12


# A pod's own folders, beside those of others.
ALONE = "mount -t tmpfs -o mode=1777 tmpfs /run; mkdir -m 0777 /run/coursehub; exec setpriv $0"


def at_work(name: str, role: str, *command: str, **more: str) -> "subprocess.Popen[str]":
    """A command begins as one person's, as in a pod of theirs beside others'; a grader's home is empty."""
    who = TEACHERS.get(name) or PEOPLE[name]
    home = HOME / name
    if name in TEACHERS:
        home = Path("/tmp/desks", name)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        os.chown(home, who["user"], who["group"])
    groups = ",".join(map(str, who["extra_groups"]))
    ids = f'--reuid={who["user"]} --regid={who["group"]} --groups={groups} coursehub-start "$@"'
    return subprocess.Popen(
        ["unshare", "--mount", "--propagation=unchanged", "sh", "-ec", ALONE.replace("$0", ids), "sh", *command],
        env=environment(role, name, home, **more),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def python(name: str, program: str) -> "subprocess.Popen[str]":
    return at_work(name, "grading", "python3", "-c", program)


def ended(process: "subprocess.Popen[str]") -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in said, said
    return said


def usable_by_colleagues() -> None:
    """Each of them may do everything with all that is in the course, and nothing half-made is left."""
    for path in COURSE.rglob("*"):
        found = path.stat()
        wanted = 0o2770 if path.is_dir() else 0o660
        assert found.st_gid == GID and found.st_mode & wanted == wanted, (path, found)
        assert not path.name.startswith((".making", ".earlier", ".collecting")), path
    assert not list(FEEDBACK.glob(".making*"))


def rows(query: str) -> list[Any]:
    with sqlite3.connect(f"file:{BOOK}?mode=ro", uri=True) as book:
        return book.execute(query).fetchall()


def cells(table: str) -> list[Any]:
    return rows(f"SELECT * FROM {table}")  # noqa: S608  (a name of this file's)


# --- the file ---


def of_several_who_begin_a_gradebook_at_once_one_makes_it() -> None:
    course()
    go = Path("/tmp/begin")
    go.unlink(missing_ok=True)
    wait = f"import os, time; print('ready', flush=True)\nwhile not os.path.exists('{go}'): time.sleep(0.001)\n"
    again = "[book.update_or_create_student(f's{number}', first_name='x') for number in range(3)]"
    running = [python(name, f"{BEGIN}{wait}{OPEN}{again}") for name in TEACHERS]
    for each in running:
        assert each.stdout and each.stdout.readline() == "ready\n", each.communicate()
    go.touch()
    for each in running:
        ended(each)
    assert cells("course") == [("python-intro",)], cells("course")
    assert len(cells("alembic_version")) == 1, cells("alembic_version")
    assert {row[0] for row in cells("student")} == {"s0", "s1", "s2"}
    usable_by_colleagues()


def whoever_writes_next_undoes_what_a_writer_had_begun_who_was_cut_off() -> None:
    course()
    many = "book.db.add_all(Student(id=f's{number}', email='x' * 900) for number in range(400)); book.db.commit()"
    ended(python("anna", f"{OPEN}{many}"))
    before = cells("student")
    # More than its memory holds is in the file before the end.
    cut_off = (
        "book.db.execute(text('PRAGMA cache_size = 2')); book.db.execute(text(\"UPDATE student SET email = 'y'\"))"
    )
    end = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    for writer, umask, colleague in (("anna", 0o007, "ben"), ("eve", 0o077, "anna")):
        raw = BOOK.read_bytes()
        killed = python(writer, f"import os; os.umask({umask}); {OPEN}{cut_off}; {end}")
        assert killed.wait(120) == 128 + signal.SIGKILL, killed.communicate()
        assert BOOK.read_bytes() != raw, "nothing was written before the end, so this shows nothing"
        reads = "assert book.find_student('s7').email == 'x' * 900, 'half of a step is there'; "
        ended(python(colleague, f"{OPEN}{reads}book.update_or_create_student('s0', last_name='{colleague}')"))
        assert [row[0] for row in cells("student")] == [row[0] for row in before]
        usable_by_colleagues()


def a_gradebook_is_waited_for_and_its_journal_stays() -> None:
    """Also of one that was in another mode, which does not work over NFS."""
    course()
    with sqlite3.connect(BOOK) as book:
        assert book.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    book.close()
    asked = (
        "[book.db.execute(text(f'PRAGMA {each}')).scalar() for each in ('journal_mode', 'busy_timeout', 'synchronous')]"
    )
    wrote = "book.update_or_create_student('s', last_name='x'); "
    said = ended(python("anna", f"{OPEN}{wrote}import json; print(json.dumps({asked}))"))
    assert json.loads(said) == ["persist", 60000, 2], said
    journal = BOOK.with_name("gradebook.db-journal")
    assert journal.read_bytes()[:8] == bytes(8), "the journal is valid"
    usable_by_colleagues()
    # As in an archived course.
    for path, mode in ((BOOK, 0o440), (journal, 0o440), (COURSE, 0o2750)):
        path.chmod(mode)
    ended(python("ben", f"{OPEN}assert book.find_student('s').last_name == 'x'"))


# --- Formgrader ---


@dataclass
class Desk:
    """One instructor's server, and what is asked of it."""

    name: str
    port: int
    process: "subprocess.Popen[str]"
    said: list[str] = field(default_factory=list)
    # The page of each student's work, as it was when it was opened last.
    pages: dict[str, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)

    def ask(self, path: str, method: str = "GET", body: object = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": "token token", "Content-Type": "application/json"}
        connection.request(method, f"/user/anna/{path}", None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def api(self, path: str, method: str = "GET", body: object = None) -> Any:
        """As Formgrader's pages ask; a step succeeds, once colleagues are no more at the same."""
        while True:
            status, said = self.ask(f"formgrader/api/{path}", method, body)
            assert status == 200, (self.name, method, path, status, said)
            answer = json.loads(said)
            if not isinstance(answer, dict) or answer.get("success", True):
                return answer
            assert BUSY in answer["log"], (self.name, path, answer)

    def submission(self, student: str) -> str:
        (found,) = [each for each in self.api("submitted_notebooks/one/a") if each["student"] == student]
        return str(found["id"])

    def graded(self, student: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The grade and the comment of a student's work, as its page shows them."""
        query = f"?submission_id={quote(self.submission(student))}"
        (grade,), (comment,) = self.api(f"grades{query}"), self.api(f"comments{query}")
        self.pages[student] = grade, comment
        return grade, comment

    def grade(self, student: str, score: float | None, extra: float | None = None) -> None:
        grade, _ = self.pages.get(student) or self.graded(student)
        answer = self.api(f"grade/{grade['id']}", "PUT", {**grade, "manual_score": score, "extra_credit": extra})
        assert (answer["manual_score"], answer["extra_credit"]) == (score, extra), answer

    def comment(self, student: str, text: str) -> None:
        _, comment = self.pages.get(student) or self.graded(student)
        assert (
            self.api(f"comment/{comment['id']}", "PUT", {**comment, "manual_comment": text})["manual_comment"] == text
        )


@contextmanager
def desks() -> Iterator[list[Desk]]:
    """The three instructors' servers, which had no error when they end."""
    made = []
    with ExitStack() as running:
        for number, name in enumerate(TEACHERS):
            port = 18890 + number
            more = {"JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}/user/anna/"}
            process = at_work(name, "grading", "python3", "-s", "-P", "-m", "jupyterhub.singleuser", **more)
            running.callback(stop, process)
            desk = Desk(name, port, process)
            threading.Thread(target=partial(listen, desk), daemon=True).start()
            made.append(desk)
        for desk in made:
            until(partial(answers, desk), f"{desk.name}'s server answers")
        yield made
        for desk in made:
            said = "".join(desk.said)
            assert "Traceback" not in said and not re.search(r" 50\d (GET|PUT|POST)", said), said[-5000:]


def listen(desk: Desk) -> None:
    assert desk.process.stdout
    desk.said.extend(desk.process.stdout)


def answers(desk: Desk) -> bool:
    assert desk.process.poll() is None, "".join(desk.said)
    try:
        return desk.ask("api")[0] == 200
    except OSError:
        return False


def hand_in(student: str, code: str) -> None:
    mine = HOME / student / "python-intro/one/a.ipynb"
    found = json.loads(mine.read_text())
    found["cells"][0]["source"] = f"def square(x):\n    {code}"
    mine.write_text(json.dumps(found))
    ended(at_work(student, "student", "nbgrader", "submit", "one"))


def what_a_colleague_saves_is_seen_and_what_one_saves_again_is_saved() -> None:
    handed_out()
    hand_in("clara", "return 0")
    with desks() as (anna, ben, eve):
        anna.api("assignment/one/collect", "POST")
        ben.api("submission/one/clara/autograde", "POST")
        for desk, score in ((anna, 1.0), (ben, 0.5), (eve, 2.0), (anna, 1.0), (ben, 0.5)):
            desk.grade("clara", score)
            desk.comment("clara", f"{score} points")
            for colleague in (anna, ben, eve):
                grade, comment = colleague.graded("clara")
                assert (grade["manual_score"], comment["manual_comment"]) == (score, f"{score} points"), colleague.name
                (each,) = colleague.api("submissions/one")
                assert each["score"] == score, (colleague.name, each)
        # What anna saw last, and saves, counts, also where a colleague has saved something else meanwhile.
        ben.grade("clara", 2.0)
        anna.grade("clara", 0.5)
        assert ben.graded("clara")[0]["manual_score"] == 0.5, "what was saved is not there"
        # Nothing of the gradebook outlasts a request: of one that is put back, everybody sees what it has.
        kept = BOOK.with_name("kept.db")
        subprocess.run(["cp", "-a", BOOK, kept], check=True)
        anna.grade("clara", 2.0)
        kept.rename(BOOK)
        assert {desk.graded("clara")[0]["manual_score"] for desk in (anna, ben, eve)} == {0.5}
        anna.grade("clara", 1.0)
        assert ben.graded("clara")[0]["manual_score"] == 1.0
        # Who has a page open holds up nobody, and a submission is there while it is graded anew.
        waits = "import os, time; open('/tmp/graders-runs', 'w')\n    while not os.path.exists('/tmp/graders-go'): "
        hand_in("clara", f"{waits}time.sleep(0.1)\n    return x ** 2")
        for name in ("runs", "go"):
            Path(f"/tmp/graders-{name}").unlink(missing_ok=True)
        anna.api("assignment/one/collect", "POST")
        with ThreadPoolExecutor() as pool:
            grading = pool.submit(anna.api, "submission/one/clara/autograde", "POST")
            until(Path("/tmp/graders-runs").exists, "the submission runs")
            status, page = ben.ask(f"formgrader/submissions/{ben.submission('clara')}/")
            assert status == 200 and "return 0" in html.unescape(re.sub("<[^>]*>", "", page)), (status, page)
            ben.grade("clara", 1.5)
            feedback = pool.submit(eve.api, "assignment/one/generate_feedback", "POST")
            Path("/tmp/graders-go").touch()
            grading.result()
            feedback.result()
        # The feedback for all has not left it out, and is of what came out.
        assert "graders-go" in (COURSE / "feedback/clara/one/a.html").read_text()
        grade, _ = eve.graded("clara")
        assert (grade["auto_score"], grade["manual_score"]) == (2.0, 1.5), grade
        ben.api("assignment/one/release_feedback", "POST")
    learn("clara", "fetch_feedback", "one")
    pages = [each.read_text() for each in (HOME / "clara/python-intro/one/feedback").rglob("a.html")]
    assert any("1.5 / 2.0" in page and "0.5 points" in page for page in pages), pages
    usable_by_colleagues()


# --- what they do at random ---


@dataclass
class Cell:
    """What was saved into a place of the gradebook, by whomever: from when to when it took, and what."""

    saved: list[tuple[float, float, Any]] = field(default_factory=list)

    def save(self, value: Any, how: Callable[[], None]) -> None:
        begin = time.monotonic()
        begun = (begin, math.inf, value)
        self.saved.append(begun)
        how()
        self.saved[self.saved.index(begun)] = (begin, time.monotonic(), value)

    def may_be(self, begin: float, end: float) -> list[Any]:
        """What can be there at some time in between: nothing that somebody has certainly written over."""
        over = max(begun for begun, done, _ in self.saved if done < begin)
        return [value for begun, done, value in self.saved if begun <= end and done >= over]


@dataclass
class School:
    """What was done, to be held against what is there."""

    scores: dict[str, Cell] = field(default_factory=lambda: {student: Cell() for student in STUDENTS})
    comments: dict[str, Cell] = field(default_factory=lambda: {student: Cell() for student in STUDENTS})
    versions: int = 0

    def look(self, desk: Desk, student: str) -> None:
        begin = time.monotonic()
        grade, comment = desk.graded(student)
        end = time.monotonic()
        scores, comments = (each[student].may_be(begin, end) for each in (self.scores, self.comments))
        assert (grade["manual_score"], grade["extra_credit"]) in scores, (desk.name, student, grade, scores)
        assert comment["manual_comment"] in comments, (desk.name, student, comment, comments)

    def pages(self, desk: Desk, student: str) -> None:
        for page in (f"submissions/{desk.submission(student)}/", "manage_submissions/one", "gradebook/one/a"):
            assert desk.ask(f"formgrader/{page}")[0] == 200, (desk.name, page)
        for each in ("submissions/one", "students", f"student_submissions/{student}", "assignments"):
            desk.api(each)

    def grade(self, desk: Desk, student: str, score: float | None, extra: float | None) -> None:
        self.scores[student].save((score, extra), partial(desk.grade, student, score, extra))

    def comment(self, desk: Desk, student: str, text: str) -> None:
        self.comments[student].save(text, partial(desk.comment, student, text))

    def teach(self, desk: Desk, draw: random.Random) -> None:
        """One instructor's part of the hour."""
        for _ in range(ACTIONS):
            student = draw.choice(STUDENTS)
            whose = draw.choice(("", f"{student}/"))
            steps: dict[Callable[[], object], int] = {
                partial(self.look, desk, student): 3,
                partial(self.pages, desk, student): 2,
                partial(self.grade, desk, student, draw.choice((None, 0.0, 0.5, 1.0)), draw.choice((None, 0.25))): 5,
                partial(self.comment, desk, student, draw.choice(("Well done", "See me", str(draw.random())))): 4,
                partial(desk.api, "assignment/one/collect", "POST"): 1,
                partial(desk.api, f"submission/one/{student}/autograde", "POST"): 2,
                partial(desk.api, f"assignment/one/{whose}generate_feedback", "POST"): 1,
                partial(desk.api, f"assignment/one/{whose}release_feedback", "POST"): 1,
            }
            draw.choices([*steps], [*steps.values()])[0]()

    def learn(self) -> None:
        """Each student hands in once more."""
        for student in STUDENTS:
            self.versions += 1
            hand_in(student, f"return {'x ** 2' if self.versions % 3 else 0}  # version {self.versions}")

    def all_is_there(self, desks: Sequence[Desk]) -> None:
        """Whatever somebody has saved, of one state each."""
        usable_by_colleagues()
        handed_in = {version(each / "a.ipynb"): each for each in (EXCHANGE / "python-intro/inbound").iterdir()}
        now = time.monotonic()
        query = "SELECT student_id, timestamp FROM submitted_assignment"
        times = {student: f"{stamp} UTC" for student, stamp in rows(query)}
        for student in STUDENTS:
            for desk in desks:
                grade, comment = desk.graded(student)
                found = (grade["manual_score"], grade["extra_credit"])
                assert found in self.scores[student].may_be(now, now), (desk.name, student, found, self.scores[student])
                text = comment["manual_comment"]
                assert text in self.comments[student].may_be(now, now), (desk.name, text, self.comments[student])
            graded = COURSE / f"autograded/{student}/one"
            what = version(graded / "a.ipynb")
            assert grade["auto_score"] == (2.0 if what % 3 else 0.0), (student, what, grade)
            time_graded = (graded / "timestamp.txt").read_text()
            assert time_graded == (handed_in[what] / "timestamp.txt").read_text() == times[student], (student, times)
            feedback = COURSE / f"feedback/{student}/one"
            for name in ("timestamp.txt", "submission_secret.txt"):
                kept = (handed_in[version(feedback / "a.html")] / name).read_text()
                assert (feedback / name).read_text() == kept, (student, name)
        secrets = {(each / "submission_secret.txt").read_text(): what for what, each in handed_in.items()}
        released = {f"{notebook_hash(secret=each, notebook_id='a')}.html": what for each, what in secrets.items()}
        for page in FEEDBACK.iterdir():
            assert version(page) == released[page.name], page


def version(file: Path) -> int:
    """Which of the submissions it is or was made of."""
    found = re.search(r"# version (\d+)", file.read_text())
    assert found, file
    return int(found[1])


def step_by_step(desk: Desk) -> None:
    """A whole round."""
    desk.api("assignment/one/collect", "POST")
    for student in STUDENTS:
        desk.api(f"submission/one/{student}/autograde", "POST")
    for step in ("generate_feedback", "release_feedback"):
        desk.api(f"assignment/one/{step}", "POST")


def nothing_is_lost_of_what_three_do_at_random() -> None:
    first = int(os.environ.get("SEED", "1"))
    for seed in range(first, first + int(os.environ.get("SOAK", "1"))):
        print(f"seed {seed}", flush=True)
        handed_out()
        draw = random.Random(seed)
        school = School()
        school.learn()
        with desks() as open_desks:
            step_by_step(open_desks[0])
            for student in STUDENTS:
                school.grade(open_desks[1], student, None, None)
                school.comment(open_desks[2], student, "")
            with ThreadPoolExecutor() as pool:
                parts = [pool.submit(school.teach, each, random.Random(draw.random())) for each in open_desks]
                parts.append(pool.submit(school.learn))
                for part in parts:
                    part.result()
            school.all_is_there(open_desks)
            step_by_step(draw.choice(open_desks))
            school.all_is_there(open_desks)
            newest = range(school.versions - len(STUDENTS) + 1, school.versions + 1)
            assert {*newest} <= {version(page) for page in FEEDBACK.iterdir()}
            for student, wanted in zip(STUDENTS, newest, strict=True):
                grade, comment = open_desks[0].graded(student)
                page = COURSE / f"feedback/{student}/one/a.html"
                score = grade["manual_score"] if grade["manual_score"] is not None else grade["auto_score"]
                score += grade["extra_credit"] or 0
                assert version(page) == wanted
                assert f"Score: {score} / 2.0" in page.read_text() and comment["manual_comment"] in page.read_text()


TESTS = (
    of_several_who_begin_a_gradebook_at_once_one_makes_it,
    whoever_writes_next_undoes_what_a_writer_had_begun_who_was_cut_off,
    a_gradebook_is_waited_for_and_its_journal_stays,
    what_a_colleague_saves_is_seen_and_what_one_saves_again_is_saved,
    nothing_is_lost_of_what_three_do_at_random,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
