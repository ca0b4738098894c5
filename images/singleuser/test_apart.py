"""F17: submissions executed in pods that are nobody's; runs in the image as test_image.py does."""
# ruff: noqa: S101, S108, PT018  (plain scripts: no pytest in the image)

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import coursehub_execute
import nbgrader_apart
import nbgrader_returned
import test_image
from coursehub_carry import MOST_INPUT, MOST_RESULT, Ended
from nbformat import from_dict
from test_image import (
    ANNA,
    BEN,
    COURSE,
    HOME,
    SETTINGS,
    course,
    environment,
    get,
    gradebook,
    handed_out,
    learn,
    main,
    nbgrader,
    new_pod,
    run,
    scores,
    server,
    solve,
    teach,
    told,
    warmed,
)
from traitlets.config import Config

RUNS, PODS = Path("/srv/coursehub/runs"), Path("/var/tmp/pods")
NOBODY, GID = 65533, 70101
# What is closed there: nothing listens on it.
CLOSED = {"COURSEHUB_PROBES": "127.0.0.1:9,[::1]:9", "COURSEHUB_SECONDS": "1800"}
OK, USAGE, DATA, MISSING, KERNEL, UNWRITTEN, OPEN = 0, 64, 65, 66, 69, 73, 77
# The container's first process: namespaces are its own; its root can only be read, its uid has no name and no group.
FIRST = """
import fcntl, json, os, socket, struct, subprocess, sys, time
root, uid, mounts, listen, command = json.loads(sys.argv[1])
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))
mount = lambda *words: subprocess.run(["mount", *words], check=True)
os.makedirs(root, exist_ok=True)
mount("--bind", "/", root)
mount("-o", "remount,bind,ro", root)
mount("-t", "proc", "proc", root + "/proc")
mount("--rbind", "/dev", root + "/dev")
for path, place, mode in mounts:
    mount("--bind", place, root + path)
    mount("-o", "remount,bind," + mode, root + path)
if listen:
    ready, told = os.pipe()
    if not os.fork():
        server = socket.create_server(("127.0.0.1", 9))
        server.settimeout(listen)
        os.write(told, b"1")
        end = time.monotonic() + listen
        while time.monotonic() < end:
            server.accept()[0].close()
        os._exit(0)
    os.read(ready, 1)
os.chroot(root)
os.chdir("/")
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
os.execvp(command[0], command)
"""


def new_runs() -> None:
    """The course's folder of runs, as the provisioner makes it."""
    for folder in (RUNS, PODS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    os.chown(RUNS, 0, GID)
    RUNS.chmod(0o2771)
    for place in ("/srv/coursehub/input", "/srv/coursehub/scratch"):
        Path(place).mkdir(parents=True, exist_ok=True)


def as_anna(command: str, *arguments: str, who: Mapping[str, Any] = ANNA) -> None:
    subprocess.run(["sh", "-ec", f"umask 0\n{command}", "sh", *arguments], check=True, **who)


def prepared(notebook: str = "{}", folder: str = "") -> str:
    """A run's folder, as its instructor makes it."""
    folder = folder or secrets.token_hex(16)
    making = 'mkdir -m 2711 "$1"; cd "$1"; mkdir -m 2755 in; mkdir -m 2773 out; printf %s "$2" >in/notebook.ipynb'
    as_anna(f"cd {RUNS}\n{making}\nchmod 0644 in/notebook.ipynb", folder, notebook)
    return folder


class Pod:
    """What the hub makes of a run: three containers, one after the other, and the volumes that they share."""

    def __init__(self, folder: str, variables: Mapping[str, str] = CLOSED, listen: int = 0) -> None:
        self.folder, self.variables, self.listen = folder, variables, listen
        self.own = PODS / secrets.token_hex(8)
        for name in ("input", "scratch", "tmp"):
            (self.own / name).mkdir(parents=True)
            (self.own / name).chmod(0o777)
        self.input, self.scratch = self.own / "input", self.own / "scratch"

    def fetch(self, most: int = MOST_INPUT, folder: str = "") -> int:
        places = [(str(RUNS), str(RUNS), "ro"), ("/srv/coursehub/input", str(self.input), "rw")]
        return self.run(places, ["coursehub-fetch", folder or self.folder, str(most)])

    def execute(self, program: Sequence[str] = ("coursehub-execute",)) -> int:
        places = [("/srv/coursehub/input", "input", "ro"), ("/srv/coursehub/scratch", "scratch", "rw")]
        places += [("/tmp", "tmp", "rw")]
        named = [(path, str(self.own / name), mode) for path, name, mode in places]
        return self.run(named, program, **self.variables)

    def deliver(self, most: int = MOST_RESULT, folder: str = "") -> int:
        places = [(str(RUNS), str(RUNS), "rw"), ("/srv/coursehub/scratch", str(self.scratch), "ro")]
        return self.run(places, ["coursehub-deliver", folder or self.folder, str(most)])

    def run(self, mounts: Sequence[tuple[str, str, str]], command: Sequence[str], **more: str) -> int:
        """The exit code of one container."""
        given = json.dumps([str(self.own / "root"), NOBODY, mounts, self.listen, command])
        own = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/srv/coursehub/scratch", "USER": "nobody"}
        alone = [
            "unshare",
            "--mount",
            "--propagation=unchanged",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            sys.executable,
            "-c",
            FIRST,
            given,
        ]
        done = subprocess.run(
            alone, env={**own, **more}, capture_output=True, text=True, timeout=170, check=False, umask=0o022
        )
        self.said = done.stdout + done.stderr
        return done.returncode


def result(folder: str) -> Path:
    return RUNS / folder / "out/result.ipynb"


def code(source: str, name: str = "a") -> dict[str, Any]:
    return {"id": name, "cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def notebook(*sources: str, kernel: str = "python3") -> str:
    cells = [code(source, f"c{number}") for number, source in enumerate(sources)]
    spec = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    return json.dumps({"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5})


def executed_at_once(*pods: Pod) -> list[int]:
    """Their exit codes."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(Pod.execute, pods))


def executed(pod: Pod) -> list[str]:
    """What each cell of the result printed or ended in."""
    cells = json.loads((pod.scratch / "result.ipynb").read_text())["cells"]
    return ["".join(each.get("text", each.get("ename", "")) for each in cell["outputs"]) for cell in cells]


def prepared_pod(text: str, listen: int = 0, **variables: str) -> Pod:
    """A pod that has its input."""
    pod = Pod(prepared(text), {**CLOSED, **variables}, listen)
    assert pod.fetch() == OK, pod.said
    return pod


# --- what is carried ---


def what_is_carried_in_and_out_is_what_was_there() -> None:
    new_runs()
    folder = prepared('{"cells": []}')
    as_anna(
        f"cd {RUNS / folder}/in; mkdir -p files/data; echo 1,2 >files/data/a.csv; touch \"files/odd $(printf '\\377')\""
    )
    as_anna(f"chmod -R u=rwX,go=rX {RUNS / folder}/in/files")
    pod = Pod(folder)
    assert pod.fetch() == OK, pod.said
    found = sorted(os.fsencode(path.relative_to(pod.input)) for path in pod.input.rglob("*") if path.is_file())
    assert found == [b"files/data/a.csv", b"files/odd \xff", b"notebook.ipynb"], found
    assert (pod.input / "files/data/a.csv").read_text() == "1,2\n"
    made = pod.scratch / "result.ipynb"
    made.write_text("anything at all: it is not parsed")
    os.chown(made, NOBODY, NOBODY)
    assert pod.deliver() == OK, pod.said
    assert result(folder).read_text() == "anything at all: it is not parsed"
    state = result(folder).stat()
    assert (state.st_uid, state.st_gid, state.st_mode & 0o7777) == (NOBODY, GID, 0o644), state
    assert [path.name for path in result(folder).parent.iterdir()] == ["result.ipynb"]
    # A colleague can clear what the pod's uid has left.
    as_anna(f"rm {result(folder)}", who=BEN)


def f17_other_arguments_are_none() -> None:
    new_runs()
    pod = Pod(prepared())
    for folder in ("..", "../../etc", "a" * 31, "A" * 32, f"{pod.folder}/in", f"{pod.folder}\n", "-h"):
        assert pod.fetch(folder=folder) == USAGE, (folder, pod.said)
    assert pod.deliver(folder="../x") == USAGE, pod.said
    assert pod.run([], ["coursehub-fetch"]) == USAGE
    assert pod.run([], ["coursehub-fetch", pod.folder, "-1"]) == USAGE


def f17_nothing_but_plain_files_and_folders_is_fetched() -> None:
    """A link, a pipe, a socket; more than the bound, in bytes, in entries and in depth."""
    new_runs()
    hostile = {
        "ln -s /etc/passwd in/files/link": DATA,
        "ln -s / in/files/root": DATA,
        "mkfifo in/files/pipe": DATA,
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"in/files/socket\")'": DATA,
        "rm in/notebook.ipynb; ln -s /etc/passwd in/notebook.ipynb": DATA,
        "rm in/notebook.ipynb; mkfifo in/notebook.ipynb": DATA,
        "rm in/notebook.ipynb; mkdir in/notebook.ipynb": DATA,
        "rm in/notebook.ipynb": MISSING,
        "chmod 0600 in/notebook.ipynb": MISSING,
        "chmod 0700 in": MISSING,
        "mv in elsewhere; ln -s elsewhere in": DATA,
        "mv in elsewhere; echo >in": DATA,
        "truncate -s 5M in/files/large": DATA,
        "cd in/files; seq 10001 | xargs touch": DATA,
        "cd in/files; for n in $(seq 70); do mkdir d; cd d; done": DATA,
    }
    for command, code in hostile.items():
        folder = prepared()
        as_anna(f"cd {RUNS / folder}; mkdir in/files; {command}")
        pod = Pod(folder)
        begin = time.monotonic()
        assert pod.fetch(4 * 2**20) == code, (command, pod.said)
        assert time.monotonic() - begin < 60, command
        # What a link leads to is not there under another name.
        assert not any(b"root:" in path.read_bytes()[:10] for path in pod.input.rglob("*") if path.is_file()), command


def f17_a_folder_that_was_swapped_for_a_link_leads_nowhere() -> None:
    """Another course's run, or any other place of the volume, in place of one's own."""
    new_runs()
    elsewhere = Path("/var/tmp/elsewhere")
    shutil.rmtree(elsewhere, ignore_errors=True)
    for part in ("in", "out"):
        (elsewhere / part).mkdir(parents=True)
        (elsewhere / part).chmod(0o777)
    (elsewhere / "in/notebook.ipynb").write_text("secret")
    pod = Pod(secrets.token_hex(16))
    assert pod.fetch() == MISSING
    (RUNS / pod.folder).symlink_to(elsewhere)
    (pod.scratch / "result.ipynb").write_text("{}")
    assert pod.fetch() == MISSING and not list(pod.input.iterdir()), pod.said
    assert pod.deliver() == UNWRITTEN, pod.said
    pod = Pod(prepared())
    (pod.scratch / "result.ipynb").write_text("{}")
    as_anna(f"cd {RUNS / pod.folder}; rmdir out; ln -s {elsewhere}/out out")
    assert pod.deliver() == UNWRITTEN and not list((elsewhere / "out").iterdir()), pod.said


def f17_what_is_delivered_is_one_plain_file_within_its_bound() -> None:
    new_runs()
    hostile = {
        "true": MISSING,
        "ln -s /etc/passwd result.ipynb": DATA,
        f"ln -s {RUNS} result.ipynb": DATA,
        "mkfifo result.ipynb": DATA,
        "mkdir result.ipynb": DATA,
        "truncate -s 65M result.ipynb": DATA,
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"result.ipynb\")'": DATA,
        "echo >result.ipynb; chmod 0 result.ipynb": MISSING,
    }
    nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    for command, code in hostile.items():
        pod = Pod(prepared())
        as_anna(f"cd {pod.scratch}; {command}", who=nobody)
        begin = time.monotonic()
        assert pod.deliver() == code, (command, pod.said)
        assert time.monotonic() - begin < 60, command
        assert not list((RUNS / pod.folder / "out").iterdir()), command


def f17_nothing_half_is_left_where_the_result_cannot_be_written() -> None:
    new_runs()
    pod = Pod(prepared())
    (pod.scratch / "result.ipynb").write_text("{}")
    for command in ("mkdir -p out/result.ipynb/x", "rm -r out; mkdir -m 0750 out", "rm -r out", "echo >out"):
        as_anna(f"cd {RUNS / pod.folder}; {command}")
        assert pod.deliver() == UNWRITTEN, (command, pod.said)
        left = list((RUNS / pod.folder).rglob(".making*"))
        assert not left, (command, left)


# --- what is executed ---


def f17_code_is_nobodys_and_has_its_scratch_alone() -> None:
    new_runs()
    asks = (
        "import os, socket; print(os.getuid(), os.getgid(), os.getgroups(), os.getcwd(), os.path.expanduser('~'))",
        "open('here', 'w'); open('/tmp/x', 'w')",
        "open(os.path.expanduser('~/x'), 'w'); print(open('data/a.csv').read())",
        "open('data/a.csv', 'a')",
        *(
            f"open('{path}', 'w')"
            for path in ("/srv/coursehub/input/notebook.ipynb", "/srv/x", "/var/tmp/x", "/home/x")
        ),
        "socket.create_connection(('192.0.2.1', 80), 3)",
        "import beside; print(beside.__file__, os.environ['NBGRADER_EXECUTION'])",
    )
    folder = prepared(notebook(*asks))
    as_anna(f"cd {RUNS / folder}/in; mkdir -p files/data; echo 1,2 >files/data/a.csv; touch files/beside.py")
    as_anna(f"chmod -R u=rwX,go=rX {RUNS / folder}/in/files")
    pod = Pod(folder)
    assert (pod.fetch(), pod.execute()) == (OK, OK), pod.said
    found = executed(pod)
    work = "/srv/coursehub/scratch/work"
    assert found[:4] == [f"65533 65533 [] {work} /srv/coursehub/scratch\n", "", "1,2\n\n", ""], found
    assert found[4:8] == ["OSError"] * 4, found
    assert found[8:] == ["OSError", f"{work}/beside.py autograde\n"], found
    assert pod.deliver() == OK and result(folder).exists(), pod.said


# coursehub-execute, which waits less long for a network that closes.
IMPATIENT = (
    *("python3", "-I", "-c"),
    "import sys, coursehub_lean as l; l.take(); import coursehub_execute as e; e.PATIENCE = 3; sys.exit(e.main())",
)


def f17_no_kernel_starts_while_the_network_is_open() -> None:
    """Open all the time, or nobody says what is not to be reached; once it closes, it goes on."""
    new_runs()
    touch = notebook("open('/tmp/ran', 'w')")
    pods = (
        prepared_pod(touch, listen=120),
        prepared_pod(touch, COURSEHUB_PROBES=""),
        prepared_pod(touch, COURSEHUB_PROBES="proxy:8000"),
        prepared_pod(touch, COURSEHUB_PROBES="127.0.0.1:9,"),
        # No route leads there, as before a pod has its network.
        prepared_pod(touch, COURSEHUB_PROBES="192.0.2.1:80"),
    )
    closes = prepared_pod(touch, listen=3)
    with ThreadPoolExecutor() as pool:
        code = pool.submit(closes.execute)
        codes = list(pool.map(lambda pod: pod.execute(IMPATIENT), pods))
        assert code.result() == OK and (closes.own / "tmp/ran").exists(), closes.said
    assert codes == [OPEN] * 5, [pod.said for pod in pods]
    for pod in pods:
        assert not list((pod.own / "tmp").iterdir()) and not list(pod.scratch.iterdir()), pod.variables


def of_nbgrader_an_execution_imports_what_executes_alone() -> None:
    """Each pod imports it anew."""
    command = ["python3", "-I", "-X", "importtime", "/usr/local/bin/coursehub-execute"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == OPEN and "nbclient" in found, done
    assert not found & {"bs4", "jinja2", "jupyter_server", "requests", "setuptools", "sqlalchemy"}, found


def f17_a_probe_is_closed_only_where_it_was_so_five_times_in_a_row() -> None:
    new_runs()
    program = (
        "import coursehub_execute as e, time; answers = iter([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9]); e.BETWEEN = 0; "
        "e._answers = lambda _: bool(next(answers)); print(e.is_closed(None, time.monotonic() + 9), next(answers))"
    )
    done = subprocess.run(["python3", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True 9\n", done


def what_is_no_notebook_or_has_no_kernel_is_told_apart() -> None:
    new_runs()
    bad = (
        "",
        "[]",
        "{}",
        '{"cells": [1], "metadata": {}, "nbformat": 4}',
        "[" * 100_000,
        notebook("1").replace("4,", "3,"),
    )
    for text in bad:
        (PODS / "bad.ipynb").write_text(text)
        try:
            said = str(coursehub_execute.read(PODS / "bad.ipynb"))
        except Ended as ended:
            said = f"{ended.code}"
        assert said == f"{DATA}", (text[:50], said)
    pods = prepared_pod(bad[0]), prepared_pod(notebook("1", kernel="no such kernel"))
    assert executed_at_once(*pods) == [DATA, KERNEL], [pod.said for pod in pods]


def f17_an_execution_is_bounded_in_time_and_in_what_it_prints_and_leaves_a_result() -> None:
    """A cell's time-out, the pod's, and cells that end in errors."""
    new_runs()
    settings = json.dumps({"ExecutePreprocessor": {"timeout": 2}, "LimitOutput": {"max_lines": 20}})
    cells = ("import time; time.sleep(60)", "1 / 0", "print('x' * 10**7)", "print('still here')")
    errors = prepared_pod(notebook(*cells), COURSEHUB_NBGRADER=settings)
    over = prepared_pod(notebook("print(1)", "assert True"), COURSEHUB_SECONDS="30")
    ends = prepared_pod(notebook("import time; time.sleep(60)", "print(1)"), COURSEHUB_SECONDS="45")
    begin = time.monotonic()
    assert executed_at_once(errors, over, ends) == [OK] * 3, (errors.said, over.said, ends.said)
    assert time.monotonic() - begin < 40
    slow, error, long, last = executed(errors)
    assert (slow.startswith(("KeyboardInterrupt", "CellTimeoutError")), error, last) == (
        True,
        "ZeroDivisionError",
        "still here\n",
    ), (slow, error, last)
    assert len(long) < 5000 and "truncated" in long, len(long)
    assert executed(over) == ["TimeoutError"] * 2, "a test that was not executed passed"
    assert executed(ends)[1] == "TimeoutError" != executed(ends)[0], executed(ends)


def f17_a_kernel_that_ends_or_goes_on_for_ever_leaves_no_result() -> None:
    new_runs()
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
    settings = json.dumps({"ExecutePreprocessor": {"timeout": 2}})
    pods = (
        prepared_pod(notebook("import os; os._exit(1)", "print(1)")),
        prepared_pod(notebook(deaf, "1"), COURSEHUB_NBGRADER=settings),
    )
    assert executed_at_once(*pods) == [70, 76], [pod.said for pod in pods]
    assert [pod.deliver() for pod in pods] == [MISSING] * 2


def f17_what_ran_cannot_turn_the_result_elsewhere() -> None:
    new_runs()
    link = prepared_pod(notebook("import os; os.symlink('/tmp/elsewhere', '/srv/coursehub/scratch/result.ipynb')"))
    folder = prepared_pod(notebook("import os; os.makedirs('/srv/coursehub/scratch/result.ipynb/x')"))
    assert executed_at_once(link, folder) == [OK, UNWRITTEN], (link.said, folder.said)
    assert not (link.own / "tmp/elsewhere").exists()
    assert (link.scratch / "result.ipynb").is_file() and not (link.scratch / "result.ipynb").is_symlink()
    assert folder.deliver() == DATA, folder.said


# --- what comes back ---

SENT = from_dict(json.loads(notebook("a = 1", "assert a == 1")))


def f17_what_comes_back_is_the_notebook_that_was_sent_or_refused_by_name() -> None:
    honest = json.loads(notebook("a = 1", "assert a == 1"))
    assert nbgrader_returned.outputs(SENT, json.dumps(honest).encode()) == [[], []]
    first, second = honest["cells"]
    forged: dict[str, object] = {
        "cell 2 has another source": {**honest, "cells": [first, {**second, "source": "pass"}]},
        "cell 1 has another source": {**honest, "cells": [{**first, "source": ["a = 1"]}, second]},
        "cell 2 has another id": {**honest, "cells": [first, {**second, "id": "c0"}]},
        "cell 1 has another id": {**honest, "cells": [second, first]},
        "cell 1 has another cell_type": {**honest, "cells": [{**first, "cell_type": "markdown"}, second]},
        "it has 3 cells, and 2 were sent": {**honest, "cells": [first, second, second]},
        "it has 1 cells": {**honest, "cells": [first]},
        "cell 2 is none": {**honest, "cells": [first, None]},
        "cell 1 has no outputs": {**honest, "cells": [{**first, "outputs": {}}, second]},
        "it is in another format": {**honest, "nbformat": 3},
        "it is in another format than": {**honest, "nbformat_minor": 4},
        "it is no notebook": {"cells": {}},
    }
    for why, made in forged.items():
        assert why in refusal(json.dumps(made).encode()), (why, made)
    deep = b"[" * 10**6 + b"]" * 10**6
    for data in (
        b"",
        b"no JSON",
        b"{} {}",
        b"\xff\xfe{}",
        b"[" * 900 + b"1" * 5000,
        deep[:10000],
        deep[900_000:],
        deep,
    ):
        assert "it is" in refusal(data) or "too many values" in refusal(data), data[:20]
    for number in ("NaN", "-Infinity", "1e999"):
        assert "not JSON" in refusal(
            json.dumps(honest).replace('"nbformat_minor": 5', f'"nbformat_minor": {number}').encode()
        )
    # Text that nothing closes is gone through once: not from each of its quotes to its end.
    begin = time.monotonic()
    for data in (b'["' + rb"\"" * 2**20, b'"\\' * 2**20, b'"' * (2**21 + 1)):
        assert "not JSON" in refusal(data)
    assert time.monotonic() - begin < 30
    # A value takes twenty times its bytes, text does not.
    assert "too many values" in refusal(b"[" + b"[]," * 3_000_000 + b"[]]")
    text = {"output_type": "stream", "name": "stdout", "text": "[1, {2}]," * 10**6}
    cells = [{**first, "outputs": [text]}, second]
    assert nbgrader_returned.outputs(SENT, json.dumps({**honest, "cells": cells}).encode())[0] == [text]


def refusal(data: bytes) -> str:
    try:
        found = nbgrader_returned.outputs(SENT, data)
    except Ended as ended:
        return str(ended)
    raise AssertionError((data[:200], found))


def with_output(*made: object) -> bytes:
    """The executed notebook, whose first cell has these outputs."""
    found = json.loads(notebook("a = 1", "assert a == 1"))
    found["cells"][0]["outputs"] = made
    return json.dumps(found).encode()


def f17_an_output_is_nbformats_and_within_its_bounds() -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": "x"}
    shown = {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}}
    value = {"output_type": "execute_result", "data": {"text/plain": ["1", "2"]}, "metadata": {}, "execution_count": 1}
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["t"]}
    ours = nbgrader_returned.outputs(SENT, with_output({**stream, "more": 1}, shown, value, error))[0]
    assert ours == [stream, shown, {**value, "data": {"text/plain": "12"}}, error], ours
    deep: list[Any] = []
    for _ in range(150):
        deep = [deep]
    for bad in (
        1,
        {},
        {**stream, "name": "grades"},
        {**stream, "text": 1},
        {**stream, "text": ["a", 1]},
        {**stream, "output_type": "update_display_data"},
        {**stream, "output_type": ["stream"]},
        {**shown, "data": [1]},
        {**shown, "data": {"text/html": {"a": 1}}},
        {**shown, "data": {"text/plain": None}},
        {**shown, "data": {"x" * 300: "y"}},
        {**shown, "data": {"application/json": deep}},
        {**value, "execution_count": "<b>"},
        {**error, "traceback": "t"},
        {**error, "ename": 1},
    ):
        assert "cell 1 has an output that is none" in refusal(with_output(bad)), bad
    # What cannot be written, and what nobody looks at.
    ours = nbgrader_returned.outputs(
        SENT, with_output({**stream, "text": "\ud800"}, {**shown, "metadata": {"a": "x" * 20_000}})
    )[0]
    assert ours == [{**stream, "text": "?"}, shown], ours
    new_runs()
    folder = prepared()
    line = "y" * 10**6
    result(folder).write_bytes(with_output({**stream, "text": line}, *[shown] * 5000, {**error, "evalue": line}))
    cells = from_dict(json.loads(notebook("a = 1", "assert a == 1")))
    nbgrader_apart.ExecuteElsewhere(config=Config(LimitOutput={"max_lines": 20}))._take(cells, folder)
    kept = cells.cells[0].outputs
    assert len(kept) < 25 and len(json.dumps(kept)) < 10_000, (len(kept), len(json.dumps(kept)))
    assert kept[-1].output_type == "error", "what decides about points is cut off"


def f17_a_result_is_read_through_no_link_and_within_its_bound() -> None:
    new_runs()
    hostile = {
        "true": "is not there",
        "ln -s /etc/passwd out/result.ipynb": "cannot be read",
        "mkfifo out/result.ipynb": "neither a file nor a folder",
        "mkdir out/result.ipynb": "is no file",
        "truncate -s 65M out/result.ipynb": "too large",
        "rmdir out; mkdir elsewhere; echo >elsewhere/result.ipynb; ln -s elsewhere out": "cannot be read",
    }
    for command, why in hostile.items():
        folder = prepared()
        as_anna(f"cd {RUNS / folder}; {command}")
        try:
            said = f"read: {nbgrader_apart.result(folder)[:20]!r}"
        except Ended as ended:
            said = str(ended)
        assert why in said, (command, said)


# --- autograding ---


class Cluster:
    """What the hub does for a server that asks for runs: it starts the programs as in the pod."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        # What is answered first of all, one at a time: status, and what of Retry-After.
        self.first: list[int] = []
        # Of the next runs how they end without being executed, and whether that passes.
        self.fail: list[tuple[str, bool]] = []
        self.found: dict[str, dict[str, Any]] = {}
        self.meddle: Callable[[Pod], object] = lambda _: None
        # How many are executed at once at most, how many were, and whether they go on.
        self.places, self.most = 99, 0
        self.go = threading.Event()
        self.go.set()
        self.lock = threading.Lock()
        self.server = 0

    def answer(self, handler: Any) -> None:
        folder = handler.path.rpartition("/")[2]
        assert handler.headers["Authorization"] == "token token", handler.headers
        self.asked.append(handler.command)
        if handler.command == "DELETE":
            self.found.pop(folder, None)
            return self.say(handler, 204)
        if self.first:
            return self.say(
                handler, self.first.pop(0), {"message": "Four are being executed, and four may be at once."}, 1
            )
        if handler.command == "PUT":
            with self.lock:
                at_once = 1 + len(self.executing())
                if at_once > self.places:
                    return self.say(handler, 429, {"message": f"{self.places} are being executed."}, 1)
                self.most = max(self.most, at_once)
                self.found[folder] = {"state": "waiting", "sentence": "It waits for its machine."}
            threading.Thread(target=self.execute, args=(folder,)).start()
            return self.say(handler, 201, self.found[folder])
        found = self.found.get(folder)
        return self.say(handler, 200 if found else 404, found or {"message": "Nothing executes this run."})

    def executing(self) -> list[str]:
        return [folder for folder, found in list(self.found.items()) if found["state"] == "waiting"]

    def execute(self, folder: str) -> None:
        self.go.wait()
        if folder not in self.found:
            return
        if self.fail:
            sentence, again = self.fail.pop(0)
            self.found[folder] = {"state": "failed", "sentence": sentence, "again": again}
            return
        pod = Pod(folder, {**CLOSED, "COURSEHUB_NBGRADER": json.dumps(SETTINGS)})
        codes = [pod.fetch(), pod.execute()]
        self.meddle(pod)
        codes.append(pod.deliver())
        self.found[folder] = (
            {"state": "done", "sentence": ""}
            if not any(codes)
            else {"state": "failed", "sentence": f"{codes}{pod.said}"}
        )

    @staticmethod
    def say(handler: Any, status: int, said: object = None, after: int | None = None) -> None:
        handler.send_response(status)
        if after is not None:
            handler.send_header("Retry-After", str(after))
        handler.end_headers()
        if said is not None:
            handler.wfile.write(json.dumps(said).encode())


others = test_image.Hub.answer


@contextmanager
def cluster(role: str = "instructor") -> Iterator[Cluster]:
    """A server of that role, and a hub that has runs executed."""
    new_runs()
    ours = Cluster()

    def answer(self: Any) -> None:
        ours.answer(self) if self.path.startswith("/hub/coursehub/executions/") else others(self)

    for verb in ("GET", "PUT", "DELETE"):
        setattr(test_image.Hub, f"do_{verb}", answer)
    new_pod()
    try:
        with server(role, COURSEHUB_NBGRADER=json.dumps(SETTINGS)) as ours.server:
            yield ours
    finally:
        shutil.rmtree(RUNS)


def begun(*command: str, role: str = "instructor") -> subprocess.Popen[str]:
    """A program of a terminal beside the server, in a group of its own and without a token."""
    tokens = ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN")
    own = {k: v for k, v in environment(role, COURSEHUB_NBGRADER=json.dumps(SETTINGS)).items() if k not in tokens}
    out = subprocess.PIPE
    return subprocess.Popen(
        command, env=own, cwd=COURSE, stdout=out, stderr=subprocess.STDOUT, text=True, start_new_session=True, **ANNA
    )


def ended(command: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code, and what it said."""
    said = command.communicate(timeout=170)[0]
    return command.returncode, said


def autograde(*more: str, role: str = "instructor", check: bool = True) -> str:
    """What nbgrader says in a terminal beside the server."""
    code, said = ended(begun(*nbgrader("autograde", "one", *more), role=role))
    assert not (check and code), said
    return said


def handed_in(code: str = "return x ** 2") -> None:
    handed_out()
    solve("clara", code)
    learn("clara", "submit", "one")
    teach("collect", "one")


def f17_an_instructor_autogrades_and_nothing_of_a_submission_runs_beside_them() -> None:
    """By the command, and where one has no home by Formgrader; not a file of the run stays."""
    handed_in("import os; assert not os.path.exists('/course/gradebook.db'); assert os.getuid() == 65533; return x * x")
    for role, begin in (("instructor", autograde), ("grading", clicked)):
        with cluster(role) as asked:
            begin()
            assert asked.asked.count("PUT") == 1 and asked.asked[-1] == "DELETE", asked.asked
            assert not list(RUNS.iterdir())
        assert scores() == {"clara": 2.0}, "in the pod /course is not there"


def clicked() -> None:
    done = json.loads(get("formgrader/api/submission/one/clara/autograde", "POST")[1])
    assert done["success"], done


GRADES = (
    "[[s.student_id, g.name, g.auto_score, g.needs_manual_grade, g.max_score]"
    " for s in b.assignment_submissions('one') for n in s.notebooks for g in n.grades]"
)


def graded() -> list[Any]:
    """Each grade of each student, in the gradebook."""
    return sorted(gradebook(GRADES), key=str)


def cell(name: str, source: str, kind: str = "code", **grader: object) -> dict[str, Any]:
    """A cell of an assignment, with what nbgrader says of it."""
    flags = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3, "grade_id": name}
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"id": name, "cell_type": kind, "source": source, "metadata": {"nbgrader": {**flags, **grader}}, **code}


def collected(
    kernel: Mapping[str, str], answers: Mapping[str, Callable[[list[Any]], None]], *notebooks: Sequence[object]
) -> None:
    """An assignment of notebooks with these cells, which was released, and handed in by who changed the first."""
    course()
    for name, cells in zip("ab", notebooks, strict=False):
        text = json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})
        write = 'mkdir -p source/one && printf %s "$0" >source/one/$1.ipynb'
        run(["sh", "-c", write, text, name], "instructor", cwd=COURSE)
    teach("generate_assignment", "one")
    teach("release_assignment", "one")
    for student, change in answers.items():
        learn(student, "fetch_assignment", "one")
        mine = HOME / student / "python-intro/one/a.ipynb"
        found = json.loads(mine.read_text())
        change(found["cells"])
        mine.write_text(json.dumps(found))
        learn(student, "submit", "one")
    teach("collect", "one")


# nbgrader by itself, with nothing of ours.
OWN = """
import json, os
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

config = Config(json.loads(os.environ["COURSEHUB_NBGRADER"]))
course = CourseDirectory(root="/course", course_id="python-intro", groupshared=True, assignment_id="one", config=config)
Autograde(coursedir=course, config=config).start()
"""


def execution_counts() -> dict[str, list[object]]:
    """What stands in brackets before each cell that was executed."""
    made = {str(path): json.loads(path.read_text()) for path in COURSE.glob("autograded/*/one/*.ipynb")}
    return {path: [cell.get("execution_count") for cell in found["cells"]] for path, found in made.items()}


def graded_alike(timeout: int) -> tuple[list[Any], str]:
    """Each grade, as nbgrader by itself gives it and autograding apart too, and what the latter says."""
    with told(ExecutePreprocessor={"timeout": timeout}):
        run(warmed(["python3", "-c", OWN]), "instructor", COURSEHUB_NBGRADER=json.dumps(SETTINGS))
        right, numbers = graded(), execution_counts()
        with cluster() as asked:
            said = autograde("--force")
            assert asked.asked.count("PUT") == len([*COURSE.glob("submitted/*/one/*.ipynb")]), asked.asked
        assert (graded(), execution_counts()) == (right, numbers), (graded(), right, execution_counts(), numbers)
    return right, said


def grades_are_those_of_nbgraders_own_autograding() -> None:
    """Hidden tests, partial credit, manual cells and tasks, a time-out, an error, and what stderr tells."""
    test: dict[str, object] = {"grade": True, "locked": True}
    solution = "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"
    hidden = "assert square(3) == 9\n### BEGIN HIDDEN TESTS\nassert square(17) == 289\n### END HIDDEN TESTS"
    cells = [
        cell("square", solution, solution=True),
        cell("hidden", hidden, **test, points=2),
        cell("partial", "square(2) / 2", **test, points=5),
        cell("slow", "import time\ntime.sleep(square(0) or 0.01)", **test, points=1),
        cell("warns", "import sys\nif square(1) != 1: print('no', file=sys.stderr)", **test, points=1),
        cell("essay", "Why?", "markdown", grade=True, solution=True, points=4),
        cell("by-hand", "### BEGIN SOLUTION\n1\n### END SOLUTION", grade=True, solution=True, points=3),
        cell("task", "Do it.", "markdown", task=True, locked=True, points=2),
    ]

    def right(cells: list[Any]) -> None:
        cells[0]["source"] = "def square(x):\n    return x * x"
        cells[5]["source"] = "Because."

    def wrong(cells: list[Any]) -> None:
        """A hidden test that fails, a locked cell that was changed, and an error."""
        cells[0]["source"] = "def square(x):\n    return {0: 60, 1: 2, 2: 4, 3: 9}[x]"
        cells[1]["source"] = "assert True"
        cells[5]["source"] = "Because."
        cells[6]["source"] = "import no_such"

    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    collected(kernel, {"clara": right, "david": wrong}, cells, cells[:2])
    grades, said = graded_alike(4)
    assert len({str(each[2:]) for each in grades}) > 6, grades
    assert "a of david: 1 cells ended in ModuleNotFoundError, for 'no_such'" in said, said
    # Of two notebooks the first is executed, and would have no points any more; the second is not.
    work = COURSE / "submitted/clara/one/a.ipynb"
    work.write_text(work.read_text().replace("return x * x", "return 0"))
    with cluster() as asked:
        asked.meddle = lambda _: asked.fail.append(("It took longer than 1800 seconds.", False))
        said = autograde("--force", "--student=clara", check=False)
        assert "left as it was: clara" in said and asked.asked.count("PUT") == 2, (asked.asked, said)
    assert graded() == grades, (graded(), grades)


def f17_a_forged_result_changes_no_grade() -> None:
    """Whatever lies there when the untrusted step has ended."""
    handed_in("return 0")
    with cluster() as asked:
        autograde()

        def pass_all(pod: Pod) -> None:
            path = pod.scratch / "result.ipynb"
            found = json.loads(path.read_text())
            found["cells"][1].update(source="pass", outputs=[])
            path.write_text(json.dumps(found))

        asked.meddle = pass_all
        said = autograde("--force", check=False)
        assert "what came back from its execution is not taken: cell 2 has another source" in said, said
        assert "left as it was: clara" in said and not list(RUNS.iterdir()), said
    assert scores() == {"clara": 0.0}
    assert (COURSE / "autograded/clara/one/a.ipynb").exists()


def a_busy_hub_is_asked_again_and_a_run_is_begun_once_more_where_that_helps() -> None:
    handed_in()
    with cluster() as asked:
        asked.first = [429, 503]
        begin = time.monotonic()
        said = autograde()
        assert "Four are being executed" in said and time.monotonic() - begin >= 2, said
        assert asked.asked[:3] == ["PUT"] * 3, asked.asked
        asked.asked.clear()
        asked.fail = [("The machine that the execution was on ended it.", True)]
        said = autograde("--force")
        assert "(attempt 1): The machine that" in said and asked.asked.count("PUT") == 2, said
        for passes in (False, True):
            asked.asked.clear()
            asked.fail = [("It took longer than 1800 seconds.", passes)] * (1 + passes)
            said = autograde("--force", check=False)
            assert "it was not executed: It took longer than" in said and "left as it was: clara" in said, said
            assert asked.asked.count("PUT") == 1 + passes == asked.asked.count("DELETE"), asked.asked
        asked.asked.clear()
        asked.first = [403]
        said = autograde("--force", check=False)
        assert "it was not executed: Four are" in said and asked.asked == ["PUT", "DELETE"], said
        assert not list(RUNS.iterdir())
    assert scores() == {"clara": 2.0}


def a_run_that_broke_off_is_cleared_after_a_day() -> None:
    new_runs()
    old, new = prepared(), prepared()
    for folder, hours in ((old, 25), (new, 23)):
        os.utime(RUNS / folder, (time.time() - hours * 3600,) * 2)
    outside = Path("/var/tmp/outside")
    outside.mkdir(exist_ok=True)
    (RUNS / "link").symlink_to(outside)
    os.utime(RUNS / "link", (0, 0), follow_symlinks=False)
    nbgrader_apart.clear()
    assert {path.name for path in RUNS.iterdir()} == {new, "link"} and outside.exists()


def a_hub_that_is_away_is_told_as_one_that_may_be_asked_again() -> None:
    new_pod()
    program = (
        "import coursehub_runs as r; r.are_possible = lambda: True; r._load_jupyter_server_extension(None); "
        "print(*r.ask('PUT', 'f' * 32)); r.DOOR = r.DOOR.with_name('nothing'); print(*r.ask('PUT', 'f' * 32))"
    )
    own = environment("instructor", JUPYTERHUB_API_URL="http://127.0.0.1:9/hub/api")
    done = subprocess.run(["python3", "-c", program], env=own, capture_output=True, text=True, check=True, **ANNA)
    hub, door = done.stdout.splitlines()
    assert hub.startswith("503 ") and "The hub does not answer." in hub, done
    assert door.startswith("502 ") and "start it again" in door, done


def f17_the_servers_door_leads_to_runs_alone() -> None:
    """What programs of the person say there: other addresses, other verbs; and who else there is."""
    ask = "import coursehub_runs as r; print(r.ask({!r}, {!r}).status)"
    with cluster() as asked:
        own = environment("instructor")
        for verb, path, right in (
            ("GET", "f" * 32, "404"),
            ("GET", "../../api/users", "400"),
            ("GET", "f" * 32 + "/../../../api/user", "400"),
            ("PUT", "F" * 32, "400"),
            ("POST", "f" * 32, "501"),
        ):
            command = ["python3", "-c", ask.format(verb, path)]
            done = subprocess.run(command, env=own, capture_output=True, text=True, check=True, **ANNA)
            assert done.stdout.strip() == right, (verb, path, done)
        assert asked.asked == ["GET"], asked.asked
        assert Path("/run/coursehub/runs").stat().st_mode & 0o777 == 0o600
        Path("/run/coursehub/runs").chmod(0o666)
        command = ["python3", "-c", ask.format("GET", "f" * 32)]
        done = subprocess.run(command, env=own, capture_output=True, text=True, check=True, **BEN)
        assert done.stdout.strip() == "503" and asked.asked == ["GET"], done


TESTS: tuple[Callable[[], None], ...] = (
    what_is_carried_in_and_out_is_what_was_there,
    f17_other_arguments_are_none,
    f17_nothing_but_plain_files_and_folders_is_fetched,
    f17_a_folder_that_was_swapped_for_a_link_leads_nowhere,
    f17_what_is_delivered_is_one_plain_file_within_its_bound,
    f17_nothing_half_is_left_where_the_result_cannot_be_written,
    f17_code_is_nobodys_and_has_its_scratch_alone,
    f17_no_kernel_starts_while_the_network_is_open,
    of_nbgrader_an_execution_imports_what_executes_alone,
    f17_a_probe_is_closed_only_where_it_was_so_five_times_in_a_row,
    what_is_no_notebook_or_has_no_kernel_is_told_apart,
    f17_an_execution_is_bounded_in_time_and_in_what_it_prints_and_leaves_a_result,
    f17_a_kernel_that_ends_or_goes_on_for_ever_leaves_no_result,
    f17_what_ran_cannot_turn_the_result_elsewhere,
    f17_what_comes_back_is_the_notebook_that_was_sent_or_refused_by_name,
    f17_an_output_is_nbformats_and_within_its_bounds,
    f17_a_result_is_read_through_no_link_and_within_its_bound,
    f17_an_instructor_autogrades_and_nothing_of_a_submission_runs_beside_them,
    grades_are_those_of_nbgraders_own_autograding,
    f17_a_forged_result_changes_no_grade,
    a_busy_hub_is_asked_again_and_a_run_is_begun_once_more_where_that_helps,
    a_run_that_broke_off_is_cleared_after_a_day,
    a_hub_that_is_away_is_told_as_one_that_may_be_asked_again,
    f17_the_servers_door_leads_to_runs_alone,
)

if __name__ == "__main__":
    failed = main(TESTS)
    shutil.rmtree(RUNS, ignore_errors=True)
    sys.exit(failed)
