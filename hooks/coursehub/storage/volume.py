"""The shared volume, mounted: its verbs. Each is idempotent, returns its changes, and never deletes."""

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from coursehub import layout, pins
from coursehub.errors import Refused
from coursehub.layout import Directory, File, TreeEntry
from coursehub.protocol import EntryChange, Tenant

from . import openat
from .course import CourseTree

SSH_DOOR = "the command line or the ssh door of the storage host (docs/admins/storage.md, Which door)"
# The id to which the trial gives its directory: nobody has it.
_TRIAL = 65533
_MAKING = Lock()


class Volume:
    """The volume at `root`; most of it needs root. Its methods raise OSError where the file system refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def home(self, name: str, uid: int, gid: int, *, dry_run: bool = False) -> list[EntryChange]:
        """Makes the person's home, or corrects it; raises Refused where name or uid are pinned to somebody else."""
        tree = tuple(layout.home_tree(uid, gid, name))
        if self._look(layout.home(uid, name)) is None:
            with _MAKING:
                pins.hold_person(self.root, name, uid, new=True)
                changes = self.ensure(tree, dry_run=dry_run)
            # Another door may have made one of theirs in the same moment; then neither of them starts anything.
            pins.hold_person(self.root, name, uid)
            return changes
        pins.hold_person(self.root, name, uid)
        return self.ensure(tree, dry_run=dry_run)

    def course(
        self, slug: str, gid: int, data: str, *, archived: bool = False, dry_run: bool = False
    ) -> list[EntryChange]:
        """Makes or corrects the course's directories and gradebook; of an archived course they are closed.

        Raises Refused where they are pinned to another gid.
        """
        pins.hold_course(self.root, slug, gid)
        return self.ensure(CourseTree(slug, gid, data, archived).entries, dry_run=dry_run)

    def ensure(self, tree: Iterable[TreeEntry], *, dry_run: bool = False) -> list[EntryChange]:
        """Makes or corrects all of `tree`; see the function `ensure`."""
        return list(ensure(self.root, tree, dry_run=dry_run, parents=False))

    def people(self) -> list[Tenant]:
        """Everyone with a home, by name; a home in the folder of another uid does not count."""
        there = (home for home in pins.homes(self.root) if home.path == layout.home(home.uid, home.name))
        return [Tenant(home.name, home.uid, home.gid) for home in sorted(there, key=lambda home: home.name)]

    def trial(self) -> None:
        """Makes a directory and gives it away; raises Refused, which names the other doors, where root cannot."""
        name = f".coursehub-trial-{secrets.token_hex(8)}"
        with openat.folder(self.root) as root:
            try:
                os.mkdir(name, 0o700, dir_fd=root)
                try:
                    with openat.entry(root, name, stat.S_IFDIR) as made:
                        openat.give(made, _TRIAL, _TRIAL, 0o2770)
                        found = os.fstat(made)
                    if (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) != (0o2770, _TRIAL, _TRIAL):
                        raise OSError(errno.EPERM, "owner or mode did not stay")
                finally:
                    os.rmdir(name, dir_fd=root)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EPERM):
                    raise
                raise Refused(
                    f"root may not make directories on this volume and give them away ({error.strerror}): the export "
                    f"has root_squash, as it should. Use {SSH_DOOR} instead."
                ) from None

    def _look(self, path: str) -> os.stat_result | None:
        above, _, name = path.rpartition("/")
        with suppress(FileNotFoundError), openat.folder(self.root, above) as parent:
            return openat.look(parent, name)
        return None


def ensure(
    root: Path, tree: Iterable[TreeEntry], *, dry_run: bool = False, parents: bool = True
) -> Iterator[EntryChange]:
    """Makes what is missing of `tree` under `root`, corrects owner and mode, and yields each change; idempotent.

    A parent that others own or can write in is corrected with `parents`; without, it raises Refused. Raises OSError
    where the volume does not let root make or own directories (root_squash), and NotADirectoryError where something
    else, such as a symbolic link, has the name.
    """
    if not parents:
        _refuse_shared(root.stat(), str(root), 0o755)
    to_come: list[str] = []
    for entry in tree:
        above, _, name = entry.path.rpartition("/")
        if above in to_come:
            # In a dry run its parent is not there yet.
            found = None
        else:
            with openat.folder(root, above) as parent:
                found = openat.look(parent, name)
        if found is None:
            yield EntryChange(entry.path, "make", owned(entry), done=not dry_run)
            to_come += [entry.path] if dry_run else []
            if not dry_run:
                with openat.naming(root / entry.path), openat.folder(root, above) as parent:
                    _make(parent, name, entry)
            continue
        _refuse_other_kind(root, entry, found)
        if is_as_wanted(entry, found):
            continue
        if isinstance(entry, Directory) and entry.parent and not parents:
            _refuse_shared(found, entry.path, entry.mode)
        yield EntryChange(entry.path, "correct", owned(entry), done=not dry_run)
        if not dry_run:
            with openat.naming(root / entry.path), openat.folder(root, above) as parent:
                _own(parent, name, entry)


def _refuse_shared(found: os.stat_result, path: str, mode: int) -> None:
    if found.st_uid == 0 and not stat.S_IMODE(found.st_mode) & 0o022:
        return
    raise Refused(
        f"{path} is uid {found.st_uid}'s with mode {stat.S_IMODE(found.st_mode):04o}, and has to be root's with "
        f"{mode:04o}: whoever can write in it could put something else in the place of what is below. Look at what is "
        "in it, then correct it"
    )


def is_as_wanted(entry: TreeEntry, found: os.stat_result) -> bool:
    """Whether owner, group and mode are the tree's; anybody may own a file, since who writes it last does."""
    owner = found.st_uid if isinstance(entry, File) else entry.uid
    return (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (entry.mode, owner, entry.gid)


def owned(entry: TreeEntry) -> str:
    """Mode, owner and group, as `2770 0:70101`."""
    return f"{entry.mode:04o} {entry.uid}:{entry.gid}"


def kind(entry: TreeEntry) -> int:
    """stat.S_IFREG or S_IFDIR."""
    return stat.S_IFREG if isinstance(entry, File) else stat.S_IFDIR


def _refuse_other_kind(root: Path, entry: TreeEntry, found: os.stat_result) -> None:
    if stat.S_IFMT(found.st_mode) == kind(entry):
        return
    what = "file" if isinstance(entry, File) else "directory"
    raise NotADirectoryError(errno.ENOTDIR, f"is in the way; a {what} must be there", str(root / entry.path))


def _make(parent: int, name: str, entry: TreeEntry) -> None:
    if isinstance(entry, Directory):
        # Another door may have made it in the same moment.
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
    else:
        with suppress(FileExistsError):
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600, dir_fd=parent))
    _own(parent, name, entry)


def _own(parent: int, name: str, entry: TreeEntry) -> None:
    with openat.entry(parent, name, kind(entry)) as held:
        # A file with a second name may not be the course's.
        if isinstance(entry, File) and not openat.is_alone(os.fstat(held)):
            raise Refused(f"{entry.path} has a second name somewhere (a hard link); replace it with a copy of itself")
        openat.give(held, entry.uid if isinstance(entry, Directory) else -1, entry.gid, entry.mode)
