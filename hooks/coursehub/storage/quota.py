"""The file system's own limits on what people and courses store: quotactl_fd(2), which needs no device.

Homes have user quotas. A course has a project quota where the file system knows projects (ext4 with the feature
`project`, XFS), else a group quota: a project counts all in the course's directories, whoever owns it.
"""

import ctypes
import errno
import fcntl
import os
import struct
from dataclasses import dataclass
from enum import IntEnum

from coursehub.limits import Limit

# The same number on every architecture, since Linux 5.14.
_QUOTACTL_FD = 443
_GET, _SET, _STATE = 0x800007, 0x800008, 0x5805
_FIELDS = struct.Struct("=8QI4x")
_BLOCK = 1024
_SIZE_VALID, _FILES_VALID = 1, 4
_GETFSXATTR, _SETFSXATTR = 0x801C581F, 0x401C5820
_XATTR = struct.Struct("=5I8x")
_INHERIT = 0x200
_NONE_HERE = {
    errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY, errno.ESRCH, errno.EINVAL, errno.ENOTSUP, errno.ENODEV, errno.ENOTBLK
}  # fmt: skip


class Kind(IntEnum):
    """The kinds of quota; the kernel's numbers."""

    USER = 0
    GROUP = 1
    PROJECT = 2


@dataclass(frozen=True)
class Count:
    """What is used, in bytes and files, and the limit."""

    size: int
    files: int
    limit: Limit


def enforced(at: int) -> frozenset[Kind]:
    """The kinds that the file system at the descriptor counts and limits; none where it has no quotas."""
    state = ctypes.create_string_buffer(256)
    state[0] = b"\x01"
    try:
        _control(at, _STATE, Kind.USER, 0, state)
    except OSError as error:
        if error.errno in _NONE_HERE or error.errno == errno.EPERM:
            return frozenset()
        raise
    (flags,) = struct.unpack_from("=H", state.raw, 2)
    # Each kind has two bits: counted, and limited. ext4 counts without its mount option, and then limits nothing.
    return frozenset(kind for kind in Kind if flags >> 2 * kind & 3 == 3)


def get(at: int, kind: Kind, number: int) -> Count:
    """What the file system counts for the id, and its limits; zeros for an id that it does not know."""
    data = ctypes.create_string_buffer(_FIELDS.size)
    try:
        _control(at, _GET, kind, number, data)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
    hard, _, used, file_hard, _, files, _, _, _ = _FIELDS.unpack(data.raw)
    return Count(used, files, Limit(hard * _BLOCK, file_hard))


def limit(at: int, kind: Kind, number: int, wanted: Limit) -> None:
    """Sets the limit; what is above it already stays."""
    valid = _SIZE_VALID * (wanted.size is not None) | _FILES_VALID * (wanted.files is not None)
    size = -(-(wanted.size or 0) // _BLOCK)
    fields = _FIELDS.pack(size, 0, 0, wanted.files or 0, 0, 0, 0, 0, valid)
    _control(at, _SET, kind, number, ctypes.create_string_buffer(fields, _FIELDS.size))


def project(at: int) -> int | None:
    """The project of the file or directory at the descriptor; None where the file system has no projects."""
    data = bytearray(_XATTR.size)
    try:
        fcntl.ioctl(at, _GETFSXATTR, data)
    except OSError:
        return None
    return int(_XATTR.unpack(data)[3])


def put_in_project(at: int, number: int, *, heritable: bool) -> None:
    """Puts the file or directory into the project; with `heritable` also what is made in the directory later."""
    data = bytearray(_XATTR.size)
    fcntl.ioctl(at, _GETFSXATTR, data)
    flags, size, extents, _, cow = _XATTR.unpack(data)
    fcntl.ioctl(at, _SETFSXATTR, _XATTR.pack(flags | (_INHERIT if heritable else 0), size, extents, number, cow))


def _control(at: int, command: int, kind: Kind, number: int, data: "ctypes.Array[ctypes.c_char]") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.syscall(
        ctypes.c_long(_QUOTACTL_FD), ctypes.c_uint(at), ctypes.c_uint(command << 8 | kind), ctypes.c_uint(number), data
    )
    if done == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
