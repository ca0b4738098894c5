"""All or nothing: a file or a folder that is made takes its place when it is whole, and else nothing has changed.

A home, a course's folders and the exchange can be full in the middle of a copy, and NFS may tell of a quota only when a
file is flushed.
"""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from coursehub_files import OS, SHUTIL, open_descriptor
from coursehub_places import check, reach


@contextmanager
def replacing(path: str) -> Iterator[str]:
    """Gives a place to make a file or a folder in, which is at `path` once the block ends; OSError where that fails.

    What was at `path` stays until then, and for good where the block raises. The folder that it lies in exists.
    Refused, of coursehub_places.py, where a link of another's is there.
    """
    with reach(path) as place:
        check(place, writing=True)
        path = place.path
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".making-{secrets.token_hex(8)}")
    made, earlier = os.path.join(beside, name), os.path.join(beside, ".earlier")
    OS.mkdir(beside)
    try:
        yield made
        flush(made)
        if os.path.isdir(path):
            OS.rename(path, earlier)
        try:
            OS.rename(made, path)
        except BaseException:
            if os.path.lexists(earlier):
                OS.rename(earlier, path)
            raise
    finally:
        SHUTIL.rmtree(beside, ignore_errors=True)


def flush(path: str) -> None:
    """Has all that is at `path` written to its disk; OSError where there is no room for it."""
    files = [path]
    for folder, _, names in os.walk(path):
        files += [folder, *(os.path.join(folder, name) for name in names)]
    for each in dict.fromkeys(files):
        if os.path.islink(each):
            continue
        held = open_descriptor(each, os.O_RDONLY)
        try:
            os.fsync(held)
        finally:
            os.close(held)


def reason(error: OSError) -> str:
    """Why it failed, as the system says it."""
    return os.strerror(_number(error)) if _number(error) else str(error)


def told(error: OSError) -> str:
    """Why it failed, and of what, and what helps where there was no room in a home."""
    if _number(error) in (errno.ENOSPC, errno.EDQUOT):
        return f"({reason(error)}). If your home is full, delete what you do not need, then try again."
    return f"({reason(error)}{f': {error.filename!r}' if error.filename else ''})."


def _number(error: OSError) -> int:
    if isinstance(error, shutil.Error):
        # As copytree gathers them: from, to, why.
        found = re.match(r"\[Errno (\d+)\]", str(error.args[0][0][2]))
        return int(found[1]) if found else 0
    return error.errno or 0
