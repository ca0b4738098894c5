"""F13: what JupyterLab reads and writes where others can write; runs inside the image as test_image.py does."""
# ruff: noqa: S101, S108, PT018  (plain scripts: no pytest in the image)

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from test_image import BEN, CLARA, COURSE, DAVID, EXCHANGE, HOME, course, get, main, new_pod, put, run, server

DATA = Path("/coursedata")
INBOUND = EXCHANGE / "python-intro/inbound"
ANNAS = HOME / "anna"
BENS = {**BEN, "group": 70101}
# Of Anna's: what the others are after.
VICTIMS = {".profile": "mine", "private/diary.txt": "dear", "private/diary.ipynb": "{}"}
LINK = "is a link in a folder where others can write"
SECOND_NAME = "has a second name elsewhere"
SPECIAL = "is neither a file nor a folder"


def give(path: Path, who: dict[str, Any]) -> None:
    os.chown(path, who["user"], who["group"], follow_symlinks=False)


def victims() -> None:
    for name, text in VICTIMS.items():
        (ANNAS / name).parent.mkdir(exist_ok=True)
        (ANNAS / name).write_text(text)
        (ANNAS / name).chmod(0o640)
    subprocess.run(["chown", "-R", "51234:51234", ANNAS], check=True)


def unharmed() -> None:
    """Nothing of Anna's has changed, and nothing is new but what Jupyter and checkpoints have in their own folders."""
    for name, text in VICTIMS.items():
        assert (ANNAS / name).is_file(), f"{name} is gone"
        assert (ANNAS / name).read_text() == text, f"{name} was written: {(ANNAS / name).read_text()[:200]!r}"
        assert stat.S_IMODE((ANNAS / name).stat().st_mode) == 0o640, f"the mode of {name} was changed"
    ours = (".local", ".jupyter", ".ipython", ".coursehub-lock", ".config", ".cache", ".npm")
    new = [path for path in ANNAS.rglob("*") if path.relative_to(ANNAS).parts[0] not in ours and not path.is_dir()]
    assert sorted(str(path.relative_to(ANNAS)) for path in new) == sorted(VICTIMS), new


def notebook(text: str = "1", output: dict[str, Any] | None = None, trusted: bool = False) -> dict[str, Any]:
    outputs = [{"output_type": "display_data", "data": output, "metadata": {}}] if output else []
    metadata = {"trusted": True} if trusted else {}
    cell = {"cell_type": "code", "id": "a", "source": text, "outputs": outputs, "execution_count": None}
    return {"cells": [cell | {"metadata": metadata}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def api(method: str, path: Path | str, body: object = None, after: str = "") -> tuple[int, str]:
    return get(f"api/contents{path}{after}", method, body)


def save(path: Path) -> tuple[int, str]:
    if path.suffix == ".ipynb":
        return api("PUT", path, {"type": "notebook", "format": "json", "content": notebook()})
    return put(str(path).lstrip("/"), "hers")


def upload(path: Path, chunk: int) -> tuple[int, str]:
    content = base64.b64encode(b"hers").decode()
    return api("PUT", path, {"type": "file", "format": "base64", "content": content, "chunk": chunk})


def checkpoint(path: Path) -> tuple[int, str]:
    return api("POST", path, after="/checkpoints")


def restore(path: Path) -> tuple[int, str]:
    return api("POST", path, after="/checkpoints/checkpoint")


def copy(path: Path, to: Path) -> tuple[int, str]:
    return api("POST", to, {"copy_from": str(path)})


def rename(path: Path, to: Path) -> tuple[int, str]:
    return api("PATCH", path, {"path": str(to)})


def in_each_place(look: Callable[[Path, dict[str, Any]], None]) -> Callable[[], None]:
    """A test with a folder of another's in each place where others may write; Anna's server runs."""

    @wraps(look)
    def test() -> None:
        course()
        victims()
        shared_data()
        with server("instructor"):
            for folder, who in ((INBOUND / "hers", CLARA), (DATA / "hers", DAVID), (COURSE / "hers", BENS)):
                look(folder, who)
                unharmed()

    return test


def shared_data() -> None:
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir()
    os.chown(DATA, 0, 70101)
    DATA.chmod(0o3777)


def laid(folder: Path, who: dict[str, Any], script: str) -> None:
    """The folder is new, and its owner ran the script in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    give(folder, who)
    folder.chmod(0o2777)
    subprocess.run(["sh", "-ec", f"umask 0; {script}"], cwd=folder, check=True, **who)


def attacks(folder: Path) -> dict[str, tuple[str, Callable[[], tuple[int, str]]]]:
    """What its owner lays into the folder, and what Anna then does without a thought; each is to be refused."""
    home, a, nb, sub = ANNAS, folder / "a.txt", folder / "a.ipynb", folder / "sub"
    to_profile, to_new, to_private = (f"ln -s {home}/{name}" for name in (".profile", ".bash_aliases", "private"))
    return {
        "saving": (f"{to_profile} a.txt", lambda: save(a)),
        "saving what is not there yet": (f"{to_new} a.txt", lambda: save(a)),
        "saving a notebook": (f"{to_profile} a.ipynb", lambda: save(nb)),
        "saving by way of the temporary file": (f"echo x >a.txt; {to_profile} .~a.txt", lambda: save(a)),
        "saving a notebook by way of it": (f"echo x >a.ipynb; {to_new} .~a.ipynb", lambda: save(nb)),
        "saving in a folder that is a link": (f"{to_private} sub", lambda: save(sub / "diary.txt")),
        "saving through several": (f"{to_private} b; ln -s b c; ln -s c/diary.txt a.txt", lambda: save(a)),
        "the first part of an upload": (f"{to_profile} a.txt", lambda: upload(a, 1)),
        "a further part of an upload": (f"{to_profile} a.txt", lambda: upload(a, 2)),
        "the last part of an upload": (f"{to_new} a.txt", lambda: upload(a, -1)),
        "a checkpoint of a link": (f"{to_profile} a.txt", lambda: checkpoint(a)),
        "going back to a checkpoint": (f"{to_profile} a.txt", lambda: restored(a)),
        "a new folder": (f"{to_private} sub", lambda: api("POST", sub, {"type": "directory"})),
        "a new notebook": (f"{to_private} sub", lambda: api("POST", sub, {"type": "notebook"})),
        "a new file": (f"{to_private} sub", lambda: api("POST", sub, {"type": "file", "ext": ".txt"})),
        "a copy of what a link leads to": (f"{to_profile} a.txt", lambda: copy(a, folder)),
        "a copy to where a link leads": (f"echo x >a.txt; {to_private} sub", lambda: copy(a, sub)),
        "a copy of a folder with a link": (f"mkdir sub; {to_profile} sub/a.txt", lambda: copy(sub, folder)),
        "a copy of a folder with a link to one": (f"mkdir sub; {to_private} sub/b", lambda: copy(sub, folder)),
        "a copy of what a folder's link leads to": (f"{to_private} sub", lambda: copy(sub, folder)),
        "renaming into it": (f"echo x >a.txt; {to_private} sub", lambda: rename(a, sub / "a.txt")),
        "renaming out of it": (f"{to_private} sub", lambda: rename(sub / "diary.txt", a)),
        "bringing the link home": (f"{to_profile} a.txt", lambda: rename(a, home / "a.txt")),
        "bringing a folder with a link home": (f"mkdir sub; {to_profile} sub/a", lambda: brought(sub, home / "sub")),
        "deleting in it": (f"{to_private} sub", lambda: api("DELETE", sub / "diary.txt")),
        "reading": (f"{to_profile} a.txt", lambda: api("GET", a)),
        "listing": (f"{to_private} sub", lambda: api("GET", sub)),
        "reading in it": (f"{to_private} sub", lambda: api("GET", sub / "diary.ipynb")),
        "downloading": (f"{to_profile} a.txt", lambda: get(f"files{a}?download=1")),
        "downloading from it": (f"{to_private} sub", lambda: get(f"files{sub}/diary.txt")),
        "exporting": (f"ln -s {home}/private/diary.ipynb a.ipynb", lambda: get(f"nbconvert/html{nb}?download=1")),
    }


def restored(path: Path) -> tuple[int, str]:
    """A checkpoint was made while a file was there."""
    link = path.readlink()
    path.unlink()
    path.write_text("x")
    path.chmod(0o666)
    assert checkpoint(path)[0] == 201
    path.unlink()
    path.symlink_to(link)
    give(path, CLARA)
    return restore(path)


def brought(folder: Path, home: Path) -> tuple[int, str]:
    """In a pod these are two mounts, and the folder is copied; here it may have come whole, with its owner."""
    status, said = rename(folder, home)
    if status == 200:
        status, said = save(home / "a")
        shutil.rmtree(home)
    assert not home.exists(), "something half came home"
    return status, said


@in_each_place
def f13_nothing_is_read_or_written_through_a_link_of_anothers(folder: Path, who: dict[str, Any]) -> None:
    wrong = []
    for name, (script, act) in attacks(folder).items():
        laid(folder, who, script)
        before = {*os.listdir(folder)}
        status, said = act()
        try:
            unharmed()
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
            shutil.rmtree(ANNAS / "private", ignore_errors=True)
            for each in (ANNAS / "a.txt", ANNAS / "sub"):
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink(missing_ok=True)
            (ANNAS / ".bash_aliases").unlink(missing_ok=True)
            victims()
        if more := {*os.listdir(folder)} - before:
            wrong.append(f"{name}: something half stays: {more}")
        if status != 403 or LINK not in said.replace("&#39;", "'"):
            wrong.append(f"{name}: {status} {said[:300]}")
        texts = [path.read_text() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        if any(text in texts for text in VICTIMS.values()):
            wrong.append(f"{name}: what is Anna's came to {folder}")
    assert not wrong, f"in {folder}:\n" + "\n".join(wrong)


@in_each_place
def f13_a_checkpoint_lies_in_ones_own_home_and_a_link_in_its_place_changes_nothing(
    folder: Path, who: dict[str, Any]
) -> None:
    laid(folder, who, f"echo one >README.txt; ln -s {ANNAS}/private .ipynb_checkpoints; echo '{{}}' >b.ipynb")
    file = folder / "README.txt"
    for path in (file, folder / "b.ipynb"):
        assert api("GET", path, after="/checkpoints") == (200, "[]")
        assert save(path)[0] == 200 and checkpoint(path)[0] == 201
    unharmed()
    put(str(file)[1:], "two")
    assert restore(file)[0] == 204 and file.read_text() == "hers"
    found = list((ANNAS / ".local/share/coursehub/checkpoints/python-intro").rglob("*-checkpoint.*"))
    assert {each.name for each in found} == {"README-checkpoint.txt", "b-checkpoint.ipynb"}, found
    # A link to the checkpoint itself, as at first: in the folder that Jupyter would use.
    (folder / ".ipynb_checkpoints").unlink()
    script = f"mkdir .ipynb_checkpoints; ln -s {ANNAS}/.profile .ipynb_checkpoints/README-checkpoint.txt"
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True, **who)
    assert checkpoint(file)[0] == 201
    unharmed()
    assert api("DELETE", file, after="/checkpoints/checkpoint")[0] == 204
    assert api("GET", file, after="/checkpoints") == (200, "[]")


def f13_checkpoints_outlive_the_server_and_follow_their_file_and_folder() -> None:
    course()
    victims()
    folder = COURSE / "notes"
    laid(folder, BENS, "echo one >a.txt")
    with server("instructor"):
        assert checkpoint(folder / "a.txt")[0] == 201
    new_pod()
    with server("instructor"):
        assert put(f"{folder}/a.txt"[1:], "two")[0] == 200
        assert rename(folder / "a.txt", folder / "b.txt")[0] == 200
        assert rename(folder, COURSE / "other")[0] == 200
        assert restore(COURSE / "other/b.txt")[0] == 204
        assert (COURSE / "other/b.txt").read_text() == "one\n"
        assert api("DELETE", COURSE / "other")[0] == 204
    assert not list((ANNAS / ".local/share/coursehub").rglob("*.txt")), "checkpoints of nothing stay"
    # /course is another one in another course.
    laid(folder, BENS, "echo one >a.txt")
    new_pod()
    with server("instructor"):
        assert checkpoint(folder / "a.txt")[0] == 201
    new_pod()
    with server("instructor", COURSEHUB_COURSE="simulation"):
        assert api("GET", folder / "a.txt", after="/checkpoints") == (200, "[]")
        assert restore(folder / "a.txt")[0] >= 400
    unharmed()


@in_each_place
def f13_second_names_and_pipes_are_refused_and_keep_nobody_waiting(folder: Path, who: dict[str, Any]) -> None:
    laid(folder, who, "mkfifo a.txt; echo x >b.txt; mkfifo .~b.txt; mkdir sub; mkfifo sub/c")
    os.link(ANNAS / ".profile", folder / "h.txt")
    os.link(ANNAS / ".profile", folder / "i.ipynb")
    (folder / "r.txt").write_text("x")
    (folder / "r.txt").chmod(0o666)
    os.link(ANNAS / ".profile", folder / ".~r.txt")
    for act, sentence in (
        (lambda: save(folder / "h.txt"), SECOND_NAME),
        (lambda: save(folder / "i.ipynb"), SECOND_NAME),
        (lambda: save(folder / "r.txt"), SECOND_NAME),
        (lambda: upload(folder / "h.txt", 2), SECOND_NAME),
        (lambda: copy(folder / "h.txt", folder), SECOND_NAME),
        (lambda: checkpoint(folder / "h.txt"), SECOND_NAME),
        (lambda: get(f"files{folder}/h.txt"), SECOND_NAME),
        (lambda: save(folder / "a.txt"), SPECIAL),
        (lambda: save(folder / "b.txt"), SPECIAL),
        (lambda: upload(folder / "a.txt", 2), SPECIAL),
    ):
        status, said = act()
        assert status == 403 and sentence in said, (folder, status, said)
    assert api("GET", folder / "a.txt")[0] == 400
    assert copy(folder / "sub", folder)[0] >= 400
    # They can be deleted, and what they lead to stays.
    for name in ("h.txt", "i.ipynb", "r.txt", "sub"):
        assert api("DELETE", folder / name)[0] == 204, name
    (folder / ".~r.txt").unlink()
    unharmed()


@in_each_place
def f13_a_link_can_be_deleted_and_others_beside_it_are_listed(folder: Path, who: dict[str, Any]) -> None:
    laid(folder, who, f"echo x >b.txt; ln -s {ANNAS}/private sub; ln -s {ANNAS}/.profile a.txt; ln -s nowhere c.txt")
    status, said = api("GET", folder)
    assert status == 200 and "b.txt" in {each["name"] for each in json.loads(said)["content"]}, said
    for name in ("sub", "a.txt", "c.txt"):
        assert api("DELETE", folder / name)[0] == 204, name
    assert [path.name for path in folder.iterdir()] == ["b.txt"]
    unharmed()


def f13_a_name_that_changes_between_file_and_link_leads_nowhere() -> None:
    """The other end of the race: whoever owns the folder changes it as fast as they can while Anna saves."""
    flip = """
import os
while not os.path.exists("/tmp/enough"):
    for name, target in (("a.txt", "TARGET/.profile"), ("sub", "TARGET/private"), (".~a.txt", "TARGET/.profile")):
        for make in (lambda n: os.symlink(target, n), lambda n: os.mkdir(n) if n == "sub" else open(n, "w").close()):
            try:
                make("new")
                if os.path.isdir(name) and not os.path.islink(name):
                    os.rename(name, "old")
                os.replace("new", name)
            except OSError:
                pass
            for old in ("old", "new"):
                try:
                    os.unlink(old)
                except OSError:
                    try:
                        os.rmdir(old)
                    except OSError:
                        pass
""".replace("TARGET", str(ANNAS))
    course()
    victims()
    folder = INBOUND / "hers"
    laid(folder, CLARA, "true")
    enough = Path("/tmp/enough")
    with server("instructor"):
        enough.unlink(missing_ok=True)
        flipping = subprocess.Popen(["python3", "-c", flip], cwd=folder, **CLARA)
        answers = set()
        try:
            for _ in range(150):
                answers.add(save(folder / "a.txt")[0])
                answers.add(upload(folder / "a.txt", 2)[0])
                answers.add(checkpoint(folder / "a.txt")[0])
                answers.add(save(folder / "sub/diary.txt")[0])
                answers.add(api("DELETE", folder / "sub/diary.txt")[0])
        finally:
            enough.touch()
            flipping.wait(20)
            enough.unlink()
        assert 403 in answers and answers & {200, 201, 204}, f"the race was not run: {answers}"
        for name, text in VICTIMS.items():
            assert (ANNAS / name).read_text() == text, f"{name} was written"


def f13_links_of_ones_own_in_ones_home_go_on_working() -> None:
    course()
    victims()
    script = """
mkdir real; echo x >real/a.txt; ln -s real/a.txt a.txt; ln -s real folder; ln -s ~/real/new.txt dangling.txt
ln -s /course course; ln real/a.txt second.txt; ln -s ../anna/real/../a.txt winding.txt; mkdir -m 0755 open
ln -s ../real/a.txt open/a.txt
"""
    run(["sh", "-ec", script], "instructor", cwd=ANNAS)
    new_pod()
    with server("instructor"):
        for name, target in (
            ("a.txt", "real/a.txt"),
            ("folder/b.txt", "real/b.txt"),
            ("dangling.txt", "real/new.txt"),
            ("winding.txt", "real/a.txt"),
            ("open/a.txt", "real/a.txt"),
            ("second.txt", "real/a.txt"),
        ):
            (ANNAS / "real/a.txt").write_text("x")
            assert put(f"home/anna/{name}", name)[0] in (200, 201), name
            assert (ANNAS / target).read_text() == name
            assert json.loads(api("GET", ANNAS / name)[1])["content"] == name
            assert checkpoint(ANNAS / name)[0] == 201, name
            assert get(f"files{ANNAS}/{name}") == (200, name)
        assert all((ANNAS / name).is_symlink() for name in ("a.txt", "folder", "dangling.txt", "course"))
        assert put("home/anna/course/mine.txt", "x")[0] == 201 and (COURSE / "mine.txt").read_text() == "x"
        assert api("POST", ANNAS / "folder", {"type": "directory"})[0] == 201
        assert copy(ANNAS / "a.txt", ANNAS / "folder")[0] == 201
        assert copy(ANNAS / "folder", ANNAS)[0] == 201
        assert rename(ANNAS / "a.txt", ANNAS / "moved.txt")[0] == 200 and (ANNAS / "moved.txt").is_symlink()
        assert api("DELETE", ANNAS / "folder")[0] == 204 and (ANNAS / "real/b.txt").exists()


def f13_links_in_course_data_that_can_only_be_read_lead_to_such_data_alone() -> None:
    course()
    victims()
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir()
    laid(DATA / "hers", DAVID, f"mkdir 2024; echo x >2024/a.txt; ln -s 2024 latest; ln -s {ANNAS}/private out")
    subprocess.run(["mount", "--bind", DATA, DATA], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", DATA], check=True)
        new_pod()
        with server("student"):
            assert api("GET", DATA / "hers/latest")[0] == 200
            assert json.loads(api("GET", DATA / "hers/latest/a.txt")[1])["content"] == "x\n"
            assert copy(DATA / "hers/latest/a.txt", ANNAS)[0] == 201
            (ANNAS / "a.txt").unlink()
            for status, said in (
                api("GET", DATA / "hers/out"),
                api("GET", DATA / "hers/out/diary.ipynb"),
                save(DATA / "hers/out/diary.txt"),
                api("DELETE", DATA / "hers/out/diary.txt"),
            ):
                assert status == 403 and LINK in said, said
        unharmed()
    finally:
        subprocess.run(["umount", DATA], check=True)


def f13_shared_folders_work_as_before() -> None:
    """Files of several people in /course, read-only ones and those in folders where one may only write into them."""
    course()
    victims()
    folder = COURSE / "notes"
    laid(
        folder,
        BENS,
        "umask 007; echo x >a.txt; echo x >r.txt; chmod 440 r.txt; mkdir -m 2750 in; echo x >in/a.txt",
    )
    with server("instructor"):
        assert put(f"{folder}/a.txt"[1:], "both")[0] == 200
        assert (folder / "a.txt").read_text() == "both" and (folder / "a.txt").stat().st_uid == BEN["user"]
        assert put(f"{folder}/r.txt"[1:], "x")[0] == 403
        assert put(f"{folder}/in/a.txt"[1:], "both")[0] == 200
        assert not list(folder.rglob(".~*"))
        for chunk in (1, 2, -1):
            assert upload(folder / "big.bin", chunk)[0] in (200, 201)
        assert (folder / "big.bin").read_text() == "hershershers"
        assert copy(folder, COURSE)[0] == 201
        assert api("POST", folder, {"type": "notebook"})[0] == 201
        assert rename(folder / "big.bin", ANNAS / "big.bin")[0] == 200
        assert api("DELETE", folder / "a.txt")[0] == 204


TESTS = (
    f13_nothing_is_read_or_written_through_a_link_of_anothers,
    f13_a_checkpoint_lies_in_ones_own_home_and_a_link_in_its_place_changes_nothing,
    f13_checkpoints_outlive_the_server_and_follow_their_file_and_folder,
    f13_second_names_and_pipes_are_refused_and_keep_nobody_waiting,
    f13_a_link_can_be_deleted_and_others_beside_it_are_listed,
    f13_a_name_that_changes_between_file_and_link_leads_nowhere,
    f13_links_of_ones_own_in_ones_home_go_on_working,
    f13_links_in_course_data_that_can_only_be_read_lead_to_such_data_alone,
    f13_shared_folders_work_as_before,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
