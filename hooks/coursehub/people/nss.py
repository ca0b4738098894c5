"""People from the machine's name service (getpwnam, getgrouplist), which sssd can feed from any directory.

getpwnam reports "no such user" also where sssd is down: POSIX hardly tells them apart, Python not at all.
"""

import ctypes
import grp
import pwd
from collections.abc import Iterator
from dataclasses import dataclass

from coursehub.log import Log
from coursehub.names import is_same_person
from coursehub.person import Person

from .lookup import unix_person

_MOST = 65536


@dataclass(frozen=True)
class NssProvider:
    """The people and groups that `getent` shows where this runs."""

    log: Log

    def find(self, name: str) -> Person | None:
        """See Provider.find."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return None
        if not is_same_person(entry.pw_name, name):
            self.log.warning("directory: %s is nobody here: the answer is about %.80r", name, entry.pw_name)
            return None
        return unix_person(name, entry.pw_uid, entry.pw_gid, self._groups(entry.pw_name, entry.pw_gid), self.log)

    def _groups(self, name: str, primary: int) -> Iterator[tuple[str, int]]:
        for gid in _gids(name, primary):
            try:
                yield grp.getgrgid(gid).gr_name, gid
            except KeyError:
                self.log.info("directory: %s: gid %d is left out: it has no name", name, gid)


def _gids(name: str, primary: int) -> list[int]:
    # os.getgrouplist holds Python's global lock, so a directory that hangs would stop the hub. ctypes releases it.
    libc = ctypes.CDLL(None)
    room = 64
    while room <= _MOST:
        count = ctypes.c_int(room)
        gids = (ctypes.c_uint32 * room)()
        if libc.getgrouplist(name.encode(), ctypes.c_uint32(primary), gids, ctypes.byref(count)) >= 0:
            return gids[: count.value]
        room = max(2 * room, count.value)
    raise OSError(f"{name} is in more than {_MOST} groups")
