"""Many submissions autograded at once, in a terminal and by the server; runs as test_apart.py does."""
# ruff: noqa: S101, PT018  (plain scripts: no pytest in the image)

import json
import os
import shutil
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from test_apart import RUNS, Cluster, Pod, as_anna, begun, cluster, ended
from test_image import (
    COURSE,
    get,
    handed_out,
    last_activity,
    learn,
    main,
    scores,
    solve,
    teach,
    until,
    warmed,
)

ONE = ("python-intro", "one")
GRADE = ("coursehub", "grade", *ONE)


def collected(**answers: str) -> None:
    """What these students handed in; of those who are neither Clara nor David copies of hers."""
    handed_out()
    for student in ("clara", "david"):
        solve(student, answers.pop(student))
        learn(student, "submit", "one")
    teach("collect", "one")
    for student, command in answers.items():
        as_anna(f"umask 007; cd {COURSE}/submitted; mkdir $1; cp -r clara/one $1; cd $1/one; {command}", student)


def grade(*words: str) -> tuple[int, str]:
    """The exit code of the command, and what it said."""
    return ended(begun(*warmed(["coursehub", "grade", *words])))


def nothing_is_left(asked: Cluster) -> bool:
    return not asked.executing() and not list(RUNS.iterdir())


def many_are_graded_as_there_are_places_and_none_stops_another() -> None:
    """A kernel that ends, a notebook that is none, and a folder without one; a gradebook that is in use meanwhile."""
    collected(
        clara="return x * x",
        david="import os; os._exit(1)",
        s1="",
        s2="echo '[' >a.ipynb",
        s3="rm a.ipynb",
    )

    def occupy(_: Pod) -> None:
        asked.meddle = lambda _: None
        book = sqlite3.connect(COURSE / "gradebook.db", check_same_thread=False)
        book.execute("BEGIN EXCLUSIVE")
        threading.Timer(7, book.close).start()

    with cluster() as asked:
        asked.places, asked.meddle = 2, occupy
        code, said = grade(*ONE)
        assert code == 1 and asked.most == 2 and nothing_is_left(asked), said
        assert ": waiting: 2 are being executed.\n" in said, said
        assert said.startswith("Submissions: 5.") and "5 of 5: " in said and "clara: executing\n" in said, said
        whole = said.partition("\nOf 5: ")[2].splitlines()
        assert whole[0] == "2 done, 3 failed" and len(whole) == 4, said
        assert [line.split(": ")[0].strip() for line in sorted(whole[1:])] == ["david", "s2", "s3"], said
        assert "s2: failed: the notebook 'a.ipynb' cannot be graded: it is not JSON" in said, said
        assert "s3: failed: there is no notebook in what was collected" in said, said
        assert "Traceback" not in said and "Warning" not in said, said
        asked.asked.clear()
        code, said = grade(*ONE, "--json")
        events = [json.loads(line) for line in said.splitlines()]
        states = {event["student"]: event["state"] for event in events if "log" in event}
        assert states == {"clara": "unchanged", "s1": "unchanged", **dict.fromkeys(("david", "s2", "s3"), "failed")}
        assert code == 1 and asked.asked.count("PUT") == 1, "what is graded was executed again"
        code, said = grade(*ONE, "--student=clara", "--student", "nobody", "--again")
        assert code == 1 and asked.asked.count("PUT") == 2, said
        assert "nobody: failed: nothing of theirs was collected" in said and "Of 2: 1 done, 1 failed" in said, said
        for words, code, right in (
            (("python-intro", "on*"), 1, "coursehub: nothing was collected of 'on*'; there is work of 'one'\n"),
            (("physics", "one"), 2, "this server is of 'python-intro'; for 'physics', start that course"),
        ):
            found = grade(*words)
            assert found[0] == code and right in found[1], (words, found)
    found = grade(*ONE)
    assert found[0] == 1 and found[1].startswith("coursehub: nothing can be executed apart"), found
    assert {name: score for name, score in scores().items() if score} == {"clara": 2.0, "s1": 2.0}


def what_is_cancelled_or_killed_is_not_half_saved_and_the_next_run_goes_on() -> None:
    """Ctrl-C in a terminal, and each way of being ended: nothing executes any more, and nothing counts as graded."""
    collected(clara="return x * x", david="return x * x")
    with cluster() as asked:
        asked.go.clear()
        for command, number, alone in (
            (GRADE, signal.SIGINT, False),
            (("nbgrader", "autograde", "one"), signal.SIGTERM, True),
            (GRADE, signal.SIGKILL, True),
        ):
            running = begun(*command)
            until(lambda: len(asked.executing()) == 2, f"{command}: both are executed at once", 170)
            (os.kill if alone else os.killpg)(running.pid, number)
            code, said = ended(running)
            until(lambda: nothing_is_left(asked), f"nothing of it is left: {said}", 170)
            assert code and not any((COURSE / "autograded").rglob("one")), (code, said)
            if command is GRADE and code == 1:
                assert "Of 2: 2 cancelled\nThe same command goes on" in said, said
        book = sqlite3.connect(COURSE / "gradebook.db")
        assert book.execute("SELECT count(*) FROM grade WHERE auto_score IS NOT NULL").fetchone() == (0,)
        book.close()
        # As a machine ends: there is no time for anything.
        running = begun(*GRADE)
        until(lambda: len(asked.executing()) == 2, "both are executed once more", 170)
        os.killpg(running.pid, signal.SIGKILL)
        ended(running)
        assert any((COURSE / "autograded").rglob("one/a.ipynb")), "it was killed before there was anything half"
        asked.found.clear()
        asked.go.set()
        code, said = grade(*ONE)
        assert code == 0 and "Of 2: 2 done" in said, said
    assert scores() == {"clara": 2.0, "david": 2.0}


def told() -> dict[str, Any]:
    """What the server says of its grading."""
    status, said = get("coursehub/grading")
    assert status == 200, said
    return dict(json.loads(said))


def the_server_answers_while_it_grades_and_whoever_looks_sees_how_far_it_is() -> None:
    """Formgrader's button, twice for one submission; the server's own address; and the server's end."""
    collected(clara="return x * x", david="return x * x")
    with cluster() as asked, ThreadPoolExecutor() as pool:
        asked.go.clear()
        assert told()["running"] is False
        button = "formgrader/api/submission/one/clara/autograde"
        clicks = [pool.submit(get, button, "POST") for _ in range(2)]
        until(lambda: len(asked.executing()) == 1, "it is executed", 170)
        listed = json.loads(get("formgrader/api/submissions/one")[1])
        assert [each["autograded"] for each in listed] == [False, False], listed
        assert 'id="grade-all"' in get("formgrader/manage_submissions/one")[1]
        assert get("api/contents/course?content=0")[0] == 200 and not any(click.done() for click in clicks)
        for body in (
            None,
            [],
            {"assignment": 1},
            {"assignment": "one", "students": "clara"},
            {"assignment": "one", "x": 1},
        ):
            assert get("coursehub/grading", "POST", body)[0] == 400, body
        assert get("coursehub/grading", "DELETE")[0] == 404
        assert get("coursehub/grading", Authorization="")[0] in (302, 403)
        assert get("coursehub/grading", "POST", {"assignment": "one", "students": ["david"]})[0] == 202
        until(lambda: told()["now"] == {"david": {"state": "executing", "why": ""}}, "it is told", 170)
        assert get("coursehub/grading", "POST", {"assignment": "one"})[0] == 409
        before = last_activity()
        until(lambda: last_activity() > before, "grading is use of the server")
        assert get("coursehub/grading", "DELETE")[0] == 202
        until(lambda: not told()["running"], "it is cancelled")
        assert (told()["done"], told()["ended"], told()["failed"]) == (1, {"cancelled": 1}, []), told()
        asked.go.set()
        (first, second) = [click.result() for click in clicks]
        assert first == second and json.loads(first[1])["success"], first
        assert asked.asked.count("PUT") == 2, "a second click had it executed once more"
        assert get("coursehub/grading", "POST", {"assignment": "one"})[0] == 202
        until(lambda: not told()["running"], "it has ended", 170)
        assert told()["ended"] == {"done": 1, "unchanged": 1} and told()["done"] == told()["of"] == 2, told()
        assert get("coursehub/grading", "POST", {"assignment": "-two"})[0] == 202
        until(lambda: not told()["running"], "it has ended", 170)
        assert told()["error"].startswith("coursehub: nothing was collected of '-two'"), told()
        assert json.loads(get(button.replace("clara", "nobody"), "POST")[1])["error"].startswith("nothing of theirs")
        asked.go.clear()
        assert get("coursehub/grading", "POST", {"assignment": "one", "again": True})[0] == 202
        until(lambda: len(asked.executing()) == 2, "both are executed again", 170)
        os.kill(asked.server, signal.SIGTERM)
        until(lambda: not list(RUNS.iterdir()), "the server's end leaves no run")
        asked.go.set()
    assert scores() == {"clara": 2.0, "david": 2.0}
    assert sorted(path.name for path in (COURSE / "autograded").glob("*/one")) == ["one", "one"]


TESTS: tuple[Callable[[], None], ...] = (
    many_are_graded_as_there_are_places_and_none_stops_another,
    what_is_cancelled_or_killed_is_not_half_saved_and_the_next_run_goes_on,
    the_server_answers_while_it_grades_and_whoever_looks_sees_how_far_it_is,
)

if __name__ == "__main__":
    failed = main(TESTS)
    shutil.rmtree(RUNS, ignore_errors=True)
    sys.exit(failed)
