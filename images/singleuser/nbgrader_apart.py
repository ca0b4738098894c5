"""nbgrader's execution of a submission by a pod that is nobody's: nothing of it runs in this server.

nbgrader restores locked cells before, and saves grades after. What comes back is data of whoever wrote the submission:
of each cell that was sent its outputs, as far as they are nbformat's and within what a cell may print; nothing else.
"""

import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from itertools import count
from typing import Any, NamedTuple

import coursehub_runs
from coursehub_carry import (
    FILES,
    LIST,
    MOST_INPUT,
    MOST_RESULT,
    NOTEBOOK,
    RESULT,
    RUNS,
    Ended,
    Room,
    copy_all,
    opened,
    reading,
)
from coursehub_ending import wait
from coursehub_files import open_descriptor
from coursehub_runs import Answer
from nbformat import NotebookNode, from_dict
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors.base import NbGraderPreprocessor
from nbgrader_execute import room, warn_of_missing
from nbgrader_json import parsed, refuse

# Seconds: between two looks, for how long a busy and a silent hub is asked again, and the most between two such
# questions. Others' executions hold a place for half an hour as a rule.
EVERY, LONGEST = 2.0, 60
PATIENCE = {HTTPStatus.TOO_MANY_REQUESTS: 3600.0, HTTPStatus.SERVICE_UNAVAILABLE: 600.0}
DAY = 24 * 3600
DEEPEST, LONGEST_KEY = 100, 200
MOST_METADATA = 10_000


class Run(NamedTuple):
    """How a run is: `again` where it failed by something that passes."""

    state: str
    sentence: str = ""
    again: bool = False


_GONE = Run("failed", "The execution was taken away before it ended.", again=True)


def _nobody(what: str, why: str = "") -> None:
    pass


# Who is told how far the notebook of this process is: *asking* for a place, *waiting* for one and why, *executing*.
tell: Callable[[str, str], None] = _nobody


class ExecuteElsewhere(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader is untyped
    """Has each notebook executed apart; a run that failed by something that passes is begun once more."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """All cells have their outputs; NbGraderException, a sentence, where the notebook was not executed."""
        clear()
        for attempt in (1, 2):
            with _run(nb, resources["metadata"]["path"]) as folder:
                said = self._follow(folder)
                if said.state == "done":
                    self._take(nb, folder)
                    warn_of_missing(nb, resources, self.log)
                    return nb, resources
            self.log.warning("Not executed (attempt %d): %s", attempt, said.sentence)
            if not said.again:
                break
        raise NbGraderException(f"it was not executed: {said.sentence}")

    def _follow(self, folder: str) -> Run:
        """How the run ended; it is the hub's business no more."""
        told = ""
        try:
            tell("asking", "")
            said = _state(self._ask("PUT", folder))
            while said.state not in ("done", "failed"):
                tell("executing", "")
                if said.sentence not in ("", told):
                    told = said.sentence
                    self.log.info("%s", told)
                wait(EVERY)
                answer = self._ask("GET", folder)
                said = _GONE if answer.status == HTTPStatus.NOT_FOUND else _state(answer)
            return said
        finally:
            coursehub_runs.ask("DELETE", folder)

    def _ask(self, method: str, folder: str) -> Answer:
        """The hub's answer; one that may be asked again is."""
        begin = time.monotonic()
        told = False
        while True:
            answer = coursehub_runs.ask(method, folder)
            after = min(answer.after or 5, LONGEST)
            if time.monotonic() + after - begin > PATIENCE.get(answer.status, 0):
                return answer
            if not told:
                why = answer.said.get("message", "")
                self.log.info("%s It is asked again for a while.", why)
                tell("waiting", why)
                told = True
            wait(after)

    def _take(self, nb: Any, folder: str) -> None:
        """The cells' outputs are those of the result; their numbers are ours, as all are executed in order."""
        try:
            found = outputs(nb, result(folder))
        except Ended as ended:
            raise NbGraderException(f"what came back from its execution is not taken: {ended}") from None
        numbers = count(1)
        for cell, made in zip(nb.cells, found, strict=True):
            if cell.cell_type == "code":
                cell.execution_count = next(numbers) if cell.source.strip() else None
                printed = room(self.config)
                kept = [each if printed is None else printed.kept(each["output_type"], each) for each in made]
                cell.outputs = [from_dict(each) for each in kept if each is not None]


def _state(answer: Answer) -> Run:
    if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        why = answer.said.get("message") or f"the hub answers with {answer.status}"
        raise NbGraderException(f"it was not executed: {why}")
    said = answer.said
    return Run(str(said.get("state")), str(said.get("sentence", "")), said.get("again") is True)


@contextmanager
def _run(nb: Any, files: str) -> Iterator[str]:
    """A run's folder with the notebook and what lies beside it, which is gone after the block."""
    folder = secrets.token_hex(16)
    try:
        _prepare(folder, nb, files)
        yield folder
    finally:
        shutil.rmtree(RUNS / folder, ignore_errors=True)


def _prepare(folder: str, nb: Any, files: str) -> None:
    """As hooks/coursehub/servers/execution.py has it, whatever the umask."""
    left = Room(MOST_INPUT)
    text = json.dumps(nb).encode()
    with opened(RUNS) as runs, _made(folder, runs, 0o2711) as run:
        with _made("out", run, 0o2773):
            pass
        with _made("in", run, 0o2755) as into:
            try:
                left.take(len(text))
                with opened(NOTEBOOK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, into) as made:
                    os.fchmod(made, 0o644)
                    with open(made, "wb", closefd=False) as file:
                        file.write(text)
                source = open_descriptor(files, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    with _made(FILES, into, 0o755) as beside:
                        copy_all(source, beside, left)
                finally:
                    os.close(source)
            except Ended as ended:
                raise NbGraderException(f"what lies beside the notebook cannot be executed: {ended}") from None


@contextmanager
def _made(name: str, folder: int, mode: int) -> Iterator[int]:
    os.mkdir(name, 0o700, dir_fd=folder)
    with opened(name, LIST, folder) as held:
        yield held
        os.fchmod(held, mode)


def clear() -> None:
    """Runs that broke off are gone, as far as one may remove them."""
    with suppress(OSError), os.scandir(RUNS) as found:
        for each in found:
            with suppress(OSError):
                if time.time() - each.stat(follow_symlinks=False).st_mtime > DAY:
                    shutil.rmtree(each.path, ignore_errors=True)


def result(folder: str) -> bytes:
    """What came back; Ended where that is not one plain file within its bound."""
    try:
        with (
            opened(RUNS) as runs,
            opened(folder, folder=runs) as run,
            opened("out", folder=run) as out,
            reading(RESULT, out) as held,
        ):
            if not stat.S_ISREG(os.fstat(held).st_mode):
                raise Ended(os.EX_DATAERR, f"{RESULT!r} is no file")
            with open(held, "rb", closefd=False) as file:
                data = file.read(MOST_RESULT + 1)
    except OSError as error:
        raise Ended(os.EX_NOINPUT, f"it cannot be read: {error.strerror}") from None
    if len(data) > MOST_RESULT:
        raise Ended(os.EX_DATAERR, "it is too large")
    return data


def outputs(sent: NotebookNode, data: bytes) -> list[list[dict[str, Any]]]:
    """Of each cell that was sent what the executed notebook has as its outputs; Ended where it is not that notebook."""
    found = parsed(data)
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        refuse("it is no notebook")
    if (found.get("nbformat"), found.get("nbformat_minor")) != (sent.nbformat, sent.nbformat_minor):
        refuse("it is in another format than what was sent")
    if len(found["cells"]) != len(sent.cells):
        refuse(f"it has {len(found['cells'])} cells, and {len(sent.cells)} were sent")
    return [
        _outputs(*pair, f"cell {number}") for number, pair in enumerate(zip(sent.cells, found["cells"], strict=True), 1)
    ]


def _outputs(sent: Any, found: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(found, dict):
        refuse(f"{name} is none")
    for part in ("id", "cell_type", "source"):
        if type(found.get(part)) is not type(sent.get(part)) or found.get(part) != sent.get(part):
            refuse(f"{name} has another {part} than what was sent")
    if sent.cell_type != "code":
        return []
    made = found.get("outputs")
    if not isinstance(made, list):
        refuse(f"{name} has no outputs")
    try:
        return [_output(_plain(each, DEEPEST)) for each in made]
    except (AttributeError, KeyError, TypeError, ValueError):
        refuse(f"{name} has an output that is none")


def _output(found: dict[str, Any]) -> dict[str, Any]:
    """Of an output what nbformat knows; one of KeyError, TypeError and ValueError where it is none."""
    kind = found["output_type"]
    if kind == "stream" and found["name"] in ("stdout", "stderr"):
        return {"output_type": kind, "name": found["name"], "text": _text(found["text"])}
    if kind == "error":
        trace = [_text(line) for line in _listed(found["traceback"])]
        return {
            "output_type": kind,
            "ename": _text(found["ename"]),
            "evalue": _text(found["evalue"]),
            "traceback": trace,
        }
    if kind not in ("display_data", "execute_result"):
        raise ValueError(kind)
    metadata = found["metadata"]
    made = {
        "output_type": kind,
        "data": {_key(mime): _datum(mime, value) for mime, value in found["data"].items()},
        "metadata": metadata if isinstance(metadata, dict) and len(json.dumps(metadata)) <= MOST_METADATA else {},
    }
    if kind == "execute_result":
        number = found["execution_count"]
        if number is not None and type(number) is not int:
            raise TypeError(number)
        made["execution_count"] = number
    return made


def _datum(mime: str, value: Any) -> Any:
    return value if re.fullmatch(r"application/(.*\+)?json", mime) else _text(value)


def _key(mime: str) -> str:
    if len(mime) > LONGEST_KEY:
        raise ValueError(mime)
    return mime


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(_listed(value))


def _listed(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError(value)
    return value


def _plain(value: Any, depth: int) -> Any:
    """The value, with text that can be written; ValueError where it is too deep."""
    if not depth:
        raise ValueError("too deep")
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_plain(each, depth - 1) for each in value]
    if isinstance(value, dict):
        return {_plain(key, 1): _plain(each, depth - 1) for key, each in value.items()}
    return value
