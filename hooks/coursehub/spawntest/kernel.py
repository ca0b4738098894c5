"""A cell that a kernel executes, as a browser sends it and hears of it over the kernel's websocket."""

import json
import uuid
from typing import Any

from coursehub.errors import CoursehubError


class CellFailed(CoursehubError):
    """The cell ended with an exception; the message is the exception's, the traceback a note."""


class Cell:
    """One execution of `code`; `request` begins it, and `hear` takes every message of the websocket until `ended`."""

    def __init__(self, code: str) -> None:
        self._id = uuid.uuid4().hex
        self.request = _execute_request(self._id, code)
        self.ended = False

    def hear(self, message: str) -> str:
        """What the message says that the cell has printed; raises CellFailed.

        The end is the kernel's `idle`, which follows all output on the same channel. The cell's reply comes on another
        and can be earlier than what the cell printed (Jupyter's messaging protocol, "kernel status").
        """
        received: dict[str, Any] = json.loads(message)
        if received.get("parent_header", {}).get("msg_id") != self._id:
            return ""
        content = received["content"]
        match received["msg_type"]:
            case "stream":
                return str(content["text"])
            case "error":
                failed = CellFailed(content["evalue"])
                failed.add_note("\n".join(content["traceback"]))
                raise failed
            case "status":
                self.ended = content["execution_state"] == "idle"
        return ""


def _execute_request(identifier: str, code: str) -> str:
    header = {
        "msg_id": identifier,
        "session": uuid.uuid4().hex,
        "username": "",
        "msg_type": "execute_request",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    return json.dumps(message)
