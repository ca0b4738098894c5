"""A server starts without the hub's database, and has all that it had; nothing else notices.

Runs inside the image as test_image.py does, and with what that has.
"""
# ruff: noqa: S101, S108, PT018  (a plain script: no pytest in the image)

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import test_image
from coursehub_server import APART
from test_image import course, fresh, get, put, run, server, shared_server
from test_process import said, typed

BEGIN = "import sys, coursehub_server as own; own.take(); import jupyterhub.singleuser\n"
OF_A_HUB = ("sqlalchemy", "alembic", "jupyterhub.handlers", "jupyterhub.orm", "jupyterhub.roles")
# What a site adds: a module, and a folder of configuration.
SITE = Path("/tmp/site")


def python(code: str, *folders: Path) -> str:
    """What a new process prints once it has what a server begins with; modules of `folders` go before all others."""
    first = "".join(f"import sys; sys.path.insert(0, {str(each)!r})\n" for each in folders)
    done = subprocess.run(["python3", "-P", "-c", first + BEGIN + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def site(**files: str) -> Path:
    """A folder with these modules alone, which everybody can read."""
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir()
    for name, text in files.items():
        (SITE / f"{name}.py").write_text(text)
    return SITE


# --- what a start leaves out ---


def a_start_imports_nothing_of_the_hubs_database() -> None:
    """If this fails with another JupyterHub, a server works as before, and takes twice the time to start."""
    assert python(f"import jupyterlab.labapp; print([name for name in {OF_A_HUB} if name in sys.modules])") == "[]"


def a_server_that_answers_has_no_database_and_one_that_shows_assignments_has() -> None:
    fresh()
    with server("student") as pid:
        assert Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"python3\0-s\0-P\0-m\0coursehub_server\0")
        maps = Path(f"/proc/{pid}/maps")
        assert get("lab")[0] == 200 and "/sqlalchemy/" not in maps.read_text()
        assert json.loads(get("assignments?course_id=python-intro")[1])["success"]
        assert "/sqlalchemy/" in maps.read_text(), "it would be seen there, so this test shows nothing"


# --- whoever needs it gets it ---


def whatever_is_imported_later_is_the_module_itself() -> None:
    names = sorted({name for apart in APART.values() for name in apart})
    code = "from importlib import import_module\nprint(*(type(import_module(name)).__name__ for name in NAMES))"
    for order in (names, names[::-1]):
        assert set(python(code.replace("NAMES", repr(order))).split()) == {"module"}, order


def what_a_database_raises_is_caught_by_its_name() -> None:
    """Whichever part of the database's package is imported first."""
    code = """
import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError
try:
    sqlalchemy.create_engine("sqlite://").connect().execute(sqlalchemy.text("nonsense"))
except SQLAlchemyError as error:
    print(type(error).__name__)
"""
    for first in (
        "import sqlalchemy.orm",
        "from sqlalchemy import exc",
        "import nbgrader.api",
        "import jupyterhub.orm",
    ):
        assert python(first + code) == "OperationalError", first


def modules_that_are_shared_with_the_hub_go_on_to_have_its_database() -> None:
    code = (
        "import jupyterhub.scopes as scopes, jupyterhub.metrics as metrics\n"
        "print(scopes.orm.User.__tablename__, metrics.orm.User.__tablename__, scopes.sa.text('x'), "
        "scopes.roles.get_default_roles.__module__)"
    )
    assert python(code) == "users users x jupyterhub.roles"


def a_module_that_cannot_be_imported_later_says_why() -> None:
    """Where it is needed, and at each try."""
    broken = site(sqlalchemy="raise ImportError('libdatabase.so is missing')")
    code = (
        "import jupyterhub.scopes as scopes\n"
        "for _ in range(2):\n"
        "    try:\n        scopes.orm.User\n    except ImportError as error:\n        print(error)"
    )
    assert python(code, broken).splitlines() == ["libdatabase.so is missing"] * 2


def a_shared_module_that_wants_more_is_imported_with_all_it_wants() -> None:
    """As one of another JupyterHub may."""
    newer = site(
        more="from sqlalchemy.exc import DBAPIError, SQLAlchemyError",
        parts="import sqlalchemy\nfrom sqlalchemy.orm import Session",
        at_once="from jupyterhub import orm\nUser = orm.User",
    )
    code = """
more = {"sqlalchemy.exc": own.SQLAlchemyError}
own.APART = {"more": more, "parts": {"sqlalchemy": None}, "at_once": {"jupyterhub.orm": None, "sqlalchemy": None}}
own.take()
import more, parts, at_once, sqlalchemy, jupyterhub.orm
print(more.DBAPIError is sqlalchemy.exc.DBAPIError, parts.Session.__module__, at_once.User is jupyterhub.orm.User)
"""
    assert python(code, newer) == "True sqlalchemy.orm.session True"


# --- what is asked for in the first minute ---

NOTEBOOK = "home/anna/n.ipynb"
FIRST_MINUTE = (
    *("api", "api/status", "api/me", "api/kernelspecs", "api/kernels", "api/sessions", "api/terminals", "metrics"),
    *("api/contents/home/anna?content=1", "api/config/notebook", "api/nbconvert", "coursehub/notes", "lab"),
    *("lab/api/settings", "lab/api/translations", "lab/api/translations/de_DE", "lab/api/workspaces/default"),
    *("lab/api/extensions", "lab/api/licenses", "nbconvert/html/home/anna/n.ipynb"),
)
OF_A_ROLE = {
    "general": (),
    "student": ("nbgrader_version?version=0.9.6", "assignments?course_id=python-intro"),
    "instructor": (
        *("nbgrader_version?version=0.9.6", "assignments?course_id=python-intro", "tree"),
        *("formgrader/manage_assignments", "formgrader/api/assignments"),
    ),
    "grading": ("formgrader/manage_assignments", "formgrader/api/assignments"),
}


def what_is_asked_for_in_the_first_minute_is_there() -> None:
    """In each role, on pages and by programs; the log has no word of a failure."""
    for role, more in OF_A_ROLE.items():
        course()
        with server(role):
            status, text = get("api/contents/home/anna", "POST", {"type": "notebook"})
            assert status == 201, (role, text)
            assert get(f"api/contents/{json.loads(text)['path']}", "PATCH", {"path": NOTEBOOK})[0] == 200, role
            for page in (*FIRST_MINUTE, *more):
                status, text = get(page)
                assert status == 200, (role, page, status, text[:300])
            settings = json.loads(get("lab/api/settings")[1])
            assert len(settings["settings"]) > 50 and not settings.get("warning"), (role, settings.get("warning"))
            shortcuts = quote("@jupyterlab/shortcuts-extension:shortcuts", safe="")
            assert get(f"lab/api/settings/{shortcuts}", "PUT", {"raw": "{}"})[0] == 204, role
            assert put("home/anna/a.txt", "text")[0] == 201, role
            log = Path("/tmp/server.log").read_text()
            assert "Traceback" not in log and "[E " not in log, (role, log)


def a_notebook_and_a_terminal_run_at_once() -> None:
    shared_server("student")
    session = {"path": NOTEBOOK, "name": "n", "type": "notebook", "kernel": {"name": "python3"}}
    status, text = get("api/sessions", "POST", session)
    assert status == 201, text
    assert said(json.loads(text)["kernel"]["id"], "import sqlite3; print(6 * 7)") == "42\n"
    assert typed("echo $((6 * 7))") == "42\n"
    assert len(json.loads(get("api/sessions")[1])) == 1


# --- what a site has of its own ---

EXTENSION = """
import jupyterhub.orm
from jupyter_server.base.handlers import APIHandler
from sqlalchemy import create_engine, text
from tornado import web

class Handler(APIHandler):
    @web.authenticated
    def get(self):
        with create_engine("sqlite://").connect() as connection:
            found = connection.execute(text("SELECT 42")).scalar()
        self.finish({"found": found, "table": jupyterhub.orm.User.__tablename__})

def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*$", [(app.base_url + "site", Handler)])

def _jupyter_server_extension_points():
    return [{"module": "site_extension"}]
"""
CONFIG = "import sqlalchemy\nget_config().MappingKernelManager.default_kernel_name = 'of-the-site'"


def a_sites_own_configuration_and_extension_work_with_a_database_too() -> None:
    fresh()
    folder = site(site_extension=EXTENSION, jupyter_server_config=CONFIG)
    switched_on = folder / "jupyter_server_config.d/site.json"
    switched_on.parent.mkdir()
    switched_on.write_text(json.dumps({"ServerApp": {"jpserver_extensions": {"site_extension": True}}}))
    own = {"JUPYTER_CONFIG_PATH": f"{folder}:/opt/coursehub/config/student", "PYTHONPATH": str(folder)}
    with server("student", **own):
        status, text = get("site")
        assert status == 200, Path("/tmp/server.log").read_text()
        assert json.loads(text) == {"found": 42, "table": "users"}
        assert json.loads(get("api/kernelspecs")[1])["default"] == "of-the-site"
        assert get("lab")[0] == 200 and json.loads(get("assignments?course_id=python-intro")[1])["success"]


def options_of_the_command_count_and_other_commands_are_as_they_were() -> None:
    lean = ["python3", "-s", "-P", "-m", "jupyterhub.singleuser"]
    version = run([*lean, "--version"]).stdout
    assert version and version == run(["sh", "-c", f"exec {' '.join(lean)} --version"]).stdout
    words = ["python3", "-c", "import sys; print(sys.argv[1:])", *lean, "a  b", "*", "c,d", ""]
    assert run(words).stdout.strip() == str([*lean, "a  b", "*", "c,d", ""])
    assert "coursehub_server" not in run(["python3", "-s", "-P", "-m", "jupyterhub.singleuserx"], check=False).stderr


TESTS: tuple[Callable[[], None], ...] = (
    a_start_imports_nothing_of_the_hubs_database,
    a_server_that_answers_has_no_database_and_one_that_shows_assignments_has,
    whatever_is_imported_later_is_the_module_itself,
    what_a_database_raises_is_caught_by_its_name,
    modules_that_are_shared_with_the_hub_go_on_to_have_its_database,
    a_module_that_cannot_be_imported_later_says_why,
    a_shared_module_that_wants_more_is_imported_with_all_it_wants,
    what_is_asked_for_in_the_first_minute_is_there,
    a_notebook_and_a_terminal_run_at_once,
    a_sites_own_configuration_and_extension_work_with_a_database_too,
    options_of_the_command_count_and_other_commands_are_as_they_were,
)

if __name__ == "__main__":
    sys.exit(test_image.main(TESTS))
