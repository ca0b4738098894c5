"""What a kernel's websocket says of a cell, in the orders in which it may come."""

import json
from collections.abc import Mapping

import pytest
from coursehub.spawntest.kernel import Cell, CellFailed


def heard(cell: Cell, *messages: tuple[str, Mapping[str, object]], parent: str | None = None) -> str:
    parent = parent or json.loads(cell.request)["header"]["msg_id"]
    return "".join(
        cell.hear(json.dumps({"msg_type": kind, "parent_header": {"msg_id": parent}, "content": content}))
        for kind, content in messages
    )


BUSY = ("status", {"execution_state": "busy"})
IDLE = ("status", {"execution_state": "idle"})
REPLY = ("execute_reply", {"status": "ok"})


def printing(text: str) -> tuple[str, Mapping[str, object]]:
    return ("stream", {"name": "stdout", "text": text})


def test_what_is_printed_counts_though_the_reply_overtook_it() -> None:
    cell = Cell("print(42)")
    assert heard(cell, BUSY, REPLY, printing("4"), printing("2\n")) == "42\n"
    assert not cell.ended
    assert heard(cell, IDLE) == ""
    assert cell.ended


def test_what_another_cell_printed_and_its_end_are_not_this_ones() -> None:
    cell = Cell("print(42)")
    assert heard(cell, printing("41\n"), IDLE, parent="another") == ""
    assert not cell.ended


def test_an_exception_is_said_with_its_traceback() -> None:
    cell = Cell("1 / 0")
    with pytest.raises(CellFailed) as failed:
        heard(cell, BUSY, ("error", {"evalue": "division by zero", "traceback": ["Traceback", "line 1"]}))
    assert str(failed.value) == "division by zero"
    assert failed.value.__notes__ == ["Traceback\nline 1"]
