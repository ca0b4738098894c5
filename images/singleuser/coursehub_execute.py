"""Executes one submission in a pod that is nobody's: the program coursehub-execute.

No kernel starts before the network is known to be closed: what runs in the notebook is anybody's. What it leaves is
data of whoever wrote that, and so is this process from then on, which has the same uid. Time-outs, what a cell may
print and what a kernel is told are those of nbgrader_execute.py.
"""

import json
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any

from coursehub_carry import FILES, INPUT, LIST, NOTEBOOK, RESULT, SCRATCH, Ended, Room, copy_all, opened
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output
from nbgrader.preprocessors.execute import UnresponsiveKernelError
from nbgrader_execute import ExecuteApart
from traitlets.config import Config

ADDRESS = re.compile(r"\[?([0-9a-fA-F.:]+)\]?:([0-9]{1,5})")
# How often in a row, what is silent for so long, how long between two looks, and until when; in seconds.
TIMES, SILENT, BETWEEN, PATIENCE = 5, 1.0, 0.2, 30.0
# Seconds that are left for what carries the result out.
MARGIN = 30
OVER = "The execution's time was over before this cell began."
WHOLE = 2**40


class ExecuteWithin(ExecuteApart):
    """Executes a notebook as autograding does, until a moment of the clock; cells that would begin later have an error.

    Raises Ended where the kernel does not start, or ends before the notebook does.
    """

    until = float("inf")

    def start_new_kernel(self, **more: Any) -> None:
        """Starts the kernel."""
        try:
            super().start_new_kernel(**more)
        except Exception as error:
            raise Ended(os.EX_UNAVAILABLE, f"the kernel does not start: {error}") from error

    def start_new_kernel_client(self, **more: Any) -> Any:
        """Waits until the kernel answers."""
        try:
            return super().start_new_kernel_client(**more)
        except Exception as error:
            raise Ended(os.EX_UNAVAILABLE, f"the kernel does not answer: {error}") from error

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        """Executes one cell, while there is time."""
        if cell.cell_type == "code" and time.time() >= self.until:
            cell.outputs = [new_output("error", ename="TimeoutError", evalue=OVER, traceback=[OVER])]
            return cell, resources
        done: tuple[Any, Any] = super().preprocess_cell(cell, resources, index)
        return done

    def _get_timeout(self, cell: Any) -> int | None:
        own = super()._get_timeout(cell)
        left = max(1, ceil(self.until - time.time())) if self.until < float("inf") else None
        return min((each for each in (own, left) if each is not None), default=None)


def is_closed(address: tuple[str, int], until: float) -> bool:
    """Whether nothing answers there so often in a row, by the clock's `until`."""
    times = 0
    while times < TIMES:
        if time.monotonic() >= until:
            return False
        times = 0 if _answers(address) else times + 1
        time.sleep(BETWEEN)
    return True


def _answers(address: tuple[str, int]) -> bool:
    """Whether it is open, or not known to be closed: a network that is not there yet may open."""
    try:
        socket.create_connection(address, SILENT).close()
    except (ConnectionRefusedError, TimeoutError):
        return False
    except OSError:
        return True
    return True


def addresses(text: str) -> list[tuple[str, int]]:
    """What `ip:port,ip:port` names; Ended where that is nothing, or something else."""
    found = [ADDRESS.fullmatch(each) for each in text.split(",")]
    if not all(found):
        raise Ended(os.EX_NOPERM, f"nothing says what is not to be reached: {text!r}")
    return [(each[1], int(each[2])) for each in found if each]


def check_closed(probes: Sequence[tuple[str, int]]) -> None:
    """Ended where one of them is open, or not known to be closed, after a while."""
    until = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(len(probes)) as pool:
        if not all(pool.map(lambda probe: is_closed(probe, until), probes)):
            raise Ended(os.EX_NOPERM, "the network is open")


def read(path: Path) -> NotebookNode:
    """The notebook; Ended where it is none."""
    try:
        notebook = from_dict(json.loads(path.read_bytes()))
        for cell in notebook.cells:
            if not (isinstance(cell.source, str) and isinstance(cell.metadata, dict) and cell.cell_type):
                raise ValueError("a cell is none")
        if notebook.nbformat != 4 or not isinstance(notebook.metadata, dict):
            raise ValueError("it is in another format")
    except (AttributeError, OSError, RecursionError, TypeError, ValueError) as error:
        raise Ended(os.EX_DATAERR, f"it is no notebook: {error}") from None
    return notebook


def execute(notebook: NotebookNode, until: float) -> None:
    """Executes it in a copy of the files that came with it."""
    work = SCRATCH / "work"
    work.mkdir()
    if (INPUT / FILES).is_dir():
        with opened(INPUT / FILES, LIST) as source, opened(work) as target:
            copy_all(source, target, Room(WHOLE))
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    step = ExecuteWithin(config=Config(json.loads(os.environ.get("COURSEHUB_NBGRADER") or "{}")))
    step.until = until
    whose = {"notebook": NOTEBOOK, "student": "whoever handed it in"}
    try:
        step.preprocess(notebook, {"metadata": {"path": str(work)}, "nbgrader": whose})
    except DeadKernelError as error:
        raise Ended(os.EX_SOFTWARE, f"the kernel ended: {error}") from error
    except (CellTimeoutError, UnresponsiveKernelError) as error:
        raise Ended(os.EX_PROTOCOL, f"the kernel cannot be interrupted: {error}") from error


def leave(notebook: NotebookNode) -> None:
    """The result is there, whole; Ended where what ran is in its way."""
    making = SCRATCH / f".making-{secrets.token_hex(8)}"
    try:
        with making.open("x") as file:
            json.dump(notebook, file)
        making.replace(SCRATCH / RESULT)
    except OSError as error:
        raise Ended(os.EX_CANTCREAT, f"the result cannot be left: {error}") from None


def main() -> int:
    """The exit code of `coursehub-execute`."""
    os.umask(0o022)
    # Nothing has been written there; kubelet made it as the pod began.
    until = min(SCRATCH.stat().st_mtime, time.time()) + float(os.environ.get("COURSEHUB_SECONDS") or "inf") - MARGIN
    try:
        check_closed(addresses(os.environ.get("COURSEHUB_PROBES", "")))
        notebook = read(INPUT / NOTEBOOK)
        execute(notebook, until)
        leave(notebook)
    except Ended as ended:
        print(ended, file=sys.stderr)
        return ended.code
    return os.EX_OK
