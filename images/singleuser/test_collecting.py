"""G4 to G20: handing in, collecting and grading, by several people and without room; runs as test_image.py does."""
# ruff: noqa: S101, S108, PT018  (plain scripts: no pytest in the image)

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from coursehub_cleaning import TOO_LARGE
from nbgrader_output import CUT, Room
from nbgrader_rules import Refused, check_name, shown
from test_image import (
    ANNA,
    COURSE,
    EXCHANGE,
    HOME,
    PEOPLE,
    RUN,
    connected,
    environment,
    fresh,
    get,
    handed_out,
    learn,
    made_once,
    main,
    nbgrader,
    new_pod,
    run,
    scores,
    server,
    solve,
    teach,
    until,
    warmed,
)

INBOUND, OUTBOUND, FEEDBACK = (EXCHANGE / "python-intro" / name for name in ("inbound", "outbound", "feedback"))
CLARAS = HOME / "clara/python-intro/one"
CACHE = HOME / "clara/.local/share/jupyter/nbgrader_cache/python-intro"
# As macOS, phones and older systems write them.
NAMES = {
    "narrow no-break space": "Screenshot 3.14.15\u202fPM.txt",
    "no-break space": "a\u00a0b.txt",
    "ideographic space": "課題\u3000一.txt",
    "emoji with joiners": "\U0001f469\u200d\U0001f4bb.txt",
    "soft hyphen": "Donau\u00addampf.txt",
    "right-to-left mark": "\u200fשלום.txt",
    "right-to-left override": "gpj\u202e.txt",
    "byte order mark": "\ufeffdata.txt",
    "combining accent": "cafe\u0301.txt",
    "private use": "\uf8ff.txt",
    "unassigned": "\u0378.txt",
    "Latin-1": "caf\udce9.txt",
    "Latin-1 notebook": "caf\udce9.ipynb",
    "quotes": 'say "hi" it\'s.txt',
}
# Of each kind of character that Unicode has; those that no screen shows as one are refused.
KINDS = set(re.findall("..", "LuLlLtLmLoMnMcMeNdNlNoPcPdPsPePiPfPoSmScSkSoZsZlZpCcCfCsCoCn"))
REFUSED = {"Zl", "Zp", "Cc", "Cs"}


def write(path: Path, text: str | bytes, who: str = "clara") -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    os.chown(path, PEOPLE[who]["user"], PEOPLE[who]["group"])


def submissions() -> list[Path]:
    return sorted(INBOUND.iterdir())


def collected() -> str:
    return (COURSE / "submitted/clara/one/a.ipynb").read_text()


@contextmanager
def full(place: Path) -> Iterator[None]:
    """What lies at the place lies on a disk without room for more."""
    kept = Path("/var/tmp/kept")
    shutil.rmtree(kept, ignore_errors=True)
    subprocess.run(["cp", "-a", place, kept], check=True)
    found = place.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=True)
    try:
        os.chown(place, found.st_uid, found.st_gid)
        place.chmod(found.st_mode & 0o7777)
        subprocess.run(["cp", "-aT", kept, place], check=True)
        with suppress(OSError), (place / ".filler").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def tree(place: Path) -> dict[str, bytes]:
    """All files below, by their names."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and path.name != ".filler"
    }


@made_once
def graded(*students: str) -> None:
    """The students' work is handed in, collected and graded by Anna."""
    handed_out()
    for student in students:
        solve(student)
        learn(student, "submit", "one")
    teach("collect", "one")
    teach("autograde", "one", role="grading")


# --- what a submission may hold ---


def g5_each_kind_of_character_but_controls_may_be_in_a_name() -> None:
    found: dict[str, str] = {}
    for number in range(0x110000):
        found.setdefault(unicodedata.category(chr(number)), chr(number))
    assert set(found) == KINDS, found
    said = {}
    for kind, character in found.items():
        try:
            check_name(f"a{character}b")
        except Refused as refusal:
            said[kind] = str(refusal)
    assert set(said) == REFUSED and all(each.isprintable() for each in said.values()), said
    for byte in range(0x80, 0x100):
        check_name(os.fsdecode(bytes([0x61, byte])))
    assert shown("a\x1b[2J\u202eb\udce9 \u200b\n\tü課") == "a\\x1b[2J\\u202eb\\udce9 \\u200b\n\tü課"


def g5_names_in_any_alphabet_go_round_and_are_printed_safely() -> None:
    handed_out()
    solve("clara")
    for name in NAMES.values():
        write(CLARAS / name, "{}")
    said = [learn("clara", "submit", "one"), teach("collect", "one"), teach("autograde", "one", role="grading")]
    assert scores() == {"clara": 2.0}, said
    kept = {path.name for path in (COURSE / "submitted/clara/one").iterdir()}
    assert kept == {"a.ipynb", "timestamp.txt", "submission_secret.txt", "submission_receipt.json", *NAMES.values()}, (
        kept
    )
    assert "its name is not in UTF-8" in said[2], said[2]
    said += [teach("generate_feedback", "one"), teach("release_feedback", "one")]
    said += [learn("clara", "fetch_feedback", "one")]
    said += [learn("clara", "list", "--cached"), teach("list", "--inbound")]
    assert list((CLARAS / "feedback").rglob("a.html")), said
    for each in said:
        assert "Logging error" not in each and "Traceback" not in each, each
        assert all(character.isprintable() or character in "\n\t\x1b" for character in each), ascii(each)


def g5_the_newest_that_can_be_taken_counts_and_the_refusal_is_said() -> None:
    handed_out()
    solve("clara", "return 1")
    learn("clara", "submit", "one")
    solve("clara", "return x ** 2")
    learn("clara", "submit", "one")
    newest = submissions()[-1]
    for number, script in enumerate(('touch "$D/$(printf "a\\033[2J")"', 'rm "$D/"*', 'ln -s /dev/zero "$D/b"')):
        bad = str(INBOUND / f"clara+one+203{number}-10-01 12:00:00.000000 UTC+x")
        run(["sh", "-ec", f'cp -a "$S" "$D"; {script}'], who=PEOPLE["clara"], name="clara", S=str(newest), D=bad)
    for wanted in ("Collected submission: clara one, of", "No newer submission to collect: clara one"):
        said = teach("collect", "one", "--update")
        assert said.count("Refused the submission 'clara+one+203") == 3, said
        assert wanted in said, said
        assert "x ** 2" in collected()
    assert r"a\x1b[2J" in said and "\x1b[2J" not in said, ascii(said)


def g5_g16_what_would_not_be_collected_is_told_before_anything_is_sent() -> None:
    handed_out()
    solve("clara")
    Path("/coursedata").mkdir(exist_ok=True)
    Path("/coursedata/x.csv").write_text("1,2")
    bad = {
        r"The name 'a\x1b[2Jb' in it has control characters": "touch \"$(printf 'a\\033[2Jb')\"",
        r"The name 'a\nb' in it has control characters": "touch \"$(printf 'a\\nb')\"",
        "It is larger than a submission may be, 100 MB in all; 'big.bin' has 120 MB": "truncate -s 120MB big.bin",
        "in all; 'sub/1.bin' has 60 MB": "mkdir sub; truncate -s 60MB sub/1.bin; truncate -s 50MB sub/2.bin",
        "It holds more than 2000 files, up to those in 'many/'": "mkdir many; cd many; seq 2100 | xargs touch",
        "Its folders are more than 20 deep: 'd/d/d": "for i in $(seq 30); do mkdir d; cd d; done",
        "'gone.txt' in it is a link to something that is not there": "ln -s nowhere gone.txt",
        "'round' in it is a link to something that is not there": "ln -s round round",
        "'pipe' in it is neither a file nor a folder": "mkfifo pipe",
        "'socket' in it is neither": "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")'",
        "'data' in it is a link out of your home, to '/coursedata'": "ln -s /coursedata data",
        "'sub/x' in it is a link out of your home, to '/coursedata/x.csv'": "mkdir sub; ln -s /coursedata/x.csv sub/x",
        "'closed.txt' in it is closed to yourself": "touch closed.txt; chmod 0 closed.txt",
        "'shut' in it is closed to yourself": "mkdir shut; chmod 0 shut",
        "'timestamp.txt' in it is a folder": "mkdir timestamp.txt",
    }
    for reason, script in bad.items():
        run(["sh", "-ec", f"cp -a one kept; cd one; {script}"], who=PEOPLE["clara"], name="clara", cwd=CLARAS.parent)
        said = learn("clara", "submit", "one", check=False)
        assert "Nothing was submitted. " in said and reason in said, (reason, said)
        assert "Traceback" not in said and "home is full" not in said, said
        assert submissions() == [] and not (CACHE.exists() and list(CACHE.iterdir())), (reason, submissions())
        restore = "chmod -R u+rwX one; rm -r one; mv kept one"
        run(["sh", "-ec", restore], who=PEOPLE["clara"], name="clara", cwd=CLARAS.parent)
    # What is not handed in is nothing to refuse, and a link within the home counts as what it leads to.
    script = "mkdir feedback ../mine; truncate -s 1G feedback/x; touch ../mine/x; ln -s ../mine/x x; ln -s ../mine y"
    run(["sh", "-ec", script], who=PEOPLE["clara"], name="clara", cwd=CLARAS)
    learn("clara", "submit", "one")
    assert "Collected submission: clara one" in teach("collect", "one")
    assert {"x", "y"} < {path.name for path in (COURSE / "submitted/clara/one").iterdir()}


def g16_the_panel_shows_the_sentence() -> None:
    handed_out()
    learn_anna = partial(run, who=ANNA, cwd=HOME / "anna")
    learn_anna(nbgrader("fetch_assignment", "one"))
    learn_anna(["mkfifo", "python-intro/one/pipe"])
    wanted = {"course_id": "python-intro", "assignment_id": "one"}
    new_pod()
    with server("student"):
        done = json.loads(get("assignments/submit", "POST", wanted)[1])
        assert not done["success"], done
        assert done["value"] == "Nothing was submitted. 'pipe' in it is neither a file nor a folder", done
        done = json.loads(get("assignments/fetch", "POST", wanted)[1])
        assert not done["success"] and done["value"].startswith("You already have a copy"), done
        assert json.loads(get("assignments?course_id=python-intro")[1])["success"]


def g13_an_instructor_sets_one_submission_aside() -> None:
    handed_out()
    for code in ("return x ** 2", "return 0"):
        solve("clara", code)
        learn("clara", "submit", "one")
    first, second = submissions()
    assert first.name < second.name
    teach("collect", "one")
    assert "return 0" in collected()
    assert "Set aside" in teach("set_aside", second.name, name="ben")
    said = teach("collect", "one", "--update")
    assert f"Passed over '{second.name}', which is set aside" in said and "Collected" in said, said
    assert "x ** 2" in collected()
    assert second.name in teach("set_aside")
    assert second.is_dir(), "it is its student's"
    teach("set_aside", "--undo", second.name)
    teach("collect", "one", "--update")
    assert "return 0" in collected()
    for name in ("clara+one+never", f"../inbound/{second.name}"):
        said = teach("set_aside", name, check=False)
        assert "There is no submission" in said and "Traceback" not in said, said
    assert "is not set aside" in teach("set_aside", "--undo", first.name, check=False)


def g13_one_that_an_instructor_half_deleted_hides_no_earlier_one() -> None:
    handed_out()
    for code in ("return x ** 2", "return 0"):
        solve("clara", code)
        learn("clara", "submit", "one")
    run(["rm", "-rf", str(submissions()[-1])], "instructor", {**ANNA, "group": 70101}, check=False)
    assert submissions()[-1].is_dir(), "inbound is no longer sticky"
    assert "Collected submission: clara one, of" in teach("collect", "one")
    assert "x ** 2" in collected()


# --- no room ---


def g8_into_a_full_home_comes_all_or_nothing_with_a_sentence() -> None:
    graded("clara")
    teach("generate_feedback", "one")
    teach("release_feedback", "one")
    (COURSE / "release/one").mkdir(exist_ok=True)
    write(OUTBOUND / "one/data.csv", "x" * 100_000, "anna")
    shutil.rmtree(CLARAS)
    with full(HOME / "clara"):
        before = tree(HOME / "clara")
        for command in (("fetch_assignment", "one"), ("fetch_feedback", "one")):
            said = learn("clara", *command, check=False)
            assert "fetched (No space left on device). If your home is full, delete" in said, said
            assert "Traceback" not in said, said
            assert tree(HOME / "clara") == before and not CLARAS.exists(), (command, tree(HOME / "clara").keys())
        (HOME / "clara/.filler").unlink()
        learn("clara", "fetch_assignment", "one")
        assert len((CLARAS / "data.csv").read_bytes()) == 100_000
        (CLARAS / "data.csv").unlink()
        write(HOME / "clara/.filler", b"")
        with suppress(OSError), (HOME / "clara/.filler").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        before = tree(HOME / "clara")
        said = learn("clara", "fetch_assignment", "one", "--replace", check=False)
        assert "Nothing of it was fetched" in said and tree(HOME / "clara") == before, said
        (HOME / "clara/.filler").unlink()
        learn("clara", "fetch_assignment", "one", "--replace")
        assert len((CLARAS / "data.csv").read_bytes()) == 100_000
        learn("clara", "fetch_feedback", "one")
        assert list(CLARAS.rglob("a.html"))
        assert not list((HOME / "clara").rglob(".making-*"))


def g8_what_a_course_has_stays_where_there_is_no_room_for_anew() -> None:
    graded("clara")
    write(COURSE / "source/one/data.csv", "x" * 50_000, "anna")
    teach("generate_assignment", "one", "--force")
    teach("release_assignment", "one", "--force")
    teach("generate_feedback", "one")
    teach("release_feedback", "one")
    teach("export", "--to", "/course/exports/grades.csv", check=False)
    (COURSE / "exports").mkdir()
    os.chown(COURSE / "exports", 51234, 70101)
    teach("export", "--to", "/course/exports/grades.csv")
    write(COURSE / "source/one/data.csv", "y" * 60_000, "anna")
    for place, command in (
        (COURSE / "autograded/clara", ("autograde", "one", "--force")),
        (COURSE / "autograded/clara", ("autograde", "one", "--force", "--notebook=a")),
        (COURSE / "feedback/clara", ("generate_feedback", "one", "--force")),
        (COURSE / "release", ("generate_assignment", "one", "--force")),
        (OUTBOUND, ("release_assignment", "one", "--force")),
        (FEEDBACK, ("release_feedback", "one")),
        (COURSE / "exports", ("export", "--to", "/course/exports/grades.csv")),
        (COURSE / "submitted/clara", ("collect", "one", "--update")),
        (COURSE / "source", ("update", "source/one/a.ipynb")),
    ):
        if command[0] == "collect":
            solve("clara", "return 3")
            learn("clara", "submit", "one")
        with full(place):
            before = tree(place)
            assert before, place
            said = teach(*command, role="grading" if command[0] == "autograde" else "instructor", check=False)
            assert tree(place) == before, (command, before.keys(), tree(place).keys(), said)
            assert "No space left on device" in said, (command, said)
            assert "Traceback" not in said, (command, said)
            hidden = [path for path in place.iterdir() if path.name[:2] in (".m", ".e", ".c")]
            assert not hidden, (command, hidden)
        teach(*command, role="grading" if command[0] == "autograde" else "instructor")


# --- several instructors ---


def begin(name: str, *command: str) -> "subprocess.Popen[str]":
    """nbgrader begins as one grader beside others."""
    home = Path("/tmp", f"scratch-{name}")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    os.chown(home, PEOPLE[name]["user"], 70101)
    more = {name: str(home) for name in ("JUPYTER_RUNTIME_DIR", "XDG_CACHE_HOME", "IPYTHONDIR")}
    who = {**PEOPLE[name], "group": 70101}
    own = environment("grading", name, home, **more)
    out = subprocess.PIPE
    return subprocess.Popen(
        ["nbgrader", *command], env=own, cwd=COURSE, umask=0o007, stdout=out, stderr=subprocess.STDOUT, text=True, **who
    )


def g4_of_two_who_grade_the_same_at_once_one_waits() -> None:
    handed_out()
    waits = "import os, time; open('/tmp/g4-runs', 'w')\n    while not os.path.exists('/tmp/g4-go'): time.sleep(0.1)"
    solve("clara", f"{waits}\n    return x ** 2")
    learn("clara", "submit", "one")
    teach("collect", "one")
    for name in ("runs", "go"):
        Path(f"/tmp/g4-{name}").unlink(missing_ok=True)
    run(["true"], "grading")
    RUN.chmod(0o777)
    first = begin("anna", "autograde", "one")
    until(Path("/tmp/g4-runs").exists, "the submission runs")
    second = begin("ben", "autograde", "one", "--force")
    said: list[str] = []
    assert second.stdout
    for line in second.stdout:
        said.append(line)
        if "Somebody else is at the work of clara; waiting" in line:
            break
    Path("/tmp/g4-go").touch()
    told = [first.communicate(timeout=120)[0], "".join(said) + second.communicate(timeout=120)[0]]
    assert (first.returncode, second.returncode) == (0, 0), told
    assert "waiting" in told[1] and "UNIQUE" not in "".join(told), told
    assert scores() == {"clara": 2.0}
    assert {path.name for path in (COURSE / "autograded/clara").iterdir()} == {"one"}
    teach("generate_feedback", "one")
    teach("release_feedback", "one")


def g4_one_broken_feedback_keeps_nobody_elses_back_and_is_named() -> None:
    graded("clara", "david")
    said = teach("release_feedback", "one", check=False)
    assert "There is no feedback on 'one' yet; generate it first" in said, said
    assert "You have submitted no two, so there is no feedback" in learn("clara", "fetch_feedback", "two")
    teach("generate_feedback", "one")
    kept = {}
    for name in ("submission_secret.txt", "timestamp.txt"):
        file = COURSE / "feedback/clara/one" / name
        kept[file] = file.read_text()
        for broken in (None, ""):
            file.unlink() if broken is None else write(file, broken, "anna")
            for page in FEEDBACK.iterdir():
                page.unlink()
            said = teach("release_feedback", "one", check=False)
            assert "Released all but the feedback for clara" in said and name in said and "Traceback" not in said, said
            assert len(list(FEEDBACK.iterdir())) == 1, said
            learn("david", "fetch_feedback", "one")
            assert list((HOME / "david/python-intro/one/feedback").rglob("a.html"))
        write(file, kept[file], "anna")
    teach("release_feedback", "one")
    assert len(list(FEEDBACK.iterdir())) == 2


def g14_another_instructor_grades_anew_and_an_error_takes_nothing_away() -> None:
    handed_out()
    write(COURSE / "source/one/data.csv", "1,2", "anna")
    for student in ("clara", "david"):
        solve(student)
        write(HOME / student / "python-intro/one/more.txt", "more", student)
        learn(student, "submit", "one")
    teach("collect", "one")
    teach("autograde", "one", role="grading")
    before = tree(COURSE / "autograded/clara/one").keys()
    for command in (("autograde", "one", "--notebook=a", "--force"), ("autograde", "one", "--force")):
        teach(*command, role="grading", name="ben")
        assert tree(COURSE / "autograded/clara/one").keys() == before
        assert scores() == {"clara": 2.0, "david": 2.0}
    for step in ("generate_assignment", "generate_feedback"):
        teach(step, "one", "--force")
        teach(step, "one", "--notebook=a", "--force", name="ben")
    whole = tree(COURSE / "autograded/clara/one")
    broken = COURSE / "submitted/clara/one/a.ipynb"
    broken.write_text(broken.read_text()[:-40])
    for command in (("autograde", "one", "--notebook=a", "--force"), ("autograde", "one", "--force")):
        said = teach(*command, role="grading", name="anna", check=False)
        assert "Failed, and left as it was: clara; see above" in said, said
        assert tree(COURSE / "autograded/clara/one") == whole, "an error took away what was there"
        assert (COURSE / "autograded/david/one/a.ipynb").exists()
    # A grader whose server ended in the middle had put away what was there.
    script = "mkdir autograded/clara/.earlier; mv autograded/clara/one autograded/clara/.earlier"
    run(["sh", "-ec", script], "grading", {**ANNA, "group": 70101}, cwd=COURSE)
    teach("autograde", "one", role="grading", name="ben")
    assert tree(COURSE / "autograded/clara/one") == whole


# --- what a submission does ---


def g11_modules_that_are_not_here_are_named_to_the_grader() -> None:
    graded("clara")
    solve("david", "import no_such.thing; return x ** 2")
    learn("david", "submit", "one")
    teach("collect", "one")
    said = teach("autograde", "one", "--force", role="grading")
    assert "a of david: 1 cells ended in ModuleNotFoundError, for 'no_such'" in said, said
    assert "of clara:" not in said, said
    new_pod()
    with server("grading"):
        done = json.loads(get("formgrader/api/submission/one/david/autograde", "POST")[1])
        assert done["success"] and "ModuleNotFoundError, for 'no_such'" in done["log"], done


def g19_whatever_is_printed_is_bounded_as_lines_are() -> None:
    much = "x" * 10**6
    messages: dict[str, tuple[str, dict[str, Any]]] = {
        "a line": ("stream", {"name": "stdout", "text": much}),
        "a line of warnings": ("stream", {"name": "stderr", "text": much}),
        "a value": ("execute_result", {"data": {"text/plain": much}, "metadata": {}}),
        "a table": ("display_data", {"data": {"text/html": much * 11, "text/plain": "short"}, "metadata": {}}),
        "a picture": ("display_data", {"data": {"image/png": much * 11}, "metadata": {}}),
        "JSON": ("display_data", {"data": {"application/json": {"x": much * 11}}, "metadata": {}}),
        "a change": ("update_display_data", {"data": {"text/plain": much}, "metadata": {}}),
        "an error": ("error", {"ename": much, "evalue": much, "traceback": [much] * 300}),
    }
    for what, (kind, content) in messages.items():
        kept = Room(100).kept(kind, content)
        assert kept and len(json.dumps(kept)) < 30_000, what
        room, size = Room(100), 0
        for _ in range(3000):
            size += len(json.dumps(room.kept(kind, content)))
        assert size < 60_000, (what, size)
    room = Room(100)
    room.kept("stream", {"name": "stdout", "text": much})
    assert room.kept("stream", {"name": "stderr", "text": "!"}), "what decides about points is kept"
    value = {"data": {"text/plain": "1.5"}, "metadata": {}}
    assert room.kept("execute_result", value) == value, "a partial credit is gone"
    line = {"name": "stdout", "text": "as it is\n"}
    assert Room(100).kept("stream", line) == line


def g19_a_line_of_megabytes_makes_no_notebook_of_megabytes() -> None:
    code = "import IPython.display as d; print('y' * 30_000_000); d.display(d.Latex('z' * 30_000_000)); return x ** 2"
    handed_out()
    solve("clara", code)
    learn("clara", "submit", "one")
    teach("collect", "one")
    teach("autograde", "one", role="grading")
    assert scores() == {"clara": 2.0}
    made = (COURSE / "autograded/clara/one/a.ipynb").read_text()
    assert len(made) < 1_000_000 and CUT in made, len(made)


def g12_neither_a_large_output_nor_a_text_that_takes_for_ever_to_lay_out_keeps_anybody_waiting() -> None:
    graded("clara", "david")
    file = COURSE / "autograded/clara/one/a.ipynb"
    found = json.loads(file.read_text())
    cells = "".join(f"<tr><th>{row}</th><td>{row * 3}</td><td>0.123456</td></tr>" for row in range(20_000))
    table = f'<table border="1" class="dataframe"><tbody>{cells}</tbody></table>'
    large = {
        "table": {"text/html": table, "text/plain": "the table as text"},
        "Markdown": {"text/markdown": "# x\n\n*a* | b\n" * 50_000, "text/plain": "the text"},
        "picture": {"image/svg+xml": f"<svg>{'<g><path d=M0/></g>' * 50_000}</svg>"},
        "small": {"text/html": "<table><tr><td>a small table</td></tr></table>", "text/plain": "x"},
        "text": {"text/plain": "x" * 5_000_000},
    }
    shown = [{"output_type": "display_data", "data": each, "metadata": {}} for each in large.values()]
    shown.append({"output_type": "stream", "name": "stdout", "text": "\x1b[31mred " * 500_000})
    shown.append({"output_type": "error", "ename": "E", "evalue": "", "traceback": ["\x1b[31mred " * 500_000]})
    bare: dict[str, Any] = {"outputs": []}
    found["cells"] += [
        {"cell_type": "markdown", "id": "m", "source": "*a* [b](c) ``` `d`\n\n" * 100_000, "metadata": {}},
        {"cell_type": "code", "id": "c", "source": "1", "metadata": {}, "execution_count": 1, "outputs": shown},
        {"cell_type": "code", "id": "d", "source": "x = 1\n" * 200_000, "metadata": {}, "execution_count": 1, **bare},
    ]
    file.write_text(json.dumps(found))
    trap = r"\begin{a}" * 11_000
    file = COURSE / "autograded/david/one/a.ipynb"
    found = json.loads(file.read_text())
    found["cells"].append({"cell_type": "markdown", "id": "m", "source": trap, "metadata": {}})
    file.write_text(json.dumps(found))
    new_pod()
    with server("grading") as process:

        def used() -> float:
            """Seconds of a processor, with what its processes took."""
            return sum(map(int, Path(f"/proc/{process}/stat").read_text().rsplit(")")[1].split()[11:15])) / 100

        listed = json.loads(get("formgrader/api/submitted_notebooks/one/a")[1])
        address = {each["student"]: f"formgrader/submissions/{each['id']}/" for each in listed}
        answers: list[tuple[int, str]] = []

        def ask(student: str) -> threading.Thread:
            answers.clear()
            asking = threading.Thread(target=lambda: answers.append(get(address[student])))
            asking.start()
            return asking

        before = used()
        begun = time.monotonic()
        asking = ask("clara")
        longest = 0.0
        while asking.is_alive():
            asked = time.monotonic()
            assert get("api")[0] == 200
            longest = max(longest, time.monotonic() - asked)
        took = time.monotonic() - begun
        ((status, page),) = answers
        assert status == 200 and "the table as text" in page and "a small table" in page, (status, page[:2000])
        assert TOO_LARGE in page
        assert longest < took / 3, f"the server stood still for {longest:.1f} s of {took:.1f}"
        page_used, before = used() - before, used()
        assert page_used < 20, f"the page took {page_used:.0f} s of a processor"
        status, text = get("api/contents/course/autograded/clara/one/a.ipynb")
        assert status == 200 and "the table as text" in text, text[:2000]
        assert used() - before < 5, "JupyterLab stood still"

        asking, others = ask("david"), 0
        while asking.is_alive():
            assert get(address["clara"])[0] == 200
            others += asking.is_alive()
        assert others, "whoever opens another submission waits for that one"
        ((status, page),) = answers
        assert status == 200 and TOO_LARGE in page and trap[:1000] in page, (status, page[:2000])
    # Feedback has more time, and no bound of what it shows.
    found["cells"][-1]["source"] = trap * 3
    file.write_text(json.dumps(found))
    sooner = "import nbgrader_pages, nbgrader_trusted; nbgrader_pages.MOST_FEEDBACK = 10; nbgrader_trusted.main()"
    asked = warmed(["python3", "-c", sooner, "generate_feedback", "one", "--student=david"])
    run(asked, "instructor", {**ANNA, "group": 70101}, cwd=COURSE)
    page = (COURSE / "feedback/david/one/a.html").read_text()
    assert TOO_LARGE in page and trap[:1000] in page, page[:2000]


# --- one's own software ---


def g20_ones_own_kernels_and_environments_work_but_not_where_others_code_runs() -> None:
    fresh()
    script = (
        "python3 -m ipykernel install --user --name mine --display-name 'My own' --env MINE yes; "
        "python3 -m ipykernel install --user --name python3 --env MINE yes; "
        "python3 -m venv env; env/bin/python -m pip --version; env/bin/python -c 'import sys; print(sys.prefix)'; "
        "touch .local/share/jupyter/kernels/mine/kernel.js"
    )
    assert "/home/anna/env" in run(["sh", "-ec", script], cwd=HOME / "anna").stdout
    code = "import os; open('/tmp/g20', 'w').write(os.environ.get('MINE', 'no') + ' ' + os.getcwd())"
    for role, names in {
        "student": {"python3", "mine"}, "instructor": {"python3", "mine"}, "general": {"python3", "mine"},
        "grading": {"python3"},
    }.items():  # fmt: skip
        new_pod()
        with server(role):
            specs = json.loads(get("api/kernelspecs")[1])["kernelspecs"]
            assert set(specs) == names, (role, specs)
            assert not specs["python3"]["spec"]["env"].get("MINE"), "an own kernel took the image's place"
            if "mine" not in names:
                assert get("api/kernels", "POST", {"name": "mine"})[0] >= 400, "a kernel of a home starts in grading"
                continue
            assert specs["mine"]["spec"]["display_name"] == "My own" and not specs["mine"]["resources"], specs["mine"]
            assert get("kernelspecs/mine/kernel.js")[0] == 404, "the server gives out what lies beside a kernel"
            if role == "student":
                Path("/tmp/g20").unlink(missing_ok=True)
                kernel = json.loads(get("api/kernels", "POST", {"name": "mine"})[1])["id"]
                execute(kernel, code)
                until(Path("/tmp/g20").exists, "the own kernel runs")
                until(lambda: Path("/tmp/g20").read_text() == "yes /home/anna", "the own kernel runs as its person")


def execute(kernel: str, code: str) -> None:
    with connected(kernel) as client:
        client.execute(code)
        until(Path("/tmp/g20").exists, "the kernel ran it")


TESTS = (
    g5_each_kind_of_character_but_controls_may_be_in_a_name,
    g5_names_in_any_alphabet_go_round_and_are_printed_safely,
    g5_the_newest_that_can_be_taken_counts_and_the_refusal_is_said,
    g5_g16_what_would_not_be_collected_is_told_before_anything_is_sent,
    g16_the_panel_shows_the_sentence,
    g13_an_instructor_sets_one_submission_aside,
    g13_one_that_an_instructor_half_deleted_hides_no_earlier_one,
    g8_into_a_full_home_comes_all_or_nothing_with_a_sentence,
    g8_what_a_course_has_stays_where_there_is_no_room_for_anew,
    g4_of_two_who_grade_the_same_at_once_one_waits,
    g4_one_broken_feedback_keeps_nobody_elses_back_and_is_named,
    g14_another_instructor_grades_anew_and_an_error_takes_nothing_away,
    g11_modules_that_are_not_here_are_named_to_the_grader,
    g19_whatever_is_printed_is_bounded_as_lines_are,
    g19_a_line_of_megabytes_makes_no_notebook_of_megabytes,
    g12_neither_a_large_output_nor_a_text_that_takes_for_ever_to_lay_out_keeps_anybody_waiting,
    g20_ones_own_kernels_and_environments_work_but_not_where_others_code_runs,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
