"""Whom an instructor's server knows: the course's people by their uids, as the provisioner lists them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# Lines of passwd: the course's people, by the uid that owns the home of that name.
PEOPLE = Path("/srv/coursehub/people/passwd")


def people() -> Iterator[tuple[int, str]]:
    """Uid and name; a uid can have several names, and each of them is its own."""
    with suppress(FileNotFoundError):
        for line in PEOPLE.read_text().splitlines():
            name, _, uid, *_ = [*line.split(":"), "", "", ""]
            if uid.isdecimal():
                yield int(uid), name
