"""Modules that a server imports at its start and nobody asks for before its first answer: each waits for its first use.

A stand-in lies in sys.modules in the module's place. The first look at one of its attributes imports the module, by
Python's own import and so under its locks, whatever thread that is in. Of a module out of which names are taken at once
(`from module import name`), those have stand-ins too. What is listed holds for the process that calls `wait` alone: a
kernel is another.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from threading import Lock
from types import ModuleType
from typing import Any

# By module the names that are taken out of it at once, and are called or compared with only later.
LATER: Mapping[str, Sequence[str]] = {
    # The hub's own pages, with its database: the server's log asks whether a request is for one of them.
    "jupyterhub.handlers.pages": ("HealthCheckHandler",),
    "jupyterhub.orm": (),
    "jupyterhub.roles": (),
    "sqlalchemy": (),
    "sqlalchemy.exc": ("SQLAlchemyError",),
    # What looks for extensions to install, and fetches lists of them; nothing here calls out.
    "jupyterlab.extensions.pypi": ("PyPIExtensionManager",),
    "requests": (),
    # Compares versions of JupyterLab's extensions where one is built.
    "jupyter_builder.jupyterlab_semver": ("Range", "gt", "gte", "lt", "lte", "make_semver"),
    # Names of languages, for the menu of them.
    "babel": (),
    # Times in messages of kernels.
    "jupyter_client.jsonutil": ("extract_dates", "json_clean", "json_default", "parse_date", "squash_dates"),
    # Formats of strings that no schema of a server's events has.
    "rfc3986_validator": ("validate_rfc3986",),
    "arrow": (),
}
# Of these, what is named in an `except` must be a class at once. Only the hub's own database raises it, and by then it
# is SQLAlchemy's own.
CLASSES: Mapping[str, type] = {"SQLAlchemyError": type("SQLAlchemyError", (Exception,), {})}
_giving_way = Lock()


class Waiting(ModuleType):
    """Stands for a module until it is used, and hands on what is asked of it from then on."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(name)
        own: dict[str, object] = {each: CLASSES.get(each) or Name(self, each) for each in names}
        # Whoever asks whether there is such a module, is told so; where its parts are looked for, `Parts` is asked first.
        self.__dict__.update(own, __spec__=ModuleSpec(name, None), __path__=[])

    def __getattr__(self, name: str) -> Any:
        return getattr(_real(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_real(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_real(self), name)

    def __dir__(self) -> list[str]:
        return dir(_real(self))


class Parts:
    """Finds the parts of a package that waits: it comes first, and may bring the part."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Where Python goes on with the part; None for what is none of ours."""
        package = sys.modules.get(name.rpartition(".")[0])
        if not isinstance(package, Waiting):
            return None
        path = _real(package).__path__
        if name in sys.modules:
            return ModuleSpec(name, There(sys.modules[name]))
        return PathFinder.find_spec(name, path, target)


class There:
    """Loads what is loaded, and leaves it as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, _: ModuleSpec) -> ModuleType:
        """It is there."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Its code has run; what says where it came from is put back."""
        module.__spec__ = self._spec


class Name:
    """Stands for what a module that waits has under a name: to be called, compared with or derived from."""

    def __init__(self, module: Waiting, name: str) -> None:
        self.__dict__.update(_module=module, _name=name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _meant(self)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(_meant(self), name)

    def __instancecheck__(self, instance: object) -> bool:
        # Of a class that nobody has imported there is nothing.
        return not _waits(self.__dict__["_module"]) and isinstance(instance, _meant(self))

    def __subclasscheck__(self, subclass: type) -> bool:
        return not _waits(self.__dict__["_module"]) and issubclass(subclass, _meant(self))

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type]:
        return (_meant(self),)


def wait() -> None:
    """Holds for what is imported from here on; what is imported already stays as it is."""
    sys.meta_path.insert(0, Parts)
    for name, names in LATER.items():
        if name not in sys.modules:
            sys.modules[name] = Waiting(name, names)


def waiting() -> list[str]:
    """The modules that nobody has used so far."""
    return [name for name in LATER if isinstance(sys.modules.get(name), Waiting)]


def _waits(module: Waiting) -> bool:
    return sys.modules.get(module.__name__) is module


def _meant(name: Name) -> Any:
    return getattr(_real(name.__dict__["_module"]), name.__dict__["_name"])


def _real(module: Waiting) -> ModuleType:
    """The module itself; it is imported by the first that asks, and whoever comes meanwhile waits as for any import."""
    if _waits(module):
        with _giving_way:
            for each in (module.__name__, *_parts(module.__name__.partition(".")[0])):
                if isinstance(sys.modules.get(each), Waiting):
                    del sys.modules[each]
    return import_module(module.__name__)


def _parts(whole: str) -> list[str]:
    """What waits of a package that waits: it takes names out of its parts, and those have to be its own."""
    return [name for name in LATER if whole in LATER and f"{name}.".startswith(f"{whole}.")]
