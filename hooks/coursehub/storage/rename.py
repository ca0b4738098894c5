"""Gives a home another login name or another uid: the one way in which a person's pin changes.

What pins is changed last, so a run that was cut off is completed by the next.
"""

import fcntl
import json
import os
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from coursehub import layout, pins
from coursehub.errors import Refused
from coursehub.names import is_slug
from coursehub.pins import Home
from coursehub.protocol import EntryChange, Tenant

from . import openat, ownership, people
from .ownership import Given, Owner, Progress
from .volume import Volume

# The file that a server locks in its home (images/singleuser/coursehub_home.py).
LOCK = ".coursehub-lock"
# Where nbgrader has a student's name in a course's files.
GRADED = ("submitted", "autograded", "feedback")
# Whose due dates are later (images/singleuser/nbgrader_extensions.py); of more bytes than these none is looked for.
EXTENSIONS, MOST = ".extensions.json", 2**20


@dataclass(frozen=True)
class Moved:
    """A home, or a submission that nobody has collected, at another place."""

    path: str
    to: str
    done: bool = True

    def __str__(self) -> str:
        return f"move {self.path} to {self.to}"


@dataclass(frozen=True)
class Kept:
    """Where the old name or uid stays, and why."""

    path: str
    why: str
    what: str = "name"

    def __str__(self) -> str:
        return f"the old {self.what} stays in {self.path}: {self.why}"


Step = Given | Moved | EntryChange | Kept


@dataclass(frozen=True)
class Change:
    """A home and the name, uid and gid that it gets; without a gid its group stays."""

    home: Home
    name: str
    uid: int
    gid: int | None = None

    @property
    def target(self) -> str:
        """Where the home goes."""
        return layout.home(self.uid, self.name)

    @property
    def to(self) -> str:
        """The new owner, in words."""
        return f"{self.uid}" if self.gid is None else f"{self.uid}:{self.gid}"

    def owner(self, group: int) -> Owner:
        """What each file of theirs gets; `group` is the home's, which a new gid takes the place of."""

        def owner(found: os.stat_result) -> tuple[int, int]:
            if found.st_uid not in (self.home.uid, self.uid):
                return found.st_uid, found.st_gid
            return self.uid, self.gid if self.gid is not None and found.st_gid == group else found.st_gid

        return owner


def rename(
    volume: Volume, old: str, new: str, uid: int | None, gid: int | None, *, dry_run: bool, progress: Progress
) -> Iterator[Step]:
    """Moves the home of `old` to where that of `new` is, and all in it to `uid`; yields each step.

    Submissions that are not collected go with it, and the lists of people of the courses that have them. Where all is
    done already nothing is yielded but what stays. Raises Refused, with nothing changed, where that would touch
    somebody else's home, give it a course's group, or a server has it in use.
    """
    change = _change(volume.root, old, new, uid, gid)
    person = _person(volume, new, change)
    if change is not None:
        with _unused(volume.root, change.home.path):
            yield from _carry_out(volume, change, dry_run=dry_run, progress=progress)
    yield from _lists(volume.root, old, person, dry_run=dry_run)
    if old != new:
        yield from _kept(volume.root, old)


def _person(volume: Volume, name: str, change: Change | None) -> Tenant:
    """Whose the home is once it is done."""
    if change is None:
        return next(tenant for tenant in volume.people() if tenant.name == name)
    return Tenant(name, change.uid, change.gid or (volume.root / change.home.path).lstat().st_gid)


def _lists(root: Path, old: str, person: Tenant, *, dry_run: bool) -> Iterator[EntryChange | Kept]:
    for slug in _slugs(root, "course"):
        try:
            yield from people.rename(root, slug, old, person, dry_run=dry_run)
        except Refused:
            # It has none until its directories are made once again.
            continue
        except OSError as error:
            what = "uid" if old == person.name else "name"
            yield Kept(layout.people_list(slug), f"{error.strerror}; look what is in its place", what)


def _change(root: Path, old: str, new: str, uid: int | None, gid: int | None) -> Change | None:
    """What is to be done; None where it is done."""
    everybody = list(pins.homes(root))
    theirs = [home for home in everybody if home.name == old]
    taken = [home for home in everybody if home.name == new and new != old]
    if not theirs:
        if len(taken) == 1 and uid in (None, taken[0].uid) and taken[0].path == layout.home(taken[0].uid, new):
            return None
        raise Refused(f"{old} has no home here" + (f"; {new} has {_named(taken)}" if taken else ""))
    if len(theirs) > 1:
        raise Refused(f"{old} has several homes, {_named(theirs)}: move all but one out of home/, then run this again")
    for slug in _slugs(root, "course"):
        if gid is not None and pins.gid_of(root, slug) == gid:
            raise Refused(f"group {gid} is course '{slug}''s, and {new} would be an instructor; take another")
    change = Change(theirs[0], new, theirs[0].uid if uid is None else uid, gid)
    taken += [home for home in everybody if home.uid == change.uid and home not in (*theirs, *taken)]
    if taken:
        raise Refused(
            f"{_named(taken)} is there already: nothing was changed; where it is the same person's, move what is in it "
            "and remove it, then run this again"
        )
    if change.target != change.home.path and os.path.lexists(root / change.target):
        raise Refused(f"{change.target} is in the way, and nobody's home: look at it and move it away")
    return change


def _named(homes: Sequence[Home]) -> str:
    return ", ".join(f"{home.path} of uid {home.uid}" for home in homes)


@contextmanager
def _unused(root: Path, home: str) -> Iterator[None]:
    """No server has the home in use, here or on a node, and none that locks it begins meanwhile."""
    with ExitStack() as held:
        # No server was there yet, or what has the name is no lock.
        with suppress(OSError):
            folder = held.enter_context(openat.folder(root, home))
            lock = os.open(LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            held.callback(os.close, lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The locks of NFS clients are of this other kind.
                fcntl.fcntl(lock, fcntl.F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
            except BlockingIOError:
                sentence = f"a server has {home} in use: nothing was changed; stop it, then run this again"
                raise Refused(sentence) from None
        yield


def _carry_out(volume: Volume, change: Change, *, dry_run: bool, progress: Progress) -> Iterator[Step]:
    root, home = volume.root, change.home
    group = (root / home.path).lstat().st_gid
    owner = change.owner(group)
    another = (change.uid, change.gid or group) != (home.uid, group)
    if another:
        yield from ownership.give_below(root, [home.path], owner, change.to, dry_run=dry_run, progress=progress)
    for slug in _slugs(root, "exchange"):
        with suppress(FileNotFoundError, NotADirectoryError):
            yield from _submissions(root, f"{layout.exchange(slug)}/inbound", change, owner, dry_run, progress)
    if not dry_run:
        ownership.give(root, home.path, owner)
    if another:
        yield EntryChange(home.path, "correct", change.to, not dry_run)
    if change.target != home.path:
        if not dry_run:
            tree = layout.home_tree(change.uid, 0, change.name)
            volume.ensure(entry for entry in tree if entry.parent)
            _move(root, home.path, change.target)
        yield Moved(home.path, change.target, not dry_run)


def _submissions(
    root: Path, inbound: str, change: Change, owner: Owner, dry_run: bool, progress: Progress
) -> Iterator[Step]:
    with openat.folder(root, inbound) as held:
        others = 0
        for name in sorted(name for name in os.listdir(held) if name.startswith(f"{change.home.name}+")):
            found = openat.look(held, name)
            if found is None or not stat.S_ISDIR(found.st_mode) or found.st_uid not in (change.home.uid, change.uid):
                others += 1
                continue
            path = f"{inbound}/{name}"
            yield from ownership.give_below(root, [path], owner, change.to, dry_run=dry_run, progress=progress)
            target = change.name + name.removeprefix(change.home.name)
            if target != name and openat.look(held, target) is not None:
                yield Kept(path, f"{target} is there too")
                continue
            if not dry_run:
                ownership.give(root, path, owner)
            if target != name:
                if not dry_run:
                    os.rename(name, target, src_dir_fd=held, dst_dir_fd=held)
                yield Moved(path, f"{inbound}/{target}", not dry_run)
        if others:
            yield Kept(inbound, f"{others} submissions with it are somebody else's, and `collect` refuses them")


def _move(root: Path, path: str, target: str) -> None:
    above, _, name = path.rpartition("/")
    new_above, _, new_name = target.rpartition("/")
    with (
        openat.naming(root / target),
        openat.folder(root, above) as source,
        openat.folder(root, new_above) as destination,
    ):
        os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=destination)


def _kept(root: Path, old: str) -> Iterator[Kept]:
    for slug in _slugs(root, "course"):
        files = layout.course_files(slug)
        found = [folder for folder in GRADED if _is_there(root, f"{files}/{folder}", old)]
        if found:
            paths = ", ".join(f"{folder}/{old}" for folder in found)
            yield Kept(files, f"{paths}, and in its gradebook; its instructors see two students there")
        if _has_extension(root, files, old):
            yield Kept(f"{files}/{EXTENSIONS}", "its instructors give the extension to the new one, too")


def _is_there(root: Path, above: str, name: str) -> bool:
    with suppress(OSError), openat.folder(root, above) as held:
        return openat.look(held, name) is not None
    return False


def _has_extension(root: Path, files: str, name: str) -> bool:
    with (
        suppress(OSError),
        openat.folder(root, files) as held,
        openat.entry(held, EXTENSIONS, stat.S_IFREG) as listed,
    ):
        return json.dumps(name).encode() in os.read(listed, MOST)
    return False


def _slugs(root: Path, above: str) -> list[str]:
    with suppress(FileNotFoundError):
        return sorted(filter(is_slug, os.listdir(root / above)))
    return []
