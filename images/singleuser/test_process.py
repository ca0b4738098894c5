"""W11: nothing of a home reaches the server's own process, and no program of its person looks into it.

Runs inside the image as test_image.py does, and with what that has.
"""
# ruff: noqa: S101, S108, PT018  (a plain script: no pytest in the image)

import ctypes
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import test_image
from test_image import (
    HOME,
    PAGES,
    connected,
    fresh,
    get,
    handed_out,
    lab_config,
    new_pod,
    run,
    server,
    typing,
    until,
)

ANNA = HOME / "anna"
RAN = Path("/tmp/planted")
# Templates are code: https://jinja.palletsprojects.com/en/stable/sandbox/.
TEMPLATE = "{{ cycler.__init__.__globals__.os.mknod('/tmp/planted/template-NAME') }}"
CODE = "import pathlib; pathlib.Path('/tmp/planted/NAME').touch()\n"
NOTEBOOK = {
    "cells": [{"id": "a", "cell_type": "markdown", "metadata": {}, "source": "text"}],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
FORMATS = ("html", "slides", "markdown", "latex", "rst", "script", "asciidoc", "pdf", "webpdf", "python", "custom")
# What the person asks for, or has chosen, is data, and is read where it lies.
DATA = re.compile(
    r"\.coursehub-(lock|probe\.\d+)|n\.ipynb|\.jupyter/(lab/(user-settings|workspaces)|serverconfig)/.*"
    r"|\.local/share/jupyter/kernels/planted/kernel\.json"
)


def hostile() -> dict[str, str]:
    """Files of a home by each name that something in the server may look for."""
    files: dict[str, str] = {"n.ipynb": json.dumps(NOTEBOOK)}
    names = ("asciidoc", "base", "basic", "classic", "compatibility", "feedback", "formgrade", "lab", "latex")
    for name in (*names, "markdown", "python", "reveal", "rst", "script", "webpdf"):
        for place in (name, f".local/share/jupyter/nbconvert/templates/{name}", f".jupyter/templates/{name}"):
            for ending in ("html", "md", "py", "tex", "rst", "asciidoc"):
                files[f"{place}/index.{ending}.j2"] = files[f"{place}/null.j2"] = TEMPLATE.replace("NAME", name)
            files[f"{place}/conf.json"] = json.dumps({"mimetypes": {"text/html": True}, "preprocessors": {}})
    pages = ("base", "browser-open", "consoles", "edit", "error", "index", "lab", "login", "notebooks", "page", "tree")
    for name in pages:
        for place in ("", "templates/", ".jupyter/templates/", ".jupyter/lab/templates/"):
            files[f"{place}{name}.html"] = TEMPLATE.replace("NAME", name)
    configs = ("jupyter", "jupyter_server", "jupyter_lab", "jupyter_notebook", "jupyter_nbconvert", "nbgrader")
    for name in (*configs, "jupyterhub_singleuser", "ipython", "ipython_kernel"):
        for place in ("", ".jupyter/", ".config/jupyter/", ".ipython/profile_default/"):
            files[f"{place}{name}_config.py"] = CODE.replace("NAME", f"config-{name}")
            files[f"{place}{name}_config.json"] = json.dumps({"NbGrader": {"logfile": f"/tmp/planted/{name}"}})
    on = {"ServerApp": {"jpserver_extensions": {"planted": True, "notebook": True}}}
    for place in (".jupyter", ".local/etc/jupyter"):
        files[f"{place}/jupyter_server_config.d/planted.json"] = json.dumps(on)
        files[f"{place}/jupyter_notebook_config.d/planted.json"] = json.dumps(on)
        files[f"{place}/labconfig/page_config.json"] = json.dumps({"disabledExtensions": {}, "planted": "yes"})
        files[f"{place}/labconfig/default_setting_overrides.json"] = json.dumps({"planted:plugin": {}})
        files[f"{place}/nbconfig/notebook.json"] = json.dumps({"load_extensions": {"planted": True}})
    files[".jupyter/custom/custom.css"] = files[".ipython/profile_default/static/custom/custom.css"] = "/* planted */"
    spec = {"argv": ["touch", "/tmp/planted/kernel"], "display_name": "planted", "language": "python"}
    for place in (".ipython", ".local/share/jupyter", ".jupyter"):
        for name in ("planted", "python3"):
            files[f"{place}/kernels/{name}/kernel.json"] = json.dumps(spec)
    for place in (".local/share/jupyter", ".jupyter/lab"):
        package = {"name": "planted", "version": "1", "jupyterlab": {"_build": {"load": "x.js", "extension": "./e"}}}
        files[f"{place}/labextensions/planted/package.json"] = json.dumps(package)
        files[f"{place}/nbextensions/planted.js"] = "planted"
    site = f".local/lib/python3.{sys.version_info.minor}/site-packages"
    modules = ("IPython", "jinja2", "nbconvert", "nbgrader", "pandocfilters", "planted", "pygments", "sitecustomize")
    for name in (*modules, "random", "requests", "sqlalchemy", "tornado", "usercustomize", "yaml", "zmq"):
        files[f"{name}.py"] = files[f"{site}/{name}.py"] = CODE.replace("NAME", f"module-{name}")
    files[f"{site}/planted-1.dist-info/entry_points.txt"] = "[jupyter_client.kernel_provisioners]\nx = planted:x\n"
    files[f"{site}/planted-1.dist-info/METADATA"] = "Metadata-Version: 2.1\nName: planted\nVersion: 1\n"
    files[f"{site}/planted.pth"] = CODE.replace("NAME", "pth")
    return files | dict.fromkeys((".netrc", ".gitconfig", ".mime.types", ".pythonrc", "pybuilddir.txt"), "planted")


def plant() -> None:
    """All of it lies in Anna's home, and what runs leaves its name in `RAN`."""
    for name, text in hostile().items():
        path = ANNA / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    subprocess.run(["chown", "-R", "51234:51234", ANNA], check=True)
    shutil.rmtree(RAN, ignore_errors=True)
    RAN.mkdir()
    RAN.chmod(0o777)


@contextmanager
def opened(root: Path) -> Iterator[Callable[[], set[str]]]:
    """What is opened below `root` by whatever process, of what is there now; folders are not counted."""
    of_a_folder, opening = 0x40000000, 0x20
    libc = ctypes.CDLL(None, use_errno=True)
    eyes = libc.inotify_init1(os.O_NONBLOCK)
    assert eyes >= 0, os.strerror(ctypes.get_errno())
    folders = {libc.inotify_add_watch(eyes, bytes(each), opening): each for each in (root, *root.rglob("*/"))}
    assert min(folders) > 0, os.strerror(ctypes.get_errno())
    seen: set[str] = set()

    def look() -> set[str]:
        try:
            while events := os.read(eyes, 2**16):
                while events:
                    watch, mask, _, length = struct.unpack_from("iIII", events)
                    name = events[16 : 16 + length].rstrip(b"\0").decode()
                    events = events[16 + length :]
                    if not mask & of_a_folder:
                        seen.add(str((folders[watch] / name).relative_to(root)))
        except BlockingIOError:
            return seen
        raise AssertionError("no more events")

    yield look
    os.close(eyes)


def everything_is_asked_for(role: str) -> None:
    """Each page of the server's, and each conversion of a notebook."""
    for page in (*PAGES, "tree", "notebooks/home/anna/n.ipynb", "edit/home/anna/n.ipynb", "consoles/x", "nowhere"):
        get(page)
    for kind in FORMATS:
        get(f"nbconvert/{kind}/home/anna/n.ipynb")
        get(f"nbconvert/{kind}", "POST", {"name": "n.ipynb", "content": NOTEBOOK})
    for part in ("extensions", "licenses", "listings/x", "settings", "themes/x", "translations/de_DE", "workspaces"):
        get(f"lab/api/{part}")
    for part in ("config/notebook", "kernelspecs", "me", "nbconvert", "sessions", "spec.yaml", "terminals"):
        get(f"api/{part}")
    for part in ("custom/custom.css", "kernelspecs/planted/kernel.js", "nbextensions/planted.js", "login", "view/x"):
        get(part)
    if role == "instructor":
        done = json.loads(get("formgrader/api/assignment/one/assign", "POST")[1])
        assert done["success"], done


def w11_of_a_home_the_server_reads_data_and_runs_nothing() -> None:
    """In each role: templates, extensions, configuration and modules that lie in a home, where it starts.

    The person's own kernels are told of; they run when they are chosen, and beside the server.
    """
    for role in ("general", "student", "instructor", "grading"):
        handed_out()
        plant()
        new_pod()
        with opened(ANNA) as look, server(role):
            everything_is_asked_for(role)
            found = sorted(each for each in look() if not DATA.fullmatch(each))
            assert found == [], (role, found)
            assert list(RAN.iterdir()) == [], (role, list(RAN.iterdir()))
            config = lab_config()
            assert "planted" not in json.dumps(config), config
            assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
            specs = json.loads(get("api/kernelspecs")[1])["kernelspecs"]
            assert set(specs) == ({"python3"} if role == "grading" else {"python3", "planted"}), specs
            assert "touch" not in specs["python3"]["spec"]["argv"], "a kernel of a home took the place of the image's"
            assert role != "grading" or get("api/kernels", "POST", {"name": "planted"})[0] != 201
            get("nbconvert/html/home/anna/n.ipynb")
            assert "n.ipynb" in look(), "nothing is seen, so this test shows nothing"


def w11_no_template_is_looked_for_in_the_working_directory() -> None:
    """Which nbgrader changes for a while, in the server's process."""
    program = (
        "import os; from traitlets.config.loader import PyFileConfigLoader as Loader; "
        "config = Loader('jupyter_server_config.py', '/etc/jupyter').load_config(); os.chdir('/home/anna'); "
        "from nbconvert import HTMLExporter; print(HTMLExporter(config=config).template_paths)"
    )
    fresh()
    plant()
    paths = run(["python3", "-s", "-P", "-c", program]).stdout
    assert "/nbconvert/templates/lab'" in paths and "/home" not in paths, paths


def w11_g10_nbgraders_configuration_of_a_home_counts_nowhere() -> None:
    handed_out()
    plant()
    own = ANNA / ".jupyter/nbgrader_config.py"
    text = own.read_text()
    for path in ANNA.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    own.parent.mkdir()
    own.write_text(text)
    (ANNA / "n.ipynb").write_text(json.dumps(NOTEBOOK))
    subprocess.run(["chown", "-R", "51234:51234", ANNA], check=True)
    new_pod()
    with server("student"):
        assert json.loads(get("assignments?course_id=python-intro")[1])["success"]
        done = json.loads(get("assignments/validate", "POST", {"path": "home/anna/n.ipynb"})[1])
        assert done["success"], done
        assert list(RAN.iterdir()) == [], list(RAN.iterdir())
    for role in ("student", "instructor"):
        said = run(["nbgrader", "list"], role).stderr
        assert f"{own} is not read" in said, said
        assert list(RAN.iterdir()) == [], list(RAN.iterdir())


# --- what is the person's own ---


def said(kernel: str, code: str) -> str:
    """What the kernel prints."""
    found: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            found.append(message["content"]["text"])

    with connected(kernel) as client:
        answer = client.execute_interactive(code, timeout=60, output_hook=hear)
    assert answer["content"]["status"] == "ok", answer
    return "".join(found)


def typed(command: str) -> str:
    """What the command prints in a new terminal of the running server."""
    result = Path("/tmp/typed")
    result.unlink(missing_ok=True)
    name = json.loads(get("api/terminals", "POST")[1])["name"]
    with typing(name) as type_in:
        type_in(f"({command}) >{result}.part 2>&1; mv {result}.part {result}\r")
        until(result.exists, command)
    return result.read_text()


def kernels_and_terminals_begin_in_the_home() -> None:
    fresh()
    where = "import os; print(os.getcwd(), os.environ['HOME'], os.path.expanduser('~'))"
    (ANNA / "folder").mkdir(mode=0o777)
    (ANNA / "folder/n.ipynb").write_text(json.dumps(NOTEBOOK))
    subprocess.run(["chown", "-R", "51234:51234", ANNA], check=True)
    with server("student"):
        kernel = json.loads(get("api/kernels", "POST", {"name": "python3"})[1])["id"]
        assert said(kernel, where).split() == ["/home/anna"] * 3
        assert get(f"api/kernels/{kernel}/restart", "POST", {})[0] == 200
        assert said(kernel, where).split() == ["/home/anna"] * 3, "after a restart"
        path = {"path": "home/anna/folder/n.ipynb", "name": "n", "type": "notebook", "kernel": {"name": "python3"}}
        kernel = json.loads(get("api/sessions", "POST", path)[1])["kernel"]["id"]
        assert said(kernel, where).split() == ["/home/anna/folder", "/home/anna", "/home/anna"]
        assert typed("pwd; echo $HOME; cd; pwd").split() == ["/home/anna"] * 3
        for scope in ("", f"&kernel={kernel}"):
            found = json.loads(get(f"api/resolvePath?path=~/folder/n.ipynb{scope}")[1])["resolved"]
            assert found[0] == {"scope": "server", "path": "home/anna/folder/n.ipynb"}, found
        assert found[1] == {"scope": "kernel", "path": "/home/anna/folder/n.ipynb"}, found


def validating_runs_in_the_home() -> None:
    handed_out()
    cell = {"id": "b", "cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    code = "import os; open('/tmp/validated', 'w').write(os.getcwd() + ' ' + os.environ['HOME'])"
    (ANNA / "n.ipynb").write_text(json.dumps({**NOTEBOOK, "cells": [{**cell, "source": code}]}))
    new_pod()
    with server("student"):
        get("assignments/validate", "POST", {"path": "home/anna/n.ipynb"})
    assert Path("/tmp/validated").read_text() == "/home/anna /home/anna"


def settings_stay_where_they_were() -> None:
    fresh()
    with server("student"):
        theme = "lab/api/settings/@jupyterlab/apputils-extension:themes"
        assert get(theme, "PUT", {"raw": '{"theme": "JupyterLab Dark"}'})[0] == 204
        assert get("lab/api/workspaces/default", "PUT", {"data": {}, "metadata": {"id": "default"}})[0] == 204
        assert get("api/config/planted", "PATCH", {"a": 1})[0] == 200
    new_pod()
    with server("student"):
        assert json.loads(get(theme)[1])["settings"] == {"theme": "JupyterLab Dark"}
        assert json.loads(get("api/config/planted")[1]) == {"a": 1}
    saved = {str(path.relative_to(ANNA / ".jupyter")) for path in (ANNA / ".jupyter").rglob("*") if path.is_file()}
    theme = "lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
    assert {"serverconfig/planted.json", theme} < saved, saved
    assert any(name.startswith("lab/workspaces/default-") for name in saved), saved


# --- who sees the server's process ---

SECRET = "secret-3f1c9a7e"  # noqa: S105
# What a program of the same person tries on every process but its own.
SPY = """
import ctypes, json, os
libc = ctypes.CDLL(None, use_errno=True)
ATTACH, DETACH, ALL = 16, 17, 0x40000000

class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

def reads(name):
    return lambda pid: open(f"/proc/{pid}/{name}", "rb").read(1)

def attaches(pid):
    if libc.ptrace(ATTACH, pid, 0, 0):
        raise PermissionError
    os.waitpid(pid, ALL)
    libc.ptrace(DETACH, pid, 0, 0)

def copies(pid):
    room = ctypes.create_string_buffer(1)
    here, there = Piece(ctypes.addressof(room), 1), Piece(4096, 1)
    libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    if ctypes.get_errno() == 1:
        raise PermissionError

WAYS = {
    "environ": reads("environ"), "maps": reads("maps"), "attach": attaches, "copy": copies,
    "mem": lambda pid: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)),
    "fd": lambda pid: os.listdir(f"/proc/{pid}/fd"), "cwd": lambda pid: os.readlink(f"/proc/{pid}/cwd"),
}

def leads(way, pid):
    ctypes.set_errno(0)
    try:
        way(pid)
    except PermissionError:
        return False
    return True

found = {"environment": SECRET in str(os.environ), "files": [], "processes": {}}
for top in ("/run/coursehub", "/tmp", os.environ["HOME"]):
    for folder, _, names in os.walk(top):
        for path in (os.path.join(folder, name) for name in names if name != "spy.py"):
            if os.path.isfile(path) and os.access(path, os.R_OK) and SECRET.encode() in open(path, "rb").read():
                found["files"].append(path)
for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
    try:
        command = open(f"/proc/{pid}/cmdline").read().replace("\\0", " ")
        own = f"\\nUid:\\t{os.getuid()}\\t" in open(f"/proc/{pid}/status").read()
        if own and ("sleep 300.5" in command or "coursehub_server" in command):
            found["processes"][command] = [name for name, way in WAYS.items() if leads(way, pid)]
    except (FileNotFoundError, ProcessLookupError):
        pass
print("FOUND" + json.dumps(found))
"""


def spied(output: str) -> dict[str, Any]:
    """What the spy says."""
    assert "FOUND" in output, output
    return dict(json.loads(output.rpartition("FOUND")[2]))


def w11_no_program_of_the_person_sees_the_servers_process_or_its_token() -> None:
    """From a kernel and from a terminal; the same ways lead into another process of theirs."""
    spy = Path("/tmp/spy.py")
    spy.write_text(SPY.replace("SECRET", repr(SECRET)))
    used: set[str | None] = set()
    test_image.Hub.log_request = lambda self, *_: used.add(self.headers["Authorization"])  # type: ignore[method-assign]
    for role in ("student", "grading"):
        fresh()
        with server(role, JUPYTERHUB_API_TOKEN=SECRET, JPY_API_TOKEN=SECRET):
            assert get("lab")[0] == 200
            kernel = json.loads(get("api/kernels", "POST", {"name": "python3"})[1])["id"]
            own = f"import subprocess as s; print(s.run(['python3', '{spy}'], capture_output=True, text=True).stdout)"
            with own_process() as other:
                for who, output in (("kernel", said(kernel, own)), ("terminal", typed(f"python3 {spy}"))):
                    found = spied(output)
                    ways = found["processes"]
                    assert len(ways[other]) == 7, (who, "the ways lead nowhere, so this test shows nothing", ways)
                    servers = {name: by for name, by in ways.items() if "coursehub_server" in name}
                    assert len(servers) == 2, (who, ways)
                    assert set(map(tuple, servers.values())) == {()}, (who, role, servers)
                    assert not found["environment"], (who, "the token is in its environment")
                    assert found["files"] == [], (who, found["files"])
            assert f"token {SECRET}" in used, "the server has not even used it"
            assert typed("echo $JUPYTERHUB_USER $JUPYTERHUB_API_URL").startswith("anna http://"), "no secret, and gone"


@contextmanager
def own_process() -> Iterator[str]:
    """Another process of Anna's, and its command line."""
    process = subprocess.Popen(["sleep", "300.5"], **test_image.ANNA)
    until(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"sleep"), "it runs")
    yield "sleep 300.5 "
    process.kill()
    process.wait()


def w11_a_shell_of_kubectl_exec_works_beside_the_server() -> None:
    """It has the person's home and groups; the server's own process is closed to it as to all others."""
    fresh()
    with server("student") as pid:
        shell = ["bash", "-lc", f"pwd; echo $HOME; id -un; cat /proc/{pid}/environ; kill -0 {pid} && echo there"]
        own = test_image.environment("student")
        done = subprocess.run(shell, env=own, cwd=ANNA, capture_output=True, text=True, check=True, **test_image.ANNA)
        assert done.stdout.split() == ["/home/anna", "/home/anna", "anna", "there"], done
        assert "Permission denied" in done.stderr, done


TESTS = (
    w11_of_a_home_the_server_reads_data_and_runs_nothing,
    w11_no_template_is_looked_for_in_the_working_directory,
    w11_g10_nbgraders_configuration_of_a_home_counts_nowhere,
    kernels_and_terminals_begin_in_the_home,
    validating_runs_in_the_home,
    settings_stay_where_they_were,
    w11_no_program_of_the_person_sees_the_servers_process_or_its_token,
    w11_a_shell_of_kubectl_exec_works_beside_the_server,
)

if __name__ == "__main__":
    sys.exit(test_image.main(TESTS))
