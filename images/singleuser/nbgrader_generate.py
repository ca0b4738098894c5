"""What is looked at before an assignment goes out, so that it does not fail when it comes back."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coursehub_files import open_file
from coursehub_places import Refused
from coursehub_process import home
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.paths import jupyter_path
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.preprocessors import ClearSolutions

# Of a file's name 255 bytes; in a submission's a login, the assignment, the time and a random text, with + between.
_NAME, _LOGIN, _REST = 255, 63, len("+2026-09-01 12:00:00.123456 UTC+123456789012")
LONGEST = _NAME - _LOGIN - 1 - _REST


def fits(login: str, assignment: str) -> bool:
    """Whether a submission of somebody of that login can have a name."""
    return len(os.fsencode(f"{login}+{assignment}")) + _REST <= _NAME


def init_notebooks(self: Any) -> None:
    """As nbgrader's for an assignment that is generated; raises NbGraderException before anything is changed."""
    name = self.coursedir.assignment_id
    source = self.coursedir.format_path(self.coursedir.source_directory, ".", name)
    # Of a name with these nbgrader finds nothing at all.
    if os.path.isdir(source) and (wrong := list(_name(name))):
        self.log.error("Nothing was generated: %s", "; ".join(wrong))
        raise NbGraderException("; ".join(wrong))
    BaseConverter.init_notebooks(self)
    there = {name.lower(): spec for name, spec in _kernels().items()}
    wrong = [why for _, notebooks in sorted(self.assignments.items()) for why in _unusable(notebooks, there, self)]
    for why in wrong:
        self.log.error("Nothing was generated: %s", why)
    if wrong:
        raise NbGraderException("\n".join(wrong))


def clear_solutions(self: ClearSolutions, notebook: Any, resources: Any) -> Any:
    """As nbgrader's, which knows a notebook's language only where its kernel's entry names it."""
    if notebook.metadata.get("kernelspec"):
        notebook.metadata.kernelspec.setdefault("language", language(notebook.metadata))
    return _clear_solutions(self, notebook, resources)


_clear_solutions = ClearSolutions.preprocess


def language(metadata: Any) -> str:
    """That of a notebook, as its kernel calls it; one that names no kernel gets Python's."""
    if not (kernel := metadata.get("kernelspec")):
        return "python"
    return str(kernel.get("language") or metadata.get("language_info", {}).get("name") or "python")


def _name(assignment: str) -> Iterator[str]:
    if odd := sorted({each for each in assignment if each in "*?[" or not each.isprintable()}):
        what = ", ".join(map(repr, odd))
        yield f"the name {assignment!r} has {what}, which nbgrader would not read as that; rename its folder"
    if not fits("x" * _LOGIN, assignment):
        yield (
            f"the name of the assignment is {len(os.fsencode(assignment))} bytes long, and {LONGEST} at most leave "
            "room for a login and a time in a submission's name; rename its folder in /course/source"
        )


def _unusable(notebooks: list[str], there: dict[str, str], converter: Any) -> Iterator[str]:
    stubs = ClearSolutions(parent=converter).code_stub
    for notebook in sorted(notebooks):
        try:
            with open_file(notebook, "rb") as reading:
                metadata = json.load(reading).get("metadata", {})
            kernel, spoken = metadata.get("kernelspec", {}).get("name", "python3"), language(metadata)
        except (OSError, Refused, ValueError, AttributeError):
            continue  # nbgrader says what is wrong with it
        if str(kernel).lower() not in there:
            yield (
                f"{Path(notebook).name} wants the kernel {kernel!r}, and grading has only {', '.join(there.values())}; "
                "choose one of them in JupyterLab (Kernel, Change Kernel), and save the notebook"
            )
        if spoken not in stubs:
            yield (
                f"{Path(notebook).name} is written in {spoken!r}, for which there is no text in place of a solution; "
                f"there are such texts for {', '.join(sorted(stubs))}"
            )


def _kernels() -> dict[str, str]:
    """The image's kernels, with how people see them; a person's own are not where it is graded."""
    folders = [path for path in jupyter_path("kernels") if not f"{path}/".startswith(f"{home()}/")]
    found = KernelSpecManager(kernel_dirs=folders).get_all_specs()
    return {name: f"{name!r} ({each['spec']['display_name']})" for name, each in sorted(found.items())}
