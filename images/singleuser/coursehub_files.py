"""Python's own functions for files, which follow no link of another's, and change what they looked at and nothing else.

They have the names and arguments of `os` and `shutil`, so that code of others can use them in their place (`adopt`).
"""

import builtins
import errno
import importlib.util
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from types import ModuleType
from typing import Any

from coursehub_places import LINK, STEP, Path, Refused, check, judge, reach

Function = Callable[..., Any]


def _like(real: Function) -> Callable[[Function], Function]:
    """Takes the place of Python's own; where the file is open already, or its folder, Python's own is called."""

    def decorate(ours: Function) -> Function:
        @wraps(real)
        def either(path: Path | int, *args: Any, **more: Any) -> Any:
            more = {name: value for name, value in more.items() if value is not None or not name.endswith("dir_fd")}
            is_open = isinstance(path, int) or any(name.endswith("dir_fd") for name in more)
            return (real if is_open else ours)(path, *args, **more)

        return either

    return decorate


@_like(builtins.open)
def open_file(path: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
    return builtins.open(path, mode, *args, opener=lambda name, flags: open_descriptor(name, flags, 0o666), **more)


@_like(os.open)
def open_descriptor(path: Path, flags: int, mode: int = 0o777) -> int:
    with reach(path, follow=not flags & os.O_NOFOLLOW) as place:
        if place.own:
            return os.open(place.name, flags | os.O_NOFOLLOW, mode, dir_fd=place.folder)
        writing = bool(flags & (os.O_WRONLY | os.O_RDWR))
        check(place, writing=writing)
        # Emptied is what was looked at; and a pipe would keep us waiting for its other end.
        wanted = flags & ~os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            held = os.open(place.name, wanted, mode, dir_fd=place.folder)
        except OSError as error:
            raise Refused(LINK, place.path) if error.errno == errno.ELOOP else error from None
        try:
            judge(os.fstat(held), place, writing=writing)
            if flags & os.O_TRUNC:
                os.ftruncate(held, 0)
        except BaseException:
            os.close(held)
            raise
        return held


@_like(os.mkdir)
def mkdir(path: Path, mode: int = 0o777) -> None:
    with reach(path, follow=False) as place:
        os.mkdir(place.name, mode, dir_fd=place.folder)


def makedirs(name: Path, mode: int = 0o777, exist_ok: bool = False) -> None:
    """As os.makedirs."""
    path = os.path.normpath(os.fsdecode(name))
    above = os.path.dirname(path)
    if above and not os.path.isdir(above):
        with suppress(FileExistsError):
            makedirs(above, exist_ok=exist_ok)
    try:
        mkdir(path, mode)
    except FileExistsError:
        if not exist_ok or not os.path.isdir(path):
            raise
        # It may be a link to a folder.
        with reach(path):
            pass


@_like(os.unlink)
def unlink(path: Path) -> None:
    with reach(path, follow=False) as place:
        os.unlink(place.name, dir_fd=place.folder)


@_like(os.rmdir)
def rmdir(path: Path) -> None:
    with reach(path, follow=False) as place:
        os.rmdir(place.name, dir_fd=place.folder)


@_like(os.replace)
def replace(src: Path, dst: Path) -> None:
    with reach(src, follow=False) as old, reach(dst, follow=False) as new:
        # A link stays where nobody follows it.
        if not old.own and stat.S_ISLNK(os.stat(old.name, dir_fd=old.folder, follow_symlinks=False).st_mode):
            raise Refused(LINK, old.path)
        os.replace(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)


@_like(os.chmod)
def chmod(path: Path, mode: int, *, follow_symlinks: bool = True) -> None:
    with _held(path, follow_symlinks) as held:
        os.chmod(held, mode)


@_like(os.utime)
def utime(path: Path, *args: Any, follow_symlinks: bool = True, **more: Any) -> None:
    with _held(path, follow_symlinks) as held:
        os.utime(held, *args, **more)


@_like(os.setxattr)
def setxattr(path: Path, *args: Any, follow_symlinks: bool = True) -> None:
    with _held(path, follow_symlinks) as held:
        os.setxattr(held, *args)


@_like(os.listdir)
def listdir(path: Path) -> list[Any]:
    held = open_descriptor(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return os.listdir(held)
    finally:
        os.close(held)


@_like(os.scandir)
def scandir(path: Path) -> Any:
    # What is read here are names, and each of them is reached anew.
    with reach(path):
        return os.scandir(path)


@_like(os.readlink)
def readlink(path: Path) -> Any:
    with reach(path, follow=False) as place:
        if not place.own:
            raise Refused(LINK, place.path)
        return os.readlink(place.name, dir_fd=place.folder)


def adopt(*modules: ModuleType) -> None:
    """From now on these modules read and write by what is here."""
    for module in modules:
        for name, ours in (("os", OS), ("shutil", SHUTIL)):
            if hasattr(module, name):
                setattr(module, name, ours)
        module.__dict__["open"] = open_file


@contextmanager
def _held(path: Path, follow: bool) -> Iterator[str]:
    """A name of the very file that was looked at, for calls that take a descriptor only of what may be read."""
    with reach(path, follow=follow) as place:
        held = os.open(place.name, STEP, dir_fd=place.folder)
        try:
            judge(os.fstat(held), place, writing=True)
            yield f"/proc/self/fd/{held}"
        finally:
            os.close(held)


def _second(name: str) -> Any:
    """A copy of a module of Python's, which nothing else uses."""
    spec: Any = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Os(ModuleType):
    """The module os, with what is here in place of its own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


OS: Any = _Os("os")
OS.__dict__.update(
    open=open_descriptor, mkdir=mkdir, makedirs=makedirs, unlink=unlink, remove=unlink, rmdir=rmdir, rename=replace,
    replace=replace, chmod=chmod, utime=utime, setxattr=setxattr, listdir=listdir, scandir=scandir, readlink=readlink,
)  # fmt: skip
SHUTIL = _second("shutil")
# Whoever catches Python's errors catches these.
SHUTIL.__dict__.update({name: each for name, each in vars(shutil).items() if isinstance(each, type)})
adopt(SHUTIL)
