"""An assignment from its making to its returned feedback, by pods with the real uids: two instructors, two students.

Peter makes it, Otto grades it and owns none of Peter's files; Ines and Tom take the course. At each step Tom tries
to get at what is Ines's.
"""

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursehub import layout

from .assignment import COURSE, EXCHANGE, PEOPLE, nbgrader, release, solve
from .cluster import PROGRAM, Installation
from .person import Person

LogIn = Callable[[str], Person]


def attack(tom: Person, installation: Installation, step: str) -> None:
    """F5: everything that Tom could try on what is Ines's, also where somebody told him the names, fails."""
    there = installation.share / layout.exchange(COURSE)
    inbound = [each.name for each in (there / "inbound").iterdir() if each.stat().st_uid == PEOPLE["ines"]]
    feedback = [each.name for each in (there / "feedback").iterdir()]
    tries = {
        "list what was handed in": f"ls {EXCHANGE}/inbound",
        "guess what was handed in": f"ls -d {EXCHANGE}/inbound/ines*",
        "list feedback": f"ls {EXCHANGE}/feedback",
        "see the course": "ls /course",
        "see another home": "ls /home/ines",
        "move inbound": f"mv {EXCHANGE}/inbound {EXCHANGE}/inbound2",
        "write into outbound": f"touch {EXCHANGE}/outbound/one/a.ipynb {EXCHANGE}/outbound/two",
        "write into feedback": f"touch {EXCHANGE}/feedback/x",
        "see more of the share": "cat /proc/self/mountinfo | grep -q home/08/ines",
    }
    for name in inbound:
        target = f"'{EXCHANGE}/inbound/{name}'"
        tries |= {
            f"read {name}": f"cat {target}/a.ipynb",
            f"look into {name}": f"ls {target}",
            f"copy {name}": f"cp -r {target} ~/stolen",
            f"rename {name}": f"mv -T {target} '{EXCHANGE}/inbound/mine'",
            f"overwrite {name}": f"echo x > {target}/a.ipynb",
            f"add to {name}": f"touch {target}/more",
            f"remove {name}": f"rm -rf {target}",
            f"open {name}": f"chmod 777 {target}",
            f"replace {name}": f"mkdir ~/fake; mv -T ~/fake {target}",
            f"link {name}": f"ln {target}/a.ipynb {EXCHANGE}/inbound/link",
        }
    for name in feedback:
        tries[f"overwrite feedback {name}"] = f"echo x > '{EXCHANGE}/feedback/{name}'"
        tries[f"remove feedback {name}"] = f"rm -f '{EXCHANGE}/feedback/{name}'"
    lines = [f"({command}) </dev/null >/dev/null 2>&1 && echo 'worked: {what}'\n" for what, command in tries.items()]
    # Longer than a line that a terminal takes.
    script = {"type": "file", "format": "text", "content": "".join(lines)}
    assert tom.server("PUT", "/api/contents/home/tom/attack.sh", script).status_code in (200, 201)
    assert not tom.terminal("bash ~/attack.sh; rm ~/attack.sh"), f"after {step}"


def grades(teacher: Person, student: str) -> dict[str, dict[str, Any]]:
    """The grades of a student's notebook by cell, as formgrader has them."""
    listed = teacher.server("GET", "/formgrader/api/submitted_notebooks/one/a")
    assert listed.status_code == 200, listed.text
    (submission,) = [each["id"] for each in listed.json() if each["student"] == student]
    found = teacher.server("GET", f"/formgrader/api/grades?submission_id={submission}").json()
    return {each["name"]: each for each in found}


def grade(teacher: Person, identifier: str, score: float) -> None:
    answer = teacher.server("PUT", f"/formgrader/api/grade/{identifier}", {"manual_score": score, "extra_credit": None})
    assert answer.status_code == 200, answer.text


def push_feedback(installation: Installation) -> list[dict[str, Any]]:
    """`coursehub feedback push` on the storage host."""
    command = [str(PROGRAM), "feedback", "push", "--root", str(installation.share), COURSE, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_f5_f6_an_assignment_goes_round_and_nobody_gets_at_what_is_anothers(
    log_in: LogIn, installation: Installation, empty_course: Path
) -> None:
    peter, otto, ines, tom = (log_in(name) for name in ("peter", "otto", "ines", "tom"))
    peter.start(f"{COURSE}--instructor")
    ines.start(COURSE)
    tom.start(COURSE)
    attack(tom, installation, "the start")

    # Peter makes and releases it.
    release(peter)
    attack(tom, installation, "the release")

    # The students fetch it, work, and submit; Tom also in Ines's name, later than she did.
    for student, answer in ((ines, "x * x"), (tom, "x + x")):
        nbgrader(student, "fetch_assignment one")
        solve(student, answer)
    assert "HIDDEN" not in ines.terminal(f"cat ~/{COURSE}/one/a.ipynb")
    nbgrader(ines, "submit one")
    attack(tom, installation, "Ines's submission")
    nbgrader(tom, "submit one")
    nbgrader(tom, "submit one --student=ines")
    attack(tom, installation, "the forged submission")

    # Ines's server ends meanwhile; her feedback has to find her all the same.
    ines.stop()

    # Otto collects and grades, in a server that has nothing of his own; Peter grades at the same time.
    otto.start(f"{COURSE}--grading")
    assert otto.terminal("id -u; id -g; ls -A ~ | grep -v '^\\.'; echo $COURSEHUB_ROLE").split() == [
        "20013",
        "70102",
        "grading",
    ]
    collected = nbgrader(otto, "collect one")
    assert "it says that it is ines's, but it belongs to tom" in collected
    assert "x * x" in (empty_course / "submitted/ines/one/a.ipynb").read_text(), "the forged one was taken"
    assert "x + x" in (empty_course / "submitted/tom/one/a.ipynb").read_text()
    nbgrader(otto, "autograde one", 240)
    attack(tom, installation, "the grading")
    assert grades(otto, "ines")["test-square"]["auto_score"] == 2
    assert grades(otto, "tom")["test-square"]["auto_score"] == 0
    why = grades(peter, "ines")["why"]["id"]

    def peter_grades() -> None:
        for each in range(20):
            grade(peter, why, 1 + each % 3)

    also = threading.Thread(target=peter_grades)
    also.start()
    grade(otto, grades(otto, "tom")["why"]["id"], 2.5)
    also.join()
    assert grades(otto, "ines")["why"]["manual_score"] == 2
    assert grades(peter, "tom")["why"]["manual_score"] == 2.5

    nbgrader(otto, "generate_feedback one", 240)
    nbgrader(otto, "release_feedback one")
    attack(tom, installation, "the feedback")

    # Ines comes back and fetches hers; Tom finds his in his home.
    ines.start(COURSE)
    nbgrader(ines, "fetch_feedback one")
    pages = ines.terminal(f"cat ~/{COURSE}/one/feedback/*/a.html")
    assert "ines says why" in pages
    assert "tom says why" not in pages
    pushed = push_feedback(installation)
    assert {(each["student"], each["what"]) for each in pushed} == {("ines", "same"), ("tom", "copy")}
    pages = tom.terminal(f"stat -c %U ~/{COURSE}/one/feedback/*/a.html; cat ~/{COURSE}/one/feedback/*/a.html")
    assert pages.startswith("tom")
    assert "tom says why" in pages
    assert "ines says why" not in pages

    # What instructors made is the course's, and nothing of it anybody else's.
    for path in empty_course.rglob("*"):
        found = path.stat()
        assert found.st_gid == 70102, path
        assert found.st_uid in (0, PEOPLE["peter"], PEOPLE["otto"]), path
    logs = sorted(path.name for path in empty_course.glob(".nbgrader-*.log"))
    assert logs == [".nbgrader-otto.log", ".nbgrader-peter.log"]
