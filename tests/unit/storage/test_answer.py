"""What a request does on the volume, and the reply."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from coursehub.protocol import ChangesReply, EntryChange, PeopleReply, Tenant
from coursehub.storage.answer import answer
from coursehub.storage.volume import Volume

from tests.unit.test_protocol import HOME, parsed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
def test_the_reply_has_each_change_and_the_second_none(tmp_path: Path) -> None:
    request, volume = parsed(**HOME), Volume(tmp_path)
    planned = answer(request, volume, dry_run=True)
    assert not list(tmp_path.iterdir())
    made = answer(request, volume, dry_run=False)
    assert isinstance(planned, ChangesReply)
    assert isinstance(made, ChangesReply)
    assert EntryChange("home/01/maria", "make", "0700 20001:20001") in made.changes
    assert tuple(replace(change, done=False) for change in made.changes) == planned.changes
    assert answer(request, volume, dry_run=False) == ChangesReply(())
    assert answer(parsed(verb="people"), volume, dry_run=False) == PeopleReply((Tenant("maria", 20001, 20001),))
