"""The hub and kubectl, asked about somebody's server."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUNNING = {"name": "jupyter-maria", "namespace": "courses", "phase": "Running", "trouble": None, "detail": None}


HUB = {"items": [{"metadata": {"name": "hub-1", "creationTimestamp": "2026-09-01T08:00:00Z"}}]}


Say = Callable[..., Path]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Puts a kubectl in the way that answers the door's question and `kubectl logs`; its calls are in the file."""

    def say(answer: dict[str, Any], printed: str = "", code: int = 0) -> Path:
        (tmp_path / "answer").write_text(json.dumps({"answer": answer}))
        (tmp_path / "printed").write_bytes(os.fsencode(printed))
        program = tmp_path / "kubectl"
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n'
            f'case "$3" in get) echo {json.dumps(json.dumps(HUB))} ;; exec) cat {tmp_path}/answer ;; '
            f"logs) cat {tmp_path}/printed; exit {code} ;; esac\n"
        )
        program.chmod(0o755)
        return tmp_path / "calls"

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return say


def answer(pod: object = None, failures: object = ()) -> dict[str, Any]:
    return {"user": "maria", "pod": pod, "failures": failures}
