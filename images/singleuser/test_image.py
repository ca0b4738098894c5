"""Runs inside the image as root, and plays a pod there: any uid, the course's gid, no capabilities, no network."""
# ruff: noqa: S101, S108, BLE001, PT018  (a plain script: no pytest in the image)

import asyncio
import atexit
import base64
import hashlib
import http.client
import http.server
import json
import os
import pty
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from coursehub_activity import Activity
from jupyter_client import BlockingKernelClient
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

ANNA: dict[str, Any] = {
    "user": 51234,
    "group": 70101,
    "extra_groups": [70101, 70102],
}  # an instructor: the course's gid is hers
BEN: dict[str, Any] = {"user": 51235, "group": 51235, "extra_groups": [51235, 70101]}
CLARA: dict[str, Any] = {"user": 51236, "group": 51236, "extra_groups": [51236]}  # students are in no group of a course
DAVID: dict[str, Any] = {"user": 51237, "group": 51237, "extra_groups": [51237]}
PEOPLE = {"anna": ANNA, "ben": BEN, "clara": CLARA, "david": DAVID}
GROUPS = "70101:python-intro,70102:physics-staff"
RUN, HOME, COURSE, EXCHANGE = (Path(p) for p in ("/run/coursehub", "/home", "/course", "/srv/nbgrader/exchange"))
LIST = Path("/srv/coursehub/people/passwd")
PORT = 18888
looked_up: list[bytes] = []
reported: list[str] = []
# What the hub has to tell: of the second a terminal is to print nothing but text, the third is over.
TOLD = [
    {"id": "a", "level": "info", "text": "Coffee is ready.", "links": []},
    {"id": "b", "level": "warning", "text": "Down \x1b[31mon Friday.", "links": [{"label": "x", "url": "https://x/"}]},
    {"id": "c", "level": "error", "text": "Down now.", "links": [], "until": "2026-01-01T00:00:00+00:00"},
]


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of a hub as a server asks for at its start and for a token."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/activity"):
            reported.append(json.loads(body)["last_activity"])
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "5.5.4")
        self.end_headers()
        user = {"kind": "user", "name": "anna", "admin": False, "groups": [], "scopes": ["access:servers!user=anna"]}
        said = {"notes": TOLD} if self.path == "/hub/coursehub/notes" else user
        self.wfile.write(json.dumps(said).encode())

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
# The server that tests share, up to the next new pod.
sharing = ExitStack()
shared: list[str] = []


def environment(role: str, name: str = "anna", home: Path | None = None, **more: str) -> dict[str, str]:
    base = f"http://127.0.0.1:{hub.server_port}/hub/api"
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home or HOME / name),
        "USER": name,
        "LOGNAME": name,
        "SHELL": "/bin/bash",
        "COURSEHUB_ROLE": role,
        "COURSEHUB_COURSE": "" if role == "general" else "python-intro",
        "COURSEHUB_UMASK": "0007" if role in ("instructor", "grading") else "0077",
        "COURSEHUB_GROUPS": GROUPS,
        "JUPYTER_CONFIG_PATH": f"/opt/coursehub/config/{role}",
        "JUPYTER_RUNTIME_DIR": str(RUN / "runtime"),
        "XDG_CACHE_HOME": str(RUN / "cache"),
        "JUPYTERHUB_API_TOKEN": "token",
        "JPY_API_TOKEN": "token",
        "JUPYTERHUB_API_URL": base,
        "JUPYTERHUB_ACTIVITY_URL": f"{base}/users/anna/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_HOST": "",
        "JUPYTERHUB_USER": "anna",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-anna",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!user=anna"]',
        "JUPYTERHUB_OAUTH_SCOPES": '["access:servers!user=anna"]',
        "JUPYTERHUB_SERVICE_PREFIX": "/user/anna/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{PORT}/user/anna/",
        "JUPYTERHUB_DEFAULT_URL": f"/lab/tree/home/{name}",
        "JUPYTERHUB_DISABLE_USER_CONFIG": "1",
        **more,
    }


def new_pod() -> None:
    sharing.close()
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir()
    RUN.chmod(0o777)


def fresh() -> None:
    """A new pod, and empty homes."""
    new_pod()
    for path in HOME.iterdir():
        if path.name != "full":
            shutil.rmtree(path)
    for name, who in PEOPLE.items():
        (HOME / name).mkdir(mode=0o700)
        os.chown(HOME / name, who["user"], who["user"])


import_themselves = ContextVar("import_themselves", default=False)


def as_people_run_it(test: Callable[[], None]) -> Callable[[], None]:
    """Nothing was imported before for what this test runs."""

    @wraps(test)
    def alone() -> None:
        token = import_themselves.set(True)
        try:
            test()
        finally:
            import_themselves.reset(token)

    return alone


@cache
def warm() -> Path:
    """A program that runs others with nbgrader's imports made before; it is up, and ends with this process."""
    program = Path("/media/warm.py")
    serving = subprocess.Popen(["python3", program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(serving.communicate)
    assert serving.stdout and serving.stdout.readline() == b"ready\n"
    return program


def warmed(command: Sequence[str]) -> list[str]:
    """The same, a second sooner: what Python is to run, with imports that were made before."""
    if import_themselves.get():
        return [*command]
    program, *words = command
    return ["python3", f"{warm()}", "ask", *([] if program == "python3" else [str(shutil.which(program))]), *words]


def run(
    command: Sequence[str],
    role: str = "student",
    who: Mapping[str, Any] = ANNA,
    cwd: Path = Path("/"),
    check: bool = True,
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """A command as a pod's first process starts it."""
    new_pod()
    done = subprocess.run(
        ["coursehub-start", *command],
        env=environment(role, **more),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        **who,
    )
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


@contextmanager
def server(role: str, home: Path = HOME / "anna", **more: str) -> Iterator[int]:
    """A server that answers; yields its pid."""
    log = Path("/tmp/server.log")
    with log.open("w") as output:
        process = subprocess.Popen(
            ["coursehub-start", "python3", "-s", "-P", "-m", "jupyterhub.singleuser"],
            env=environment(role, home=home, **more),
            cwd=home,
            stdout=output,
            stderr=output,
            **ANNA,
        )
    try:
        for _ in range(1200):
            assert process.poll() is None, f"the {role}'s server ended:\n{log.read_text()}"
            try:
                assert get("api")[0] == 200
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise AssertionError(f"the {role}'s server does not answer:\n{log.read_text()}")
        yield int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    finally:
        if process.poll() is None:
            stop(process)


def shared_server(role: str) -> None:
    """A server answers: the one of the test before, where that asked for one of the same role."""
    if shared != [role]:
        fresh()
        sharing.enter_context(server(role))
        shared.append(role)
        sharing.callback(shared.clear)


def stop(process: subprocess.Popen[bytes]) -> None:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        for child in (*map(int, children), process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.wait()


def get(path: str, method: str = "GET", body: object = None, **more: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    headers = {"Authorization": "token token", "Content-Type": "application/json", **more}
    connection.request(method, f"/user/anna/{path}", None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    return response.status, response.read().decode()


def put(path: str, content: str) -> tuple[int, str]:
    """Saves a file as JupyterLab does."""
    return get(f"api/contents/{path}", "PUT", {"type": "file", "format": "text", "content": content})


def terminal(role: str, home: Path) -> str:
    """What a new terminal of the running server shows."""
    ours, theirs = pty.openpty()
    own = environment(role, home=home)
    shell = subprocess.Popen(["bash", "-lic", "exit"], env=own, stdin=theirs, stdout=theirs, stderr=theirs, **ANNA)
    os.close(theirs)
    shown = b""
    with suppress(OSError):
        while part := os.read(ours, 4096):
            shown += part
    shell.wait(10)
    os.close(ours)
    return shown.decode()


# --- who one is ---

MODES = {"cache": 700, "data": 700, "extrausers": 755, "runtime": 700}


def a_uid_has_a_name_groups_and_an_umask() -> None:
    shell = 'id -un; id -gn; id -Gn; umask; cd; pwd; stat -c "%a %n" /run/coursehub/*; ls -ld ~ | cut -d" " -f3'
    lines = run(["sh", "-c", shell]).stdout.splitlines()
    modes = [f"{mode} /run/coursehub/{name}" for name, mode in MODES.items()]
    assert lines == ["anna", "python-intro", "python-intro physics-staff", "0077", "/home/anna", *modes, "anna"], lines
    lines = run(["sh", "-c", "id -un; id -gn; umask"], "instructor", BEN, name="ben").stdout.splitlines()
    assert lines == ["ben", "ben", "0007"], lines


def shells_have_the_venv_and_the_umask() -> None:
    for flags in ("-lc", "-ic"):
        lines = run(["bash", flags, "umask; command -v jupyter; command -v python3"], "instructor").stdout.split()
        assert lines == ["0007", "/opt/coursehub/venv/bin/jupyter", "/opt/coursehub/venv/bin/python3"], lines


def a_shell_beside_the_server_has_them_too() -> None:
    """`kubectl exec` starts it from the runtime's umask, without coursehub-start."""
    run(["true"])
    own = environment("instructor")
    command = ["bash", "-ic", "umask; id -un; command -v jupyter"]
    done = subprocess.run(command, env=own, umask=0o022, capture_output=True, text=True, check=True, **ANNA)
    assert done.stdout.split() == ["0007", "anna", "/opt/coursehub/venv/bin/jupyter"], done
    done = subprocess.run(command, env=own, umask=0o027, capture_output=True, text=True, check=True, **ANNA)
    assert done.stdout.split()[0] == "0027", "a shell changes the umask that its user chose"


def instructors_have_a_name_for_everyone_of_their_course() -> None:
    """The list only adds names: lines that are none are passed over, and one's own name stays one's own."""
    LIST.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        "anna:x:99999:1::/home/anna:/bin/sh\nroot2:x:0:0::/root:/bin/sh\nclara:x:51236:51236::/home/clara:/bin/false\n"
    )
    LIST.write_text(lines + "half a line\nbad name:x:51239:1::/h:/bin/sh\n")
    done = run(["sh", "-c", "id -u anna; id -un; id -un 51236; id -un 51239; id -u root2"], "instructor", check=False)
    LIST.unlink()
    assert done.stdout.split() == ["51234", "anna", "clara"], done


def names_are_data() -> None:
    for bad in (
        {"USER": "a:0:0"},
        {"USER": "x\nroot2:x:0:0"},
        {"HOME": "/home/$(id)"},
        {"COURSEHUB_GROUPS": "0x:root"},
        {"COURSEHUB_GROUPS": "70101:$(touch /tmp/evil)"},
        {"COURSEHUB_UMASK": "0077; id"},
        {"COURSEHUB_UMASK": "00777"},
    ):
        done = run(["true"], check=False, **bad)
        assert done.returncode == 64 and "coursehub-start: " in done.stderr, (bad, done)
    assert not Path("/tmp/evil").exists()
    assert run(["true"], check=False).returncode == 0


def the_first_process_takes_signals_and_leaves_no_zombie() -> None:
    assert run(["sh", "-c", "exit 7"], check=False).returncode == 7
    orphan = "(sleep 0.2 &) ; sleep 0.6; ps -o stat= --ppid $PPID"
    assert "Z" not in run(["sh", "-c", orphan]).stdout


def the_editors_and_git_are_there() -> None:
    for program in ("git", "nano", "vi", "less", "bash", "pip"):
        assert shutil.which(program), program


# --- what a role gets ---

PAGES = ("lab", "api/terminals", "assignments?course_id=python-intro", "nbgrader_version?version=0.9.6",
         "assignments/validate", "formgraders", "formgrader", "notebooks/x.ipynb", "lsp/status")  # fmt: skip
ANSWERS = {
    "general": (200, 200, 404, 404, 404, 404, 404, 404, 404),
    "student": (200, 200, 200, 200, 405, 404, 404, 404, 404),
    "instructor": (200, 200, 200, 200, 405, 404, 302, 200, 404),
    "grading": (200, 200, 404, 404, 404, 404, 302, 200, 404),
}
PLUGINS = {"assignment-list", "course-list", "create-assignment", "formgrader", "menu", "validate-assignment"}
TEACHING = ("instructor", "grading")
OFF = {
    "general": PLUGINS,
    "student": {"course-list", "create-assignment", "formgrader"},
    "grading": PLUGINS,
    # An iframe, which JupyterHub forbids: a menu entry opens it in a tab of its own. And one server has one course.
    "instructor": {"course-list", "formgrader"},
}


def each_role_has_its_pages_and_no_other_and_is_told_what_the_hub_tells() -> None:
    for role, answers in ANSWERS.items():
        fresh()
        with server(role):
            found = {page: get(page)[0] for page in PAGES}
            assert found == dict(zip(PAGES, answers, strict=True)), (role, found)
            config = lab_config()
            disabled = set(config["disabledExtensions"])
            assert {name for name in PLUGINS if f"@jupyter/nbgrader:{name}" in disabled} == OFF[role], (role, disabled)
            assert "@jupyterlab/apputils-extension:announcements" in disabled, disabled
            settings = json.loads(get("lab/api/settings/@jupyterlab/mainmenu-extension:plugin")[1])
            assert ("Formgrader" in json.dumps(settings["schema"]["properties"])) == (role in TEACHING), settings
            names = set(json.loads(get("api/kernelspecs")[1])["kernelspecs"])
            assert names == {"python3"}, names
            what_the_hub_tells_is_there(role, config)


def lab_config() -> dict[str, Any]:
    """What JupyterLab's page tells its own scripts."""
    found = re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', get("lab")[1], re.DOTALL)
    assert found, "no configuration in the page"
    return dict(json.loads(found[1]))


def what_the_hub_tells_is_there(role: str, config: Mapping[str, Any]) -> None:
    """For JupyterLab and for terminals."""
    for _ in range(100):
        status, said = get("coursehub/notes")
        assert status == 200, said
        if json.loads(said)["notes"]:
            break
        time.sleep(0.1)
    assert json.loads(said)["notes"] == TOLD[:2], said
    assert get("coursehub/notes/nothing", "POST", {})[0] == 404
    assert config["coursehubNotesSeconds"] == "30.0", config
    (ours,) = [each for each in config["federated_extensions"] if each["name"] == "coursehub-notes"]
    assert get(f"lab/extensions/coursehub-notes/{ours['load']}")[0] == 200, ours
    told = terminal(role, HOME / "anna")
    assert told.count("Down [31mon Friday. (https://x/)") == 1, told
    assert "Coffee" not in told and "now" not in told, told


def an_archived_course_has_no_formgrader_and_says_why() -> None:
    fresh()
    with server("instructor", JUPYTER_CONFIG_PATH="/opt/coursehub/config/archived"):
        found = {page: get(page)[0] for page in PAGES}
        assert found == dict.fromkeys(PAGES, 404) | {"lab": 200, "api/terminals": 200, "formgrader": 403}, found
        for address in ("formgrader", "formgrader/manage_assignments"):
            assert "This course is archived, so Formgrader is off." in get(address)[1]
        config = get("lab")[1]
        assert all(f"@jupyter/nbgrader:{name}" in config for name in PLUGINS)
        assert "Formgrader" not in get("lab/api/settings/@jupyterlab/mainmenu-extension:plugin")[1]


def where_nbgraders_settings_cannot_be_read_nothing_is_done_and_a_sentence_says_so() -> None:
    """Its defaults have other folders, and execute what was handed in as whoever asks."""
    course()
    why = "nbgrader's settings cannot be read (nbgrader_config: JSONDecodeError: "
    for command in ("nbgrader list", "nbgrader autograde one"):
        done = run(command.split(), "instructor", check=False, cwd=COURSE, COURSEHUB_NBGRADER="{")
        said = done.stdout + done.stderr
        assert done.returncode == 1 and why in said and "Traceback" not in said, (command, said)
    fresh()
    with server("instructor", COURSEHUB_NBGRADER="{"):
        for page in ("formgrader", "formgrader/api/status", "assignments?course_id=x", "assignments/validate"):
            status, said = get(page, "POST" if page.endswith("validate") else "GET")
            assert status == 500 and "settings cannot be read" in said and "tell your admins" in said, (page, said)


def without_a_role_nothing_is_on() -> None:
    fresh()
    with server("general", JUPYTER_CONFIG_PATH="/nowhere"):
        found = {page: get(page)[0] for page in PAGES}
        assert set(found.values()) == {404}, found


def what_lies_in_a_home_changes_no_server() -> None:
    fresh()
    home = HOME / "anna"
    files = {
        ".jupyter/jupyter_server_config.py": "raise SystemExit('read from the home')",
        ".jupyter/jupyter_server_config.d/more.json": json.dumps(
            {"ServerApp": {"jpserver_extensions": {"nbgrader.server_extensions.formgrader": True, "notebook": True}}}
        ),
        ".jupyter/jupyter_server_config.json": json.dumps({"NbgraderOnDemand": {"extensions": list(PLUGINS)}}),
        **dict.fromkeys((".profile", ".bash_profile", ".bashrc"), "exit 7\n"),
        "random.py": "raise SystemExit('imported from the working directory')",
        ".local/lib/python3.13/site-packages/tornado/__init__.py": "raise SystemExit('imported from the home')",
        ".local/lib/python3.13/site-packages/nbgrader_on_demand.py": "raise SystemExit('imported from the home')",
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    subprocess.run(["chown", "-R", "51234:51234", home], check=True)
    with server("student"):
        found = {page: get(page)[0] for page in PAGES}
        assert found == dict(zip(PAGES, ANSWERS["student"], strict=True)), found


def a_server_and_a_kernel_start_in_a_full_home() -> None:
    fresh()
    full = HOME / "full"
    os.chown(full, 51234, 51234)
    filler = full / "filler"
    (full / "folder").mkdir()
    (full / "folder/x").touch()
    (full / "old.txt").write_text("as it was")
    subprocess.run(["chown", "-R", "51234:51234", full], check=True)
    try:
        with filler.open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
    except OSError:
        pass
    with server("student", home=full):
        assert get("lab")[0] == 200
        kernel = json.loads(get("api/kernels", "POST", {"name": "python3"})[1])
        assert kernel["id"], kernel
        time.sleep(3)
        assert get(f"api/kernels/{kernel['id']}")[0] == 200
        log = Path("/tmp/server.log").read_text()
        assert "restarting kernel" not in log.lower(), log
        assert "coursehub-start: the home /home/full is full" in log, log
        told = terminal("student", full)
        assert "your home was full" in told, told
        # Saving says why and loses nothing; deleting in JupyterLab makes room, folders with all that is in them too.
        status, answer = put("home/full/old.txt", "x" * 9000)
        assert status == 500 and "No space left" in answer, (status, answer)
        assert (full / "old.txt").read_text() == "as it was"
        assert put("home/full/other.txt", "x" * 9000)[0] == 500
        assert not (full / "other.txt").exists(), "half a new file stays"
        assert get("api/contents/home/full/filler", "DELETE")[0] == 204
        assert put("home/full/new.txt", "x" * 9000)[0] == 201
        assert get("api/contents/home/full/folder", "DELETE")[0] == 204
        assert not filler.exists() and not (full / "folder").exists(), list(full.iterdir())
    code = "print(6 * 7, get_ipython().history_manager.hist_file)"
    program = (
        "from jupyter_client.manager import start_new_kernel; m, c = start_new_kernel(); "
        f"r = c.execute_interactive({code!r}, timeout=60); m.shutdown_kernel(now=True)"
    )
    done = run(["python3", "-c", program], home=full)
    assert done.stdout.strip() == "42 /run/coursehub/data/history.sqlite", done


def one_server_of_a_home_runs_at_a_time() -> None:
    second = ["python3", "-c", "from pathlib import Path; from coursehub_home import take; take(Path.home(), 0.1)"]
    with server("student"):
        assert json.loads(get("api/kernels", "POST", {"name": "python3"})[1])["id"]
        done = run(second, check=False)
        waits, taken = done.stderr.splitlines()
        assert waits.startswith("The home /home/anna is in use by another server; this one waits up to "), done
        assert done.returncode == 1 and taken.startswith("Another server of yours has your home in use"), done
        assert run(second, who=BEN, home=HOME / "ben", check=False).returncode == 0, "another's home is in use"
    assert run(second, check=False).returncode == 0, "the home stays in use"


# --- what counts as use ---


def last_activity() -> float:
    """When the server thinks it was last used, in seconds since 1970."""
    return datetime.fromisoformat(json.loads(get("api/status")[1])["last_activity"]).timestamp()


def until(look: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits for what comes soon."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def at_rest() -> bool:
    """Whether the server takes itself for unused for more than two seconds."""
    return time.time() - last_activity() > 2


@contextmanager
def typing(name: str) -> Iterator[Callable[[str], None]]:
    """Types into a terminal of the running server, through its websocket."""
    loop = asyncio.new_event_loop()
    request = HTTPRequest(
        f"ws://127.0.0.1:{PORT}/user/anna/terminals/websocket/{name}", headers={"Authorization": "token token"}
    )

    async def connect() -> Any:
        return await websocket_connect(request)

    socket = loop.run_until_complete(connect())

    async def send(text: str) -> None:
        await socket.write_message(json.dumps(["stdin", text]))

    yield lambda text: loop.run_until_complete(send(text))
    socket.close()
    loop.close()


@contextmanager
def connected(kernel: str) -> Iterator[BlockingKernelClient]:
    """A client of the kernel, which is ready; no browser is there."""
    file = RUN / f"runtime/kernel-{kernel}.json"
    heart = ("127.0.0.1", json.loads(file.read_text())["hb_port"])
    # The client takes a kernel whose heart does not beat within a second for dead.
    until(lambda: socket.socket().connect_ex(heart) == 0, "the kernel begins")
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()


def execute(kernel: str, code: str) -> None:
    """Has the kernel begin with `code`; nobody waits for it."""
    with connected(kernel) as client:
        client.execute(code)
        until(lambda: json.loads(get(f"api/kernels/{kernel}")[1])["execution_state"] == "busy", "the kernel at work")


def a_forgotten_tab_is_no_use_of_a_server() -> None:
    """What JupyterLab 4 asks for in a tab that nobody looks at."""
    shared_server("student")
    kernel = json.loads(get("api/kernels", "POST", {"name": "python3"})[1])["id"]
    with connected(kernel):
        pass
    until(at_rest, "nothing happens any more")
    before = last_activity()
    for path in ("kernels", "sessions", "terminals", "kernelspecs", "me", "contents/home/anna?content=1&hash=0"):
        assert get(f"api/{path}")[0] == 200, path
    assert get("lab/api/settings")[0] == 200
    layout = {"data": {}, "metadata": {"id": "default"}}
    assert get("lab/api/workspaces/default", "PUT", layout)[0] == 204
    assert get("api/contents/home/anna/none.txt?type=file&content=1")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.request("PUT", "/user/anna/api/contents/home/anna/x.txt", "{}", {"Sec-Fetch-Mode": "navigate"})
    assert connection.getresponse().status == 403, "who has not logged in"
    assert last_activity() == before


def what_somebody_does_is_use() -> None:
    deeds: dict[str, Callable[[], tuple[int, str]]] = {
        "saving": lambda: put("home/anna/x.txt", "x"),
        "opening a file": lambda: get("api/contents/home/anna/x.txt?type=file&content=1"),
        "opening a page": lambda: get("lab", **{"Sec-Fetch-Mode": "navigate"}),
        "starting a kernel": lambda: get("api/kernels", "POST", {"name": "python3"}),
        "deleting": lambda: get("api/contents/home/anna/x.txt", "DELETE"),
    }
    shared_server("student")
    for name, deed in deeds.items():
        time.sleep(0.1)
        before = time.time()
        assert deed()[0] < 300, name
        assert last_activity() >= before, name


def work_is_use_with_nobody_there() -> None:
    """A kernel that sleeps without a word, and a terminal in which something runs, both until they are told to end."""
    shared_server("student")
    enough = Path("/tmp/enough")
    kernel = json.loads(get("api/kernels", "POST", {"name": "python3"})[1])["id"]
    execute(kernel, f"import os, time\nwhile not os.path.exists('{enough}'): time.sleep(0.1)")
    for _ in range(4):
        now = time.time()
        assert last_activity() >= now, "a kernel sleeps"
        time.sleep(1)
    enough.touch()
    until(at_rest, "the kernel sleeps no more")
    enough.unlink()
    ended = last_activity()
    terminal = json.loads(get("api/terminals", "POST")[1])["name"]
    with typing(terminal) as type_in:
        time.sleep(2)
        type_in(f"sh -c 'until test -e {enough}; do sleep 0.1; done'\r")
        time.sleep(1)
    for _ in range(3):
        now = time.time()
        assert last_activity() >= now, "something runs in a terminal"
        time.sleep(1)
    enough.touch()
    until(at_rest, "nothing runs in the terminal")
    enough.unlink()
    assert last_activity() > ended


def the_hub_hears_of_use_and_of_nothing_else() -> None:
    fresh()
    reported.clear()
    with server("student", JUPYTERHUB_ACTIVITY_INTERVAL="1"):
        time.sleep(2)
        for _ in range(3):
            get("api/contents/home/anna?content=1")
            time.sleep(1)
        assert len(reported) > 1 and len(set(reported[1:])) == 1, reported
        before = time.time()
        put("home/anna/x.txt", "x")
        until(lambda: datetime.fromisoformat(reported[-1]).timestamp() >= before, "the hub hears of it", 30)


def the_end_is_announced_and_i_am_still_here_puts_it_off() -> None:
    now = datetime.now(UTC)
    told: list[str] = []

    async def notify() -> None:
        told.append("hub")

    hub = SimpleNamespace(notify_activity=notify, _last_activity_sent=None, hub_activity_interval=300)
    kernels = SimpleNamespace(last_kernel_activity=now - timedelta(days=9), list_kernel_ids=list)

    def server(idle: float, age: float, limits: tuple[int | None, int | None]) -> Activity:
        """Which began `age` ago and was last used `idle` ago, in minutes."""
        settings = {
            "started": now - timedelta(minutes=age),
            "kernel_manager": kernels,
            "last_activity_times": {"mine": now - timedelta(minutes=idle)},
        }
        app = SimpleNamespace(
            web_app=SimpleNamespace(settings=settings),
            extension_manager=SimpleNamespace(extension_apps={"jupyterhub": {Hashable(hub)}}),
        )
        return Activity(app, *limits)

    def notes(idle: float, age: float, *limits: int | None) -> list[str]:
        found = asyncio.run(server(idle, age, limits).notes())
        assert all(note["level"] == "warning" and note["id"] for note in found)
        assert ["action" in note for note in found] == ["Nothing happens" in note["text"] for note in found]
        return [note["text"].split(", at ")[0] for note in found]

    hour, day = 3600, 86400
    idle, age = "Nothing happens here any more, so this server ends", "This server ends"
    assert notes(49, 300, hour, day) == []
    assert notes(50.5, 300, hour, day) == [f"{idle} in about 10 minutes"]
    assert notes(59.5, 300, hour, day) == [f"{idle} in about 1 minute"]
    assert notes(2.5, 300, 240, None) == [], "not before the last quarter of a short time"
    assert notes(3.5, 300, 240, None) == [f"{idle} in about 1 minute"]
    assert notes(0, 1379, hour, day) == []
    assert notes(0, 1381, hour, day) == [f"{age} in about 59 minutes"]
    assert notes(55, 1400, hour, day) == [f"{age} in about 40 minutes", f"{idle} in about 5 minutes"]
    assert notes(9999, 99999, None, None) == []

    still = server(55, 300, (hour, None))
    (note,) = asyncio.run(still.notes())
    assert note["action"] == {"label": "I'm still here"}
    asyncio.run(still.act(note["id"]))
    assert told == ["hub"], "the hub would stop the server before its next report"
    assert asyncio.run(still.notes()) == []
    old = server(0, 1400, (hour, day))
    (note,) = asyncio.run(old.notes())
    asyncio.run(old.act(note["id"]))
    assert len(asyncio.run(old.notes())) == 1, "nobody gets older by staying"

    async def look(known: float) -> list[str]:
        told.clear()
        hub._last_activity_sent = now - timedelta(seconds=known)
        with suppress(TimeoutError):
            await asyncio.wait_for(server(0, 300, (hour, day)).follow(), 0.2)
        return told

    assert asyncio.run(look(300)) == [], "the hub hears regularly"
    assert asyncio.run(look(400)) == ["hub"], "the hub believes that nobody is there"


class Hashable:
    """JupyterHub's extension, in a set."""

    def __init__(self, other: SimpleNamespace) -> None:
        self.__dict__ = other.__dict__


# --- what people are told ---


def a_tab_that_asks_for_notes_keeps_no_server_in_use() -> None:
    shared_server("student")
    before = json.loads(get("api/status")[1])["last_activity"]
    time.sleep(1)
    assert get("coursehub/notes")[0] == 200
    assert json.loads(get("api/status")[1])["last_activity"] == before


def nobody_else_reads_the_notes() -> None:
    shared_server("student")
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.request("GET", "/user/anna/coursehub/notes")
    assert connection.getresponse().status in (302, 403)


def nothing_is_looked_up() -> None:
    fresh()
    looked_up.clear()
    with server("instructor"):
        for page in ("lab", "lab/api/extensions", "lab/api/news", "lab/api/update", "api/contents/home/anna"):
            get(page)
        time.sleep(1)
    assert not looked_up, looked_up
    # That server never answers, so nobody waits for it.
    once = {"RES_OPTIONS": "timeout:1 attempts:1"}
    run(["python3", "-c", "import socket; socket.getaddrinfo('example.org', 443)"], check=False, **once)
    assert looked_up, "the test's own name server is not asked, so this test shows nothing"


# --- nbgrader ---


def course() -> None:
    """The course's folders as the provisioner makes them, and its list of people."""
    fresh()
    slug = EXCHANGE / "python-intro"
    for folder, mode in ((COURSE, 0o2770), (slug, 0o2775)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        os.chown(folder, 0, 70101)
        folder.chmod(mode)
    for name, mode in (("outbound", 0o2775), ("inbound", 0o3773), ("feedback", 0o2771)):
        (slug / name).mkdir()
        os.chown(slug / name, 0, 70101)
        (slug / name).chmod(mode)
    (COURSE / "gradebook.db").touch()  # SQLite would let the group only read
    os.chown(COURSE / "gradebook.db", 0, 70101)
    (COURSE / "gradebook.db").chmod(0o660)
    LIST.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}:x:{who['user']}:{who['user']}::/home/{name}:/bin/false\n" for name, who in PEOPLE.items()]
    LIST.write_text("".join(lines))


# Y20: what the course file says of nbgrader arrives word for word, and nothing evaluates it.
STUB = "# $(touch /tmp/y20) `touch /tmp/y20` 'x' \"y\" {z} \\ $HOME\nraise NotImplementedError()"
SETTINGS: dict[str, Mapping[str, Any]] = {
    "ClearSolutions": {"code_stub": {"python": STUB}},
    "ExecutePreprocessor": {"timeout": 77},
}


@contextmanager
def told(**sections: Mapping[str, Any]) -> Iterator[None]:
    """What the course file says of nbgrader, beside the rest."""
    before = dict(SETTINGS)
    SETTINGS.update(sections)
    try:
        yield
    finally:
        SETTINGS.clear()
        SETTINGS.update(before)


# What a program can know of its process, but for what differs each time.
STATE = """
import ctypes, gc, json, os, resource, signal, site, sys, threading, __main__
names = ("Uid", "Gid", "Groups", "Umask", "Threads", "NoNewPrivs", "Seccomp", "SigBlk", "SigIgn", "SigCgt")
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
limits = [resource.getrlimit(number) for number in range(16)]
print(json.dumps([
    {name: value for name, value in status.items() if name in names or name.startswith("Cap")}, limits,
    dict(os.environ), os.getcwd(), os.getgroups(), os.getresuid(), os.getresgid(), os.getpriority(0, 0),
    os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid(), ctypes.CDLL(None).prctl(3), os.listdir("/proc/self/fd"),
    sys.path, sys.argv[1:], sys.flags, sys.executable, sys.prefix, sys.stdout.encoding, sys.stdout.line_buffering,
    site.USER_BASE, site.USER_SITE, site.ENABLE_USER_SITE, __main__.__name__, __name__, gc.isenabled(),
    sorted(name for name in sys.modules if name.startswith(("coursehub_", "nbgrader_"))),
]))
print("said", file=sys.stderr)
sys.exit(len(sys.argv))
"""


def what_has_its_imports_already_is_otherwise_as_any_process() -> None:
    """Else the tests that use it would show what holds for nobody."""
    program = Path("/tmp/state.py")
    program.write_text(STATE)
    packages = HOME / f"anna/.local/lib/python3.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    (packages / "own.pth").write_text("/tmp")
    for role, who, name in (("instructor", {**ANNA, "group": 70101}, "anna"), ("student", CLARA, "clara")):
        for asked in ([str(program), "x", "y z"], ["-c", STATE, "x"]):
            command = ["python3", *asked]
            both = [run(x, role, who, cwd=HOME / name, name=name, check=False) for x in (command, warmed(command))]
            states = [json.loads(each.stdout) for each in both]
            assert states[0][-1] == [], states[0]
            assert states[0] == states[1], [pair for pair in zip(*states, strict=True) if pair[0] != pair[1]]
            assert both[0].returncode == both[1].returncode == len(asked) - ("-c" in asked), both
            assert both[0].stderr == both[1].stderr == "said\n", both
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert run(warmed(["python3", "-c", killed]), check=False).returncode != 0


def nbgrader(*command: str) -> list[str]:
    """nbgrader's command, as most tests run it."""
    return warmed(["nbgrader", *command])


def teach(*command: str, role: str = "instructor", name: str = "anna", check: bool = True) -> str:
    """What nbgrader says to an instructor; a grader's home is empty each time."""
    home = HOME / name
    if role == "grading":
        home = Path("/tmp/scratch")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(mode=0o777)
        home.chmod(0o777)
    who = {**PEOPLE[name], "group": 70101}
    settings = json.dumps(SETTINGS)
    asked = nbgrader(*command)
    done = run(asked, role, who, cwd=COURSE, check=check, name=name, home=home, COURSEHUB_NBGRADER=settings)
    return done.stdout + done.stderr


def size(folder: Path) -> int:
    """The bytes that the folder takes on its disk."""
    return int(subprocess.check_output(["du", "-s", "--block-size=1", str(folder)], text=True).split()[0])


def learn(name: str, *command: str, check: bool = True) -> str:
    """What nbgrader says to a student."""
    done = run(nbgrader(*command), "student", PEOPLE[name], cwd=HOME / name, name=name, check=check)
    return done.stdout + done.stderr


def assignment(name: str = "one", code: str = "assert square(3) == 9") -> None:
    """Anna makes and releases an assignment of one task, with hidden tests."""

    def cell(kind: str, source: str, **grader: object) -> dict[str, object]:
        flags = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
        cell = {"id": kind, "cell_type": "code", "source": source, "outputs": [], "execution_count": None}
        return {**cell, "metadata": {"nbgrader": {**flags, "grade_id": kind, **grader}}}

    hidden = "    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"
    solution = cell("square", f"def square(x):\n{hidden}", solution=True)
    tests = f"{code}\n### BEGIN HIDDEN TESTS\nassert square(17) == 289\n### END HIDDEN TESTS"
    points = cell("test-square", tests, grade=True, locked=True, points=2)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    text = json.dumps({"cells": [solution, points], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
    script = 'mkdir -p "source/$1" && printf %s "$0" >"source/$1/a.ipynb"'
    run(["sh", "-c", script, text, name], "instructor", cwd=COURSE)
    teach("generate_assignment", name)
    teach("release_assignment", name)


def solve(student: str, code: str = "return x ** 2") -> None:
    """The student has written `code` into the assignment, but not submitted it."""
    mine = HOME / student / "python-intro/one/a.ipynb"
    found = json.loads(mine.read_text())
    found["cells"][0]["source"] = f"def square(x):\n    {code}"
    mine.write_text(json.dumps(found))


def made_once(make: Callable[..., None]) -> Callable[..., None]:
    """What `make` leaves of the course, the exchange and the homes: made once, and for each test as it was then."""
    places = (COURSE, EXCHANGE, LIST, *(HOME / name for name in PEOPLE))

    def give(*words: str) -> None:
        # Of all test files, which run one after the other in one container.
        kept = Path("/var/tmp/made", Path(make.__code__.co_filename).stem, "-".join((make.__name__, *words)))
        if kept.exists():
            fresh()
            for number, place in enumerate(places):
                if place.is_dir():
                    shutil.rmtree(place)
                subprocess.run(["cp", "-a", kept / str(number), place], check=True)
            return
        make(*words)
        new_pod()
        making = kept.with_suffix(".making")
        making.mkdir(parents=True)
        for number, place in enumerate(places):
            subprocess.run(["cp", "-a", place, making / str(number)], check=True)
        making.rename(kept)

    return give


@made_once
def handed_out() -> None:
    """The course with Anna's assignment, which Clara and David have fetched."""
    course()
    assignment()
    for student in ("clara", "david"):
        learn(student, "fetch_assignment", "one")


def gradebook(question: str) -> Any:
    """What an expression of the gradebook `b` gives."""
    program = "import json, nbgrader.api as n; b = n.Gradebook('sqlite:////course/gradebook.db'); "
    return json.loads(run(warmed(["python3", "-c", f"{program}print(json.dumps({question}))"]), "instructor").stdout)


def scores() -> dict[str, float]:
    """The score of each student in the gradebook."""
    return dict(gradebook("{s.student_id: s.score for s in b.assignment_submissions('one')}"))


@as_people_run_it
def an_assignment_goes_round() -> None:
    handed_out()
    assert "one" in learn("clara", "list")
    content = (HOME / "clara/python-intro/one/a.ipynb").read_text()
    assert "x * x" not in content, "the solution reached the student"
    assert "289" not in content and "HIDDEN" not in content, "F10: the hidden tests reached the student"
    source = "".join(json.loads(content)["cells"][0]["source"])
    assert source.splitlines()[1:] == [f"    {line}" for line in STUB.splitlines()], source
    assert not Path("/tmp/y20").exists()
    solve("clara")
    learn("clara", "submit", "one")
    # Who collects and grades owns none of the first instructor's files.
    teach("collect", "one", name="ben")
    teach("autograde", "one", role="grading", name="ben")
    assert scores() == {"clara": 2.0}
    # nbgrader#1712: an instructor who writes into what was submitted, does not keep its feedback from its student.
    edited = COURSE / "submitted/clara/one/a.ipynb"
    edited.write_text(edited.read_text().replace("x ** 2", "x ** 2  # well done"))
    teach("autograde", "one", "--force", role="grading")
    teach("generate_feedback", "one", name="ben")
    teach("release_feedback", "one", name="ben")
    learn("clara", "fetch_feedback", "one")
    (page,) = (HOME / "clara/python-intro/one/feedback").rglob("a.html")
    assert "well done" in page.read_text()
    for path in COURSE.rglob("*"):  # F9; nbgrader adds bits for others, which /course's own mode keeps out
        state = path.stat()
        wanted = 0o2770 if path.is_dir() else 0o660
        assert state.st_gid == 70101, f"{path} has group {state.st_gid}"
        assert state.st_mode & wanted == wanted, (
            f"{path} has mode {state.st_mode & 0o7777:o}, other instructors need {wanted:o}"
        )
    assert stat.S_IMODE(COURSE.stat().st_mode) == 0o2770
    logs = {path.name: path.stat().st_uid for path in COURSE.glob(".nbgrader-*.log")}
    assert logs == {".nbgrader-anna.log": 51234, ".nbgrader-ben.log": 51235}, logs


def f5_what_is_handed_in_is_closed_to_others_who_know_its_name() -> None:
    handed_out()
    solve("clara")
    learn("clara", "submit", "one")
    (made,) = (EXCHANGE / "python-intro/inbound").iterdir()
    inside = ('ls "$D"', 'cat "$D/a.ipynb"', 'rm "$D/a.ipynb"', 'touch "$D/new"', 'chmod 777 "$D"')
    for script in (*inside, 'mv "$D" "$D-mine"', 'rmdir "$D"'):
        done = run(["sh", "-c", script], "student", DAVID, name="david", check=False, D=str(made))
        assert done.returncode != 0 and "ermi" in done.stderr, (script, done)


def f6_collect_refuses_another_name_and_an_unknown_owner_and_takes_the_honest() -> None:
    handed_out()
    for student in ("clara", "david"):
        solve(student)
    learn("clara", "submit", "one")
    # Newer than Clara's own, so that it would be taken in its place.
    solve("david", "return 0")
    learn("david", "submit", "one", "--student=clara")
    said = teach("collect", "one", "--update")
    assert "it says that it is clara's, but it belongs to david" in said, said
    assert "x ** 2" in (COURSE / "submitted/clara/one/a.ipynb").read_text(), (
        "the forged one came in the honest one's place"
    )
    assert not (COURSE / "submitted/david").exists()
    # Somebody without a home: nobody says who that is.
    LIST.write_text("".join(line for line in LIST.read_text().splitlines(True) if not line.startswith("david:")))
    learn("david", "submit", "one")
    said = teach("collect", "one", "--update", "--ExchangeCollect.check_owner=False")
    assert "its owner, uid 51237, is not known" in said, said
    assert sorted(path.name for path in (COURSE / "submitted").iterdir()) == ["clara"]
    teach("autograde", "one", role="grading")
    assert scores() == {"clara": 2.0}


def f7_collect_refuses_what_is_no_plain_file_or_too_much_and_takes_the_rest() -> None:
    handed_out()
    inbound = EXCHANGE / "python-intro/inbound"
    now = "2036-10-01 12:00:00.000000 UTC"
    made = 'umask 022; mkdir "$D"; printf %0128d 0 >"$D/submission_secret.txt"; '
    bad = {
        "is a link": 'ln -s /dev/zero "$D/a.ipynb"',
        "'b' in it is a link": 'ln -s /course/gradebook.db "$D/b"',
        "'sub' in it is a link": 'ln -s /course "$D/sub"',
        "is neither a file nor a folder": 'mkfifo "$D/a.ipynb"',
        "it holds more than": 'cd "$D"; seq 3000 | xargs touch',
        "it is larger than": 'truncate -s 8T "$D/a.ipynb"',
        "deep": 'cd "$D"; for i in $(seq 30); do mkdir d; cd d; done',
        "its submission_secret.txt": 'rm "$D/submission_secret.txt"',
        "has control characters": 'cd "$D"; touch "$(printf \'a\\033[2J\')"',
        "cannot be read": 'mkdir "$D/x"; chmod 0 "$D/x"',
        "timestamp.txt is a folder": 'mkdir "$D/timestamp.txt"',
    }
    solve("clara")
    learn("clara", "submit", "one")
    (honest,) = inbound.iterdir()
    # Who hands in what is bad has handed in what is honest before.
    students = {f"student{number}": 52000 + number for number in range(len(bad))}
    for name, uid in students.items():
        (HOME / name).mkdir(mode=0o700)
        subprocess.run(["cp", "-a", honest, inbound / honest.name.replace("clara", name)], check=True)
        subprocess.run(["chown", "-R", str(uid), HOME / name, inbound / honest.name.replace("clara", name)], check=True)
    with LIST.open("a") as people:
        people.writelines(f"{name}:x:{uid}:{uid}::/home/{name}:/bin/false\n" for name, uid in students.items())
    teach("collect", "one")
    taken = (COURSE / "submitted/clara/one/a.ipynb").read_text()
    used = size(COURSE)
    for (name, uid), script in zip(students.items(), bad.values(), strict=True):
        who = {"user": uid, "group": uid, "extra_groups": [uid]}
        folder = str(inbound / f"{name}+one+{now}+x")
        run(["sh", "-ec", made + script], "student", who, name=name, cwd=HOME / name, D=folder)
    # Names that nbgrader's own stops at, or that lead out of the folder.
    for odd in ("david+one", "david+one+yesterday+x", "..+one+" + now + "+x", "david+one+2026-99-99 12:00:00 UTC+x"):
        run(["mkdir", str(inbound / odd)], "student", DAVID, name="david", cwd=HOME / "david")
    run(
        ["ln", "-s", "/course", str(inbound / f"david+one+{now}+y")], "student", DAVID, name="david", cwd=HOME / "david"
    )
    solve("clara", "return x*x")
    learn("clara", "submit", "one")
    begin = time.monotonic()
    said = teach("collect", "one", "--update")
    assert time.monotonic() - begin < 60, "collecting has no bound in time"
    for name, reason in zip(students, bad, strict=True):
        line = f"Refused the submission '{name}+one+{now}+x': "
        assert any(line in each and reason in each for each in said.splitlines()), (reason, said)
        folders = COURSE / "submitted" / name
        assert (folders / "one/a.ipynb").read_text() == taken, "what was there before is gone"
        assert [path.name for path in folders.iterdir()] == ["one"], "something half was left"
    assert "Collected submission: clara one" in said and "Traceback" not in said, said
    assert "x*x" in (COURSE / "submitted/clara/one/a.ipynb").read_text()
    assert not (COURSE / "one").exists()
    assert size(COURSE) - used < 50 * 2**20, "collecting has no bound in space"


def f12_a_submit_from_a_full_home_leaves_nothing_half() -> None:
    handed_out()
    full = HOME / "full"
    for path in full.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    inbound = EXCHANGE / "python-intro/inbound"
    run(nbgrader("fetch_assignment", "one"), cwd=full, home=full)
    filler = full / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    done = run(nbgrader("submit", "one"), cwd=full, home=full, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Nothing was submitted" in said and "delete what you do not need" in said, said
    assert "Traceback" not in said, said
    assert list(inbound.iterdir()) == [], "something half is in inbound"
    filler.unlink()
    run(nbgrader("submit", "one"), cwd=full, home=full)
    (there,) = inbound.iterdir()
    assert sorted(path.name for path in there.iterdir()) == [
        "a.ipynb",
        "submission_receipt.json",
        "submission_secret.txt",
        "timestamp.txt",
    ]


@as_people_run_it
def f11_i9_graded_code_finds_no_home_of_its_grader_and_nothing_left_in_one_runs() -> None:
    handed_out()
    startup = HOME / "anna/.ipython/profile_default/startup"
    run(["sh", "-ec", 'mkdir -p "$D"; echo "open(\'/tmp/i9\', \'w\')" >"$D/left.py"'], "instructor", D=str(startup))
    (HOME / "anna/private.txt").write_text("secret")
    os.chown(HOME / "anna/private.txt", 51234, 51234)
    solve(
        "clara",
        "import os, pathlib; open('/tmp/f11', 'w').write(str(list(pathlib.Path.home().rglob('*.txt')))); return x * x",
    )
    learn("clara", "submit", "one")
    teach("collect", "one")
    teach("autograde", "one", role="grading")
    assert Path("/tmp/f11").read_text() == "[]"
    assert Path("/tmp/f11").stat().st_uid == 51234, "autograding runs as its grader, and nothing else keeps it apart"
    assert scores() == {"clara": 2.0}
    assert not Path("/tmp/i9").exists(), "what an earlier course left in the home ran while grading"
    shutil.rmtree(HOME / "anna/.ipython")


NOT_HERE = "Nothing was autograded"


def f14_students_code_is_graded_in_grading_and_in_no_other_role() -> None:
    handed_out()
    solve("clara", "open('/tmp/f14', 'w'); return x * x")
    learn("clara", "submit", "one")
    teach("collect", "one")
    teach("autograde", "one", role="grading")
    ran = Path("/tmp/f14")
    ran.unlink()
    assert NOT_HERE in teach("autograde", "one", "--force", check=False)
    new_pod()
    with server("instructor"):
        done = json.loads(get("formgrader/api/submission/one/clara/autograde", "POST")[1])
        assert not done["success"] and NOT_HERE in done["log"], done
    assert not ran.exists(), "a submission ran where its instructor's home is"
    assert scores() == {"clara": 2.0}


# What a submission's own module does when its notebook is graded: it leaves files that look like a teacher's.
PLANT = """
import json, os, pathlib
json.dump(dict(os.environ), open("/tmp/environment", "w"))
run = "import pathlib; pathlib.Path('/tmp/planted', NAME).touch()"
course = pathlib.Path("/course")
modules = ["alembic", "bleach", "conftest", "debugpy", "ipykernel_launcher", "jinja2", "nbconvert", "nbgrader_collect",
           "nbgrader_execute", "nbgrader_trusted", "psutil", "rapidfuzz", "requests", "sitecustomize", "sqlalchemy",
           "tornado", "traitlets", "usercustomize", "yaml", "zipfile", "zmq"]
names = ["ipython", "ipython_kernel", "jupyter", "jupyter_nbconvert", "jupyter_server", "nbgrader"]
for folder in (course, course / "source/one"):
    for name in (*modules, *(name + "_config" for name in names)):
        (folder / f"{name}.py").write_text(run.replace("NAME", repr(name)))
    for name in names:
        effect = {"NbGrader": {"logfile": f"/tmp/planted/{name}.json"}}
        (folder / f"{name}_config.json").write_text(json.dumps(effect))
    for name in ("base", "classic", "feedback", "formgrade", "lab"):
        (folder / name).mkdir(exist_ok=True)
        template = "{{ cycler.__init__.__globals__.os.mknod('/tmp/planted/template') }}"
        (folder / name / "index.html.j2").write_text(template)
for name in ("anna", "ben"):
    log = course / f".nbgrader-{name}.log"
    log.unlink(missing_ok=True)
    log.symlink_to(f"/home/{name}/.profile")
"""


def planting(student: str) -> None:
    """The student hands in a solution that is right, and imports a module that lies beside it."""
    solve(student, "import plant; return x * x")
    module = HOME / student / "python-intro/one/plant.py"
    module.write_text(PLANT)
    os.chown(module, PEOPLE[student]["user"], PEOPLE[student]["group"])
    learn(student, "submit", "one")
    teach("collect", "one")
    planted = Path("/tmp/planted")
    shutil.rmtree(planted, ignore_errors=True)
    planted.mkdir()
    planted.chmod(0o777)


def shown() -> str:
    """Which of its server's names and tokens graded code was handed the last time that it ran."""
    given = Path("/tmp/environment")
    names = json.loads(given.read_text())
    given.unlink()
    assert names["NBGRADER_EXECUTION"] == "autograde" and names["USER"] == "anna", names
    return str([name for name in names if name.startswith(("JUPYTERHUB_", "JPY_API"))])


@as_people_run_it
def what_graded_code_leaves_in_the_course_runs_in_no_teachers_name_and_it_has_no_token() -> None:
    handed_out()
    planting("clara")
    assert "JUPYTERHUB_API_TOKEN" in environment("grading")
    teach("autograde", "one", role="grading")
    assert shown() == "[]"
    assert scores() == {"clara": 2.0}, "a module beside a notebook cannot be imported"
    ran = Path("/tmp/planted")
    for command in (
        ("list",),
        ("collect", "one", "--update"),
        ("autograde", "one", "--force"),
        ("generate_feedback", "one", "--force"),
        ("generate_assignment", "one", "--force"),
        ("validate", "source/one/a.ipynb"),
        ("zip_collect", "one"),
        ("db", "student", "list"),
    ):
        role = "grading" if command[0] == "autograde" else "instructor"
        said = teach(*command, role=role, name="ben", check=command[0] != "zip_collect")
        assert "/course/nbgrader_config.py is not read" in said, said
        assert "/course/nbgrader_config.json is not read" in said, said
        assert not list(ran.iterdir()), (command, list(ran.iterdir()))
    Path("/tmp/environment").unlink(missing_ok=True)
    run(["ipython", "-c", "import tornado, yaml, zmq"], "instructor", cwd=COURSE)
    new_pod()
    with server("instructor"):
        listed = json.loads(get("formgrader/api/submissions/one")[1])
        assert [each["student"] for each in listed] == ["clara"], listed
        notebook = json.loads(get("formgrader/api/submitted_notebooks/one/a")[1])[0]
        status, page = get(f"formgrader/submissions/{notebook['id']}/")
        assert status == 200 and "import plant" in re.sub("<[^>]*>", "", page), page
        for step in ("assignment/one/generate_feedback", "assignment/one/assign"):
            done = json.loads(get(f"formgrader/api/{step}", "POST")[1])
            assert done["success"], done
        assert get("assignments?course_id=python-intro")[0] == 200
        done = json.loads(get("assignments/validate", "POST", {"path": "course/source/one/a.ipynb"})[1])
        assert done["success"], done
    new_pod()
    with server("grading"):
        done = json.loads(get("formgrader/api/submission/one/clara/autograde", "POST")[1])
        assert done["success"], done
    assert shown() == "[]"
    assert not list(ran.iterdir()), list(ran.iterdir())
    for name in ("anna", "ben"):
        assert not (HOME / name / ".profile").exists(), "a log was written through a link into a home"
    # What was planted does run where somebody starts it.
    run(["python3", "-c", "import sqlalchemy"], "instructor", cwd=COURSE)
    assert [path.name for path in ran.iterdir()] == ["sqlalchemy"]


def formgrader_runs_nothing_of_a_submission() -> None:
    """What a browser makes of it: tests/e2e/test_formgrader.py."""
    handed_out()
    solve("clara")
    learn("clara", "submit", "one")
    teach("collect", "one")
    teach("autograde", "one", role="grading")
    graded = COURSE / "autograded/clara/one/a.ipynb"
    found = json.loads(graded.read_text())
    script = "<script>ran</script><img src=x onerror=ran><b class=full-credit id=square>what the student wrote</b>"
    data = (
        {"text/html": script},
        {"text/markdown": script},
        {"application/javascript": "ran", "text/plain": "next best"},
    )
    shown = [{"output_type": "display_data", "data": each, "metadata": {}} for each in data]
    found["cells"] += [
        {"cell_type": "markdown", "id": "m", "source": script, "metadata": {}},
        {"cell_type": "raw", "id": "r", "source": script, "metadata": {"raw_mimetype": "text/html"}},
        {"cell_type": "code", "id": "c", "source": "1", "metadata": {}, "execution_count": 1, "outputs": shown},
    ]
    found["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": script}}}
    graded.write_text(json.dumps(found))
    (graded.parent / "evil.html").write_text(script)

    def answer(path: str) -> tuple[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        connection.request("GET", f"/user/anna/formgrader/{path}", headers={"Authorization": "token token"})
        response = connection.getresponse()
        return response.headers["Content-Security-Policy"], response.read().decode()

    new_pod()
    with server("grading"):
        submission = json.loads(get("formgrader/api/submitted_notebooks/one/a")[1])[0]["id"]
        page = f"submissions/{submission}/"
        lists = ("manage_assignments", "manage_submissions/one", "gradebook", "gradebook/one", "gradebook/one/a")
        people = ("manage_students", "manage_students/clara", "manage_students/clara/one")
        pages = (page, *lists, *people, "gradebook/%22;ran;%22")
        nonces = set()
        for path in (*pages, *pages):
            policy, text = answer(path)
            assert policy.startswith("default-src 'none'; script-src 'nonce-"), (path, policy)
            nonce = policy.split("'nonce-")[1].split("'")[0]
            nonces.add(nonce)
            scripts = re.findall(r"<script\b[^>]*>", text)
            assert len(scripts) > 5 and all(f'nonce="{nonce}"' in each for each in scripts), (path, scripts)
            for code in re.findall(r'<[^>]* on\w+="([^"]*)"', text):
                digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
                assert f"'sha256-{digest}'" in policy, (path, code)
            assert '";ran' not in text.replace('\\";', ""), (path, text)
        assert len(nonces) == 2 * len(pages), "a nonce was used twice"
        assert "nbgrader_config.py" not in answer("manage_assignments")[1]
        assert "MutationObserver(name)" in answer("manage_assignments")[1]
        _, text = answer(page)
        names = ("Score", "Extra credit", "Comment", "Saved", "Keyboard shortcuts", "Show student name")
        assert all(f'aria-label="{name}"' in text for name in names), text
        assert "FormGrader.prototype.save = " in text, text
        assert text.count("what the student wrote") == 4 and "next best" in text, text
        assert "onerror" not in text and 'class="full-credit' not in text and 'id="square"' not in text, text
        for path in (f"{page}evil.html", f"{page}nowhere", "nowhere", "api/assignments", "static/js/utils.js"):
            policy, _ = answer(path)
            assert policy.startswith("sandbox; default-src 'none'"), (path, policy)


def the_assignment_list_shows_and_fetches() -> None:
    handed_out()
    with server("student"):
        listed = json.loads(get("assignments?course_id=python-intro")[1])
        assert [found["assignment_id"] for found in listed["value"]] == ["one"], listed
        wanted = {"course_id": "python-intro", "assignment_id": "one"}
        done = json.loads(get("assignments/fetch", "POST", wanted)[1])
        assert done["value"][0]["status"] == "fetched", done
    assert (HOME / "anna/python-intro/one/a.ipynb").exists(), "fetched to another place than the course's in the home"


# --- speed ---


def modules_are_compiled() -> None:
    site = next(Path("/opt/coursehub/venv/lib").glob("python3.*/site-packages"))
    stale = []
    for source in site.rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        made_from = int.from_bytes(compiled.read_bytes()[8:12], "little") if compiled.exists() else 0
        if made_from != int(source.stat().st_mtime):
            stale.append(source)
    assert len(stale) < 20, f"{len(stale)} modules would be compiled at every start, as {stale[:5]}"


TESTS = (
    a_uid_has_a_name_groups_and_an_umask,
    shells_have_the_venv_and_the_umask,
    a_shell_beside_the_server_has_them_too,
    instructors_have_a_name_for_everyone_of_their_course,
    names_are_data,
    the_first_process_takes_signals_and_leaves_no_zombie,
    the_editors_and_git_are_there,
    each_role_has_its_pages_and_no_other_and_is_told_what_the_hub_tells,
    an_archived_course_has_no_formgrader_and_says_why,
    where_nbgraders_settings_cannot_be_read_nothing_is_done_and_a_sentence_says_so,
    without_a_role_nothing_is_on,
    what_lies_in_a_home_changes_no_server,
    a_server_and_a_kernel_start_in_a_full_home,
    one_server_of_a_home_runs_at_a_time,
    a_forgotten_tab_is_no_use_of_a_server,
    a_tab_that_asks_for_notes_keeps_no_server_in_use,
    nobody_else_reads_the_notes,
    what_somebody_does_is_use,
    work_is_use_with_nobody_there,
    the_hub_hears_of_use_and_of_nothing_else,
    the_end_is_announced_and_i_am_still_here_puts_it_off,
    nothing_is_looked_up,
    what_has_its_imports_already_is_otherwise_as_any_process,
    an_assignment_goes_round,
    the_assignment_list_shows_and_fetches,
    f5_what_is_handed_in_is_closed_to_others_who_know_its_name,
    f6_collect_refuses_another_name_and_an_unknown_owner_and_takes_the_honest,
    f7_collect_refuses_what_is_no_plain_file_or_too_much_and_takes_the_rest,
    f11_i9_graded_code_finds_no_home_of_its_grader_and_nothing_left_in_one_runs,
    f14_students_code_is_graded_in_grading_and_in_no_other_role,
    f12_a_submit_from_a_full_home_leaves_nothing_half,
    what_graded_code_leaves_in_the_course_runs_in_no_teachers_name_and_it_has_no_token,
    formgrader_runs_nothing_of_a_submission,
    modules_are_compiled,
)


def count_lookups(names: socket.socket) -> None:
    while True:
        looked_up.append(names.recv(512))


def main(tests: Sequence[Callable[[], None]]) -> int:
    # Whoever runs the tests may ignore it, and what they start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 53))
    threading.Thread(target=count_lookups, args=(names,), daemon=True).start()
    fresh()
    failed = 0
    chosen = [test for test in tests if len(sys.argv) == 1 or test.__name__ in sys.argv[1:]]
    for test in chosen:
        begin = time.monotonic()
        try:
            test()
        except Exception as error:
            failed += 1
            print(f"FAILED: {test.__name__}: {error!r}", flush=True)
        else:
            print(f"passed: {test.__name__} ({time.monotonic() - begin:.0f} s)", flush=True)
    sharing.close()
    return failed


if __name__ == "__main__":
    sys.exit(main(TESTS))
