"""What a request does on the volume, and the answer."""

import os
from pathlib import Path
from typing import Any

import pytest
from coursehub.storage.answer import answer
from coursehub.storage.volume import Volume

from tests.unit.test_protocol import parsed

HOME: dict[str, Any] = {"verb": "home", "name": "maria", "uid": 20001, "gid": 20001}
WRONG_UIDS: list[Any] = [0, -1, 999, 19999, 2**31 - 1, 2**32, "20001", "0", " 20001", 20001.0, True, None, [20001], {}]
COURSE: dict[str, Any] = {"verb": "course", "slug": "python-intro", "gid": 70101, "data": "read-only"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
def test_the_answer_says_each_change_and_the_second_none(tmp_path: Path) -> None:
    asked = parsed(**HOME)
    planned = answer(asked, Volume(tmp_path), dry_run=True)
    assert not list(tmp_path.iterdir())
    made = answer(asked, Volume(tmp_path), dry_run=False)
    made_home = {"path": "home/01/maria", "what": "make", "to": "0700 20001:20001", "done": True}
    assert made_home in made["changes"]
    assert [each | {"done": True} for each in planned["changes"]] == made["changes"]
    assert answer(asked, Volume(tmp_path), dry_run=False) == {"changes": []}
    assert answer(parsed(verb="people"), Volume(tmp_path), dry_run=False) == {
        "people": [{"name": "maria", "uid": 20001, "gid": 20001}]
    }
