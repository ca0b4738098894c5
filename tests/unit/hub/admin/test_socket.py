"""What is asked of the running hub, through a socket of its own pod."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from coursehub.errors import Refused
from coursehub.hub.admin import socket

LOG = logging.getLogger("tests.socket")


async def answer(question: dict[str, Any]) -> object:
    match question["ask"]:
        case "echo":
            return question
        case "refuse":
            raise Refused("Not today.")
        case "slow":
            await asyncio.sleep(60)
        case "read":
            return question["nothing"]
        case "break":
            raise RuntimeError("of the hub's own")
        case "no JSON":
            return {1, 2}
        case "lose":
            raise FileNotFoundError(2, "of the hub's own")
    return None


@pytest_asyncio.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    (tmp_path / "door").touch()  # left by a hub that was killed
    server = await socket.serve(answer, LOG, tmp_path / "door")
    yield tmp_path / "door"
    server.close()


async def asked(path: Path, question: str) -> Any:
    return json.loads(await asyncio.to_thread(socket.ask, question, path))


async def test_a_question_is_answered_and_the_next_one_too(path: Path) -> None:
    for text in ("one", 'two "quoted"\nlines'):
        question = {"ask": "echo", "text": text}
        assert await asked(path, json.dumps(question)) == {"answer": question}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ('{"ask": "refuse"}', "Not today."),
        ('{"ask": "read"}', "the question cannot be read: KeyError: 'nothing'"),
        ("{}", "the question cannot be read: KeyError: 'ask'"),
        ("[]", "the question is no JSON object"),
        ("nonsense", "the question cannot be read: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        ("\\xff", "the question cannot be read: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
    ],
)
async def test_what_cannot_be_answered_is_a_sentence(path: Path, question: str, said: str) -> None:
    assert await asked(path, question) == {"refusal": said}


@pytest.mark.parametrize(
    ("question", "why", "logged"),
    [
        ("break", "(RuntimeError)", "of the hub's own"),
        ("lose", "(FileNotFoundError)", "of the hub's own"),
        ("no JSON", "(TypeError)", "set is not JSON serializable"),
        ("slow", "within 0.1 s", '{"ask": "slow"}'),
    ],
)
async def test_of_a_mistake_of_the_hubs_the_asker_reads_that_there_was_one_and_its_log_has_the_rest(
    path: Path, question: str, why: str, logged: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "SECONDS", 0.1)
    refusal = {"refusal": f"the hub could not answer {why}; its log says where"}
    assert await asked(path, json.dumps({"ask": question})) == refusal
    assert logged in caplog.text
    assert await asked(path, '{"ask": "echo"}') == {"answer": {"ask": "echo"}}


async def test_a_question_longer_than_any_is_dropped_and_others_are_answered(path: Path) -> None:
    try:
        reply = await asyncio.to_thread(socket.ask, "x" * 200_000, path)
    except OSError:
        reply = b""
    assert reply == b""
    assert await asked(path, '{"ask": "echo"}') == {"answer": {"ask": "echo"}}


async def test_nobody_but_the_hubs_own_user_can_knock(path: Path) -> None:
    assert os.stat(path).st_mode & 0o777 == 0o600


async def test_slow_answers_hold_nobody_up(path: Path) -> None:
    slow = asyncio.create_task(asked(path, '{"ask": "slow"}'))
    await asyncio.sleep(0)
    assert await asked(path, '{"ask": "echo"}') == {"answer": {"ask": "echo"}}
    slow.cancel()


async def test_a_hub_that_ends_before_it_replied_is_no_reply(tmp_path: Path) -> None:
    def end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(end, tmp_path / "door"):
        with pytest.raises(OSError, match=r"ended before it replied|Broken pipe|reset"):
            await asyncio.to_thread(socket.ask, "{}", tmp_path / "door")


def test_where_no_hub_listens_the_command_in_the_pod_says_so() -> None:
    code = "import runpy; runpy.run_module('coursehub.hub.admin.socket', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code, "{}"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("no reply from the hub at ")
