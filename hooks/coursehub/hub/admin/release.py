"""The releases of JupyterHub and KubeSpawner with which this version is tested, as they were known when it was made."""

import re
from typing import Final

# Of each line the newest: of older ones of JupyterHub holes are published. The tests run with both ends, the hub's
# image has the first (images/hub/requirements.in, pyproject.toml).
JUPYTERHUB: Final = ("5.5.4", "6.1.1")
KUBESPAWNER: Final = ("7.0.0", "7.1.0")


def newer(version: str) -> str | None:
    """What should run in place of JupyterHub `version`; None where nothing newer of its major version was known."""
    own = _numbers(version)
    known = {_numbers(each): each for each in JUPYTERHUB}
    of_line = [each for each in known if each[:1] == own[:1]] or known
    return next((known[each] for each in of_line if each > own), None)


def tried(jupyterhub: str, kubespawner: str) -> bool:
    """Whether both are of a line that the tests run with."""
    return _line(jupyterhub) in map(_line, JUPYTERHUB) and _line(kubespawner) in map(_line, KUBESPAWNER)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:3])


def _line(version: str) -> str:
    return ".".join(map(str, _numbers(version)[:2]))


RANGE: Final = ", ".join(
    f"{name} {' and '.join(map(_line, releases))}"
    for name, releases in (("JupyterHub", JUPYTERHUB), ("KubeSpawner", KUBESPAWNER))
)
