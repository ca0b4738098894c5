"""A server's start imports little, and what it left out is there for whoever asks for it.

Runs inside the image as test_image.py does, and with what that has.
"""
# ruff: noqa: S101, S108, PT018  (a plain script: no pytest in the image)

import json
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import test_image
from coursehub_later import LATER
from test_image import fresh, get, put, server
from test_process import said, typed

PRELUDE = "import sys, coursehub_later as later; later.wait(); "


def python(code: str) -> str:
    """What a new process prints in which modules wait."""
    done = subprocess.run(["python3", "-P", "-c", PRELUDE + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def each_module_is_there_with_its_names() -> None:
    for name, names in LATER.items():
        code = f"import importlib; m = importlib.import_module({name!r}); [getattr(m, n) for n in {[*names]}]"
        done = subprocess.run(["python3", "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (name, done.stderr)


def a_start_needs_none_of_them() -> None:
    """With all that a role's server loads; an entry that is needed anyway saves nothing."""
    code = "import jupyterhub.singleuser, jupyterlab.labapp, coursehub_contents; print(*later.waiting())"
    assert python(code).split() == [*LATER], "some are used by the imports themselves"
    heavy = ("sqlalchemy.orm", "alembic", "pygments", "urllib3", "httpx", "cryptography")
    shown = python(f"import jupyterhub.singleuser, jupyterlab.labapp; print([n for n in {heavy} if n in sys.modules])")
    assert shown == "[]", shown


def each_module_comes_when_it_is_used() -> None:
    for name in LATER:
        code = f"import importlib; m = importlib.import_module({name!r}); m.__file__; r = sys.modules[{name!r}]; "
        shown = python(code + f"print(type(r).__name__, m.__file__ == r.__file__, {name!r} in later.waiting())")
        assert shown == "module True False", (name, shown)


def names_that_were_taken_at_once_are_the_modules_own() -> None:
    code = (
        "import jupyterhub.log as log, jupyterlab.commands as lab, jupyterlab.extensions as more; "
        "from jupyterhub.utils import catch_db_error; Page = log.HealthCheckHandler; "
        "print(isinstance(1, Page), 'jupyterhub.handlers.pages' in later.waiting()); "
        "from jupyterhub.handlers import pages; real = pages.HealthCheckHandler; "
        "print(isinstance(real.__new__(real), Page), isinstance(1, Page), issubclass(real, Page)); "
        "print(lab.gte('2.0.0', '1.9.9', True), str(lab.Range('^4.0.0', True))); "
        "Derived = type('Derived', (), {}); exec('class Derived(more.PyPIExtensionManager): pass'); "
        "print(Derived.__mro__[1].__module__)"
    )
    assert python(code).split("\n") == [
        "False True",
        "True False True",
        "True >=4.0.0 <5.0.0-0",
        "jupyterlab.extensions.pypi",
    ], python(code)


def a_package_takes_its_own_parts() -> None:
    """An error that a database raises is caught by its name, whichever of both is imported first."""
    for begin in (
        "from sqlalchemy import exc",
        "import sqlalchemy.orm",
        "import sqlalchemy.sql.base",
        "import sqlalchemy.exc as exc; exc.DBAPIError",
    ):
        code = f"""
{begin}
import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError
try:
    sqlalchemy.create_engine('sqlite://').connect().execute(sqlalchemy.text('nonsense'))
except SQLAlchemyError as error:
    print(type(error).__name__, sqlalchemy.exc.SQLAlchemyError is SQLAlchemyError)
"""
        done = python(f"exec({code!r})")
        assert done == "OperationalError True", (begin, done)


def who_asks_whether_a_module_is_there_hears_yes() -> None:
    """Without its being imported for that."""
    code = "from importlib.util import find_spec; print(all(map(find_spec, later.LATER)), len(later.waiting()))"
    assert python(f"import jupyterlab; {code}") == f"True {len(LATER)}"


def threads_that_meet_a_module_wait_for_it() -> None:
    """All get the one module, whole; each module once, in whatever order."""
    code = """
import random, threading
from importlib import import_module
wrong = []
names = [name for name in later.LATER]
gate = threading.Barrier(16)

def use(seed):
    mine = random.Random(seed).sample(names, len(names))
    gate.wait()
    for name in mine:
        try:
            module = import_module(name)
            [getattr(module, each) for each in later.LATER[name]]
            module.__file__, sys.modules[name].__file__
        except BaseException as error:
            wrong.append((name, repr(error)))

threads = [threading.Thread(target=use, args=(seed,), daemon=True) for seed in range(16)]
[each.start() for each in threads]
[each.join(60) for each in threads]
print(wrong, any(each.is_alive() for each in threads), later.waiting())
from sqlalchemy.exc import SQLAlchemyError
import sqlalchemy, sqlalchemy.orm, jupyterhub.orm
print(issubclass(sqlalchemy.exc.OperationalError, SQLAlchemyError), jupyterhub.orm.User.__tablename__)
"""
    for _ in range(4):
        assert python(f"exec({code!r})").split("\n") == ["[] False []", "True users"], python(f"exec({code!r})")


def kernels_and_terminals_know_nothing_of_it() -> None:
    fresh()
    look = "import sys, requests; print('coursehub_later' in sys.modules, type(requests).__name__)"
    with server("student") as pid:
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        assert command.startswith("python3 -s -P -m coursehub_server"), command
        kernel = json.loads(get("api/kernels", "POST", {"name": "python3"})[1])["id"]
        assert said(kernel, look) == "False module\n"
        assert typed(f'python3 -c "{look}"') == "False module\n"


def what_the_first_minute_asks_for_is_there() -> None:
    """Each role's pages and programs, as JupyterLab asks for them."""
    common = {"api", "api/status", "api/me", "api/kernelspecs", "api/contents/home/anna?content=1", "lab", "metrics"}
    common |= {
        "lab/api/settings",
        "lab/api/translations",
        "lab/api/translations/de_DE",
        "lab/api/themes/x",
        "api/sessions",
    }
    common |= {"lab/api/workspaces/default", "lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json"}
    roles = {
        "student": {"nbgrader_version?version=0.9.5", "assignments?course_id=python-intro"},
        "instructor": {"formgrader/manage_assignments", "formgrader/api/assignments", "tree"},
        "general": set[str](),
    }
    missing = {"lab/api/themes/x", "lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json"}
    for role, more in roles.items():
        fresh()
        with server(role):
            for path in sorted(common | more):
                status, text = get(path)
                assert status < 500 and (status == 200 or path in missing), (role, path, status, text[:300])
            settings = json.loads(get("lab/api/settings")[1])
            assert len(settings["settings"]) > 50 and not settings.get("warning"), (role, settings.get("warning"))
            assert put("home/anna/a.txt", "text")[0] == 201
            made = get("api/contents/home/anna", "POST", {"type": "notebook"})
            assert made[0] == 201, made
            shortcut = urllib.parse.quote("@jupyterlab/shortcuts-extension:shortcuts", safe="")
            assert get(f"lab/api/settings/{shortcut}", "PUT", {"raw": "{}"})[0] == 204
            log = Path("/tmp/server.log").read_text()
            assert "Traceback" not in log, (role, log)


TESTS: tuple[Callable[[], None], ...] = (
    each_module_is_there_with_its_names,
    a_start_needs_none_of_them,
    each_module_comes_when_it_is_used,
    names_that_were_taken_at_once_are_the_modules_own,
    a_package_takes_its_own_parts,
    who_asks_whether_a_module_is_there_hears_yes,
    threads_that_meet_a_module_wait_for_it,
    kernels_and_terminals_know_nothing_of_it,
    what_the_first_minute_asks_for_is_there,
)

if __name__ == "__main__":
    sys.exit(test_image.main(TESTS))
