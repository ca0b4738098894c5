"""The notebook that comes back from where it was executed: data of whoever wrote what ran there.

Of each cell that was sent its outputs are taken, as far as they are nbformat's, and nothing else.
"""

import json
import re
from typing import Any

from nbformat import NotebookNode
from nbgrader_json import parsed, refuse

DEEPEST, LONGEST_KEY, MOST_METADATA = 100, 200, 10_000


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
