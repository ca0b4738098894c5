"""nbgrader's way of executing a notebook, without the rest of nbgrader and nbconvert.

Their packages import all that is in them: two CPU-seconds, in each pod that executes a submission.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any

# Of each package the names that are used, and in which of its modules they are.
USED: dict[str, dict[str, str]] = {
    "nbconvert": {},
    "nbconvert.exporters": {},
    "nbconvert.preprocessors": {
        "CellExecutionError": "execute",
        "ExecutePreprocessor": "execute",
        "Preprocessor": "base",
    },
    "nbgrader": {},
    "nbgrader.preprocessors": {"Execute": "execute", "NbGraderPreprocessor": "base"},
}


def take() -> None:
    """Holds for what is imported from here on."""
    for name, names in USED.items():
        _open(name, names)


def _open(package: str, names: dict[str, str]) -> None:
    """The package is there without its own code having run."""
    spec = find_spec(package)
    assert spec, package  # noqa: S101 - it is in the image
    module = module_from_spec(spec)

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=module)
        return getattr(import_module(f"{package}.{names[name]}"), name)

    module.__getattr__ = find  # type: ignore[method-assign] # a module's own, as PEP 562 has it
    sys.modules[package] = module
