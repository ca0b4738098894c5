"""What the hub keeps over a restart, by name such as failures/maria.json: in a folder, a database, or in memory."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Never, Protocol

from coursehub import atomic
from coursehub.errors import CoursehubError
from coursehub.log import Log

PAUSE = 60.0
# What becomes of a content, None where there is none.
Change = Callable[[bytes | None], bytes]


class CannotKeep(CoursehubError):
    """The place does not take or give what is asked; the message names the place and says why."""


class Place(Protocol):
    """Where contents are, each whole or as it was before; its methods raise CannotKeep, and threads may call them."""

    @property
    def lost(self) -> str | None:
        """Why nothing in it outlasts a restart; None where all does."""

    def read(self, name: str) -> bytes | None:
        """The content, None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """It is there, also after a power cut."""

    def remove(self, name: str) -> None:
        """It is gone; nothing happens where there is none."""

    def names(self, folder: str) -> list[str]:
        """Of all contents in the folder, such as failures."""


class Folder:
    """Files on the hub's own volume, for the hub's user alone."""

    lost = None

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes | None:
        """See Place."""
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _told(error) from None

    def write(self, name: str, content: bytes) -> None:
        """See Place."""
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic.write(self._path / name, [content])
        except OSError as error:
            raise _told(error) from None

    def remove(self, name: str) -> None:
        """See Place."""
        try:
            (self._path / name).unlink(missing_ok=True)
        except OSError as error:
            raise _told(error) from None

    def names(self, folder: str) -> list[str]:
        """See Place."""
        return [f"{folder}/{path.name}" for path in (self._path / folder).glob("*.json")]


class Memory:
    """Nothing that outlasts the hub's process, for the reason `lost`."""

    def __init__(self, lost: str) -> None:
        self.lost = lost
        self._contents: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        """See Place."""
        return self._contents.get(name)

    def write(self, name: str, content: bytes) -> None:
        """See Place."""
        self._contents[name] = content

    def remove(self, name: str) -> None:
        """See Place."""
        self._contents.pop(name, None)

    def names(self, folder: str) -> list[str]:
        """See Place."""
        return [name for name in list(self._contents) if name.startswith(f"{folder}/")]


class Kept:
    """Contents in a place; what it does not take is held in memory, and tried again."""

    def __init__(self, place: Place, log: Log) -> None:
        self._place = place
        self._log = log
        self._held: dict[str, bytes] = {}
        # What is to become of contents that the place does not give.
        self._changes: dict[str, list[Change]] = {}
        self._why: str | None = None
        self._turn = Lock()
        if place.lost:
            log.warning("Nothing that the hub keeps outlasts its restart: %s", place.lost)

    @property
    def unsaved(self) -> str | None:
        """Why a restart would not know all that is kept; None where it would."""
        return self._place.lost or self._why

    def read(self, name: str) -> bytes | None:
        """The newest content, None where there is none; raises CannotKeep where nothing of it is known."""
        with self._turn:
            try:
                return self._newest(name)
            except CannotKeep:
                if name not in self._changes:
                    raise
                return self._changed(name, None)

    def names(self, folder: str) -> list[str]:
        """Of all contents in the folder; raises CannotKeep."""
        with self._turn:
            held = (name for name in (*self._held, *self._changes) if name.startswith(f"{folder}/"))
            return list(dict.fromkeys([*self._place.names(folder), *held]))

    def write(self, name: str, content: bytes) -> None:
        """Keeps it; raises CannotKeep, and all is as before then."""
        with self._turn:
            self._place.write(name, content)
            self._done(name)

    def remove(self, name: str) -> None:
        """It is gone; raises CannotKeep, and all is as before then."""
        with self._turn:
            self._place.remove(name)
            self._done(name)

    def keep(self, name: str, content: bytes) -> None:
        """Keeps it now or, where the place does not take it, as soon as it does; until then `unsaved` says why."""
        with self._turn:
            self._held[name] = content
            self._changes.pop(name, None)
            self._try(name)

    def change(self, name: str, change: Change) -> None:
        """Keeps what becomes of the content, as `keep` does."""
        with self._turn:
            self._changes.setdefault(name, []).append(change)
            self._try(name)

    async def follow(self) -> Never:
        """Tries what is held again, each minute."""
        while True:
            await asyncio.sleep(PAUSE)
            if self._waiting():
                await asyncio.to_thread(self.again)

    def again(self) -> None:
        """Tries what is held."""
        for name in self._waiting():
            with self._turn:
                if name in self._waiting():
                    self._try(name)

    def _waiting(self) -> list[str]:
        return list(dict.fromkeys([*self._held, *self._changes]))

    def _newest(self, name: str) -> bytes | None:
        return self._changed(name, self._held[name] if name in self._held else self._place.read(name))

    def _changed(self, name: str, content: bytes | None) -> bytes | None:
        for change in self._changes.get(name, ()):
            content = change(content)
        return content

    def _try(self, name: str) -> None:
        try:
            if (content := self._newest(name)) is not None:
                self._place.write(name, content)
        except CannotKeep as error:
            if self._why != str(error):
                self._log.error("A restart of the hub would not know %s: %s", name, error)
            self._why = str(error)
        else:
            self._done(name)

    def _done(self, name: str) -> None:
        self._held.pop(name, None)
        self._changes.pop(name, None)
        if self._why and not self._waiting():
            self._why = None
            self._log.info("A restart of the hub would know all again")


def _told(error: OSError) -> CannotKeep:
    return CannotKeep(f"the hub's volume: {error.strerror or error}")
