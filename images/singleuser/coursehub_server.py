"""JupyterHub's server for one person, which imports nothing of the hub's database.

`jupyterhub.singleuser` shares modules with the hub, and these import the database's: half of what a start imports.
While each of them is imported, stand-ins lie in place of what it needs in a hub alone; afterwards they are gone, and
whatever else imports those modules gets them as they are. `coursehub-start` runs this in place of
`python3 -m jupyterhub.singleuser`.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any


class HealthCheckHandler:
    """Stands for a page of the hub's: the log of requests asks whether one is for it, and here none is."""


class SQLAlchemyError(Exception):
    """Stands for what a hub's database raises, and nothing here does."""


# By module that is shared: what it is imported without, and the class that it takes out of that at once.
APART: Mapping[str, Mapping[str, type | None]] = {
    "jupyterhub.utils": {"sqlalchemy.exc": SQLAlchemyError},
    "jupyterhub.metrics": {"jupyterhub.orm": None},
    "jupyterhub.scopes": {"jupyterhub.orm": None, "jupyterhub.roles": None, "sqlalchemy": None},
    "jupyterhub.log": {"jupyterhub.handlers.pages": HealthCheckHandler},
}


class StandIn(ModuleType):
    """Lies in a module's place; whoever asks it for more than its class gets that of the module, imported then."""

    def __init__(self, name: str, own: type | None) -> None:
        super().__init__(name)
        if own:
            setattr(self, own.__name__, own)

    def __getattr__(self, name: str) -> Any:
        # What Python itself asks, as whether this is a package, is no use of it.
        if name.startswith("__"):
            raise AttributeError(f"{self.__name__} stands in, and has no {name}", name=name, obj=self)
        _give_way(self)
        return getattr(import_module(self.__name__), name)


def take() -> None:
    """Imports the modules that are shared. Where one fails, `jupyterhub.singleuser` imports it with all it wants."""
    for shared, apart in APART.items():
        stand_ins = [StandIn(name, own) for name, own in apart.items() if name not in sys.modules]
        sys.modules.update({each.__name__: each for each in stand_ins})
        # If it fails without them too, it says so there.
        with suppress(Exception):
            import_module(shared)
        for each in stand_ins:
            _give_way(each)


def _give_way(stand_in: StandIn) -> None:
    """From here on the module itself is imported under the name."""
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]


def main() -> None:
    """Runs until the server ends."""
    take()
    import_module("jupyterhub.singleuser").main()


if __name__ == "__main__":
    main()
