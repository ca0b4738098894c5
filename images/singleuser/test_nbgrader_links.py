"""F13: what nbgrader reads and writes where others can write; runs inside the image as test_image.py does."""
# ruff: noqa: S101, PT018  (plain scripts: no pytest in the image)

import ast
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from nbgrader_trusted import WRITERS
from test_image import (
    BEN,
    CLARA,
    COURSE,
    EXCHANGE,
    HOME,
    get,
    handed_out,
    learn,
    made_once,
    main,
    new_pod,
    run,
    server,
    solve,
    teach,
)
from test_links import ANNAS, INBOUND, LINK, SECOND_NAME, give, unharmed, victims


def planted(path: Path, target: Path, who: dict[str, Any] = BEN) -> None:
    """Another of the course's instructors, or code that was graded, has put a link there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    give(path, who)


def f13_nbgrader_writes_through_no_link_in_the_course_or_the_exchange() -> None:
    profile, private, exchange = ANNAS / ".profile", ANNAS / "private", EXCHANGE / "python-intro"
    diary = private / "diary.txt"
    one = ("--force", "one")
    attacks: tuple[tuple[Path, Path, tuple[str, ...]], ...] = (
        (COURSE / "release", private, ("generate_assignment", *one)),
        (COURSE / "release/one", private, ("generate_assignment", *one)),
        (COURSE / "source/one/data.txt", diary, ("generate_assignment", *one)),
        (COURSE / "source/one/a.ipynb", private / "diary.ipynb", ("generate_assignment", *one)),
        (COURSE / "submitted", private, ("collect", "one", "--update")),
        (COURSE / "submitted/clara", private, ("collect", "one", "--update")),
        (COURSE / "autograded", private, ("autograde", *one)),
        (COURSE / "autograded/clara", private, ("autograde", *one)),
        (COURSE / "feedback", private, ("generate_feedback", *one)),
        (COURSE / "feedback/clara/one", private, ("generate_feedback", *one)),
        (exchange / "outbound", private, ("release_assignment", *one)),
        (COURSE / "release/one/data.txt", diary, ("release_assignment", *one)),
        (exchange / "feedback", private, ("release_feedback", "one")),
        (COURSE / "feedback/clara/one/a.html", diary, ("release_feedback", "one")),
        (COURSE / "grades.csv", profile, ("export",)),
        (COURSE / "gradebook.db", ANNAS / ".bash_aliases", ("db", "student", "list")),
        (COURSE / "gradebook.db-journal", profile, ("db", "student", "add", "x")),
    )
    for path, target, command in attacks:
        graded()
        victims()
        planted(path, target)
        said = teach(*command, check=False, role="grading" if command[0] == "autograde" else "instructor")
        try:
            unharmed()
        except AssertionError as error:
            raise AssertionError(f"{command} with {path} -> {target}: {error}\n{said}") from None
        assert LINK in said, (command, path, said)
        texts = [
            each.read_bytes()
            for each in (*exchange.rglob("*"), *COURSE.rglob("*"))
            if each.is_file() and not each.is_symlink()
        ]
        assert b"dear" not in texts, f"{command} with {path}: what is Anna's was copied"


@made_once
def graded() -> None:
    """The course with one submission, collected, graded by its grader, with feedback that is not released."""
    handed_out()
    solve("clara")
    learn("clara", "submit", "one")
    teach("collect", "one")
    teach("autograde", "one", role="grading")
    teach("generate_feedback", "one")


def f13_nbgraders_log_and_backup_are_no_way_into_a_home() -> None:
    graded()
    victims()
    planted(COURSE / ".nbgrader-anna.log", ANNAS / ".profile")
    said = teach("db", "student", "list")
    assert "Without a log" in said and LINK in said, said
    (COURSE / ".nbgrader-anna.log").unlink()
    os.link(ANNAS / ".profile", COURSE / ".nbgrader-anna.log")
    assert SECOND_NAME in teach("db", "student", "list")
    (COURSE / ".nbgrader-anna.log").unlink()
    unharmed()


def f13_zip_collect_and_formgrader_write_through_no_link() -> None:
    graded()
    victims()
    folder = COURSE / "downloaded/one/archive"
    script = f"mkdir -p {folder}; cd {folder}; echo '{{}}' >clara_one_attempt_2026-01-01-00-00-00_a.ipynb"
    run(["sh", "-ec", script], "instructor", cwd=COURSE)
    planted(COURSE / "downloaded/one/extracted", ANNAS / "private")
    said = teach("zip_collect", "one", check=False)
    unharmed()
    assert LINK in said, said
    planted(COURSE / "source", ANNAS / "private")
    new_pod()
    with server("instructor"):
        get("formgrader/api/assignment/two", "PUT", {})
        planted(COURSE / "release", ANNAS / "private")
        (COURSE / "source").unlink()
        done = json.loads(get("formgrader/api/assignment/one/release_feedback", "POST")[1])
        assert done["success"], done
        planted(EXCHANGE / "python-intro/feedback", ANNAS / "private")
        done = json.loads(get("formgrader/api/assignment/one/release_feedback", "POST")[1])
        assert not done["success"] and LINK in json.dumps(done), done
        unharmed()
    assert not (ANNAS / "private/two").exists()


def f13_a_student_fetches_and_submits_through_no_link() -> None:
    handed_out()
    secret = HOME / "clara/secret.txt"
    secret.write_text("clara's own")
    give(secret, CLARA)
    outbound = EXCHANGE / "python-intro/outbound"
    planted(outbound / "one/extra.txt", secret)
    shutil.rmtree(HOME / "clara/python-intro/one")
    said = learn("clara", "fetch_assignment", "one", check=False)
    assert LINK in said and not (HOME / "clara/python-intro/one/extra.txt").exists(), said
    (outbound / "one/extra.txt").unlink()
    shutil.rmtree(HOME / "clara/python-intro/one", ignore_errors=True)
    learn("clara", "fetch_assignment", "one")
    os.rename(INBOUND, INBOUND.with_name("old"))
    (HOME / "clara/mine").mkdir(mode=0o700)
    give(HOME / "clara/mine", CLARA)
    planted(INBOUND, HOME / "clara/mine")
    said = learn("clara", "submit", "one", check=False)
    assert LINK in said and "Nothing was submitted" in said, said
    assert not list((HOME / "clara/mine").iterdir())


def calls(source: Path) -> set[str]:
    """The calls in a module that read or write files, by name."""
    wanted = {
        "open", "makedirs", "mkdir", "remove", "unlink", "rmdir", "rename", "replace_file", "chmod", "symlink", "link",
        "rmtree", "copytree", "copyfile", "copy2", "move", "copy", "write_text", "write_bytes", "touch", "unzip",
        "unpack_archive",
    }  # fmt: skip
    modules = ("os", "shutil", "io", "Path")
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) if name in wanted:
                    found.add(name)
                case ast.Attribute(attr=name, value=ast.Name(id=module)) if name in wanted and module in modules:
                    found.add(f"{module}.{name}")
                case ast.Attribute(attr="write_text" | "write_bytes" | "touch" | "mkdir" | "unlink" as name):
                    found.add(name)
    return found


# Of what is left, who writes, and where: nobody else can, or it is nothing that a server does.
ELSEWHERE = {
    "nbgrader.dbutil": "in a folder of its own in /tmp",
    "nbgrader.nbgraderformat.common": "reads what is installed",
    "jupyter_server.auth.identity": "reads a file that the environment names",
    "jupyter_server.auth.security": "passwords, which a hub's server has none of",
    "jupyter_server.config_manager": "settings in ~/.jupyter",
    "jupyter_server.i18n": "reads what is installed",
    "jupyter_server.serverapp": "in /run/coursehub/runtime",
    "jupyter_server.services.sessions.sessionmanager": "reads the file of a kernel that runs elsewhere",
    "jupyterlab_server.config": "reads what is installed, and settings in ~/.jupyter",
    "jupyterlab_server.settings_utils": "settings in ~/.jupyter",
    "jupyterlab_server.themes_handler": "reads what is installed",
    "jupyterlab_server.translation_utils": "reads what is installed",
    "jupyterlab_server.workspaces_handler": "the layout, in ~/.jupyter",
}
ADOPTED = {
    f"jupyter_server.services.contents.{name}"
    for name in ("fileio", "filecheckpoints", "filemanager", "largefilemanager")
}


def f13_every_module_that_writes_is_known() -> None:
    site = next(Path("/opt/coursehub/venv/lib").glob("python3.*/site-packages"))
    found = {}
    for package in ("nbgrader", "jupyter_server", "jupyterlab_server"):
        for source in (site / package).rglob("*.py"):
            name = ".".join(source.relative_to(site).with_suffix("").parts).removesuffix(".__init__")
            if not {"tests", "docs", "pytest_plugin", "test_utils"} & set(name.split(".")) and (used := calls(source)):
                found[name] = used
    unknown = {name: used for name, used in found.items() if name not in {*WRITERS, *ELSEWHERE, *ADOPTED}}
    assert not unknown, unknown
    assert not {name for name in ELSEWHERE if name not in found}, "the list names what writes nothing"


TESTS = (
    f13_nbgrader_writes_through_no_link_in_the_course_or_the_exchange,
    f13_nbgraders_log_and_backup_are_no_way_into_a_home,
    f13_zip_collect_and_formgrader_write_through_no_link,
    f13_a_student_fetches_and_submits_through_no_link,
    f13_every_module_that_writes_is_known,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
