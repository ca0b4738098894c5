"""The shared volume, mounted: its verbs. Each is idempotent, returns its changes, and never deletes."""

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from coursehub import layout
from coursehub.errors import Refused
from coursehub.layout import Directory, File, TreeEntry
from coursehub.names import is_person
from coursehub.protocol import EntryChange, Tenant

from . import openat

SSH_DOOR = "the command line or the ssh door of the storage host (docs/admins.md, Directories)"
# The id to which the trial gives its directory: nobody has it.
_TRIAL = 65533
_LISTING = Lock()


def course_entries(slug: str, gid: int, data: str, archived: bool) -> tuple[TreeEntry, ...]:
    """The tree of a course as the course file describes it; `data` is none, read-only or read-write."""
    return tuple(
        layout.course_tree(slug, gid, data=data != "none", data_writable=data == "read-write", archived=archived)
    )


class Volume:
    """The volume at `root`; most of it needs root. Its methods raise OSError where the file system refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def home(self, name: str, uid: int, gid: int, *, dry_run: bool = False) -> list[EntryChange]:
        """Makes the person's home, or corrects it; raises Refused where it belongs to somebody else."""
        leaf = layout.home(uid, name)
        found = self._look(leaf)
        if found is not None and stat.S_ISDIR(found.st_mode) and found.st_uid not in (0, uid):
            raise Refused(
                f"the home {leaf} belongs to uid {found.st_uid}, not to {uid}: nothing was changed; give it to "
                f"{uid} with chown if that is right"
            )
        changes = self.ensure(layout.home_tree(uid, gid, name), dry_run=dry_run)
        return changes + self.list_people(Tenant(name, uid, gid), dry_run=dry_run)

    def course(
        self, slug: str, gid: int, data: str, *, archived: bool = False, dry_run: bool = False
    ) -> list[EntryChange]:
        """Makes or corrects the course's directories and gradebook; of an archived course they are closed."""
        tree = (*layout.people_tree(), *course_entries(slug, gid, data, archived))
        return self.ensure(tree, dry_run=dry_run)

    def ensure(self, tree: Iterable[TreeEntry], *, dry_run: bool = False) -> list[EntryChange]:
        """Makes or corrects all of `tree`; see the function `ensure`."""
        return list(ensure(self.root, tree, dry_run=dry_run, parents=False))

    def people(self) -> list[Tenant]:
        """Everyone with a home, by name; a home in the folder of another uid does not count."""
        return sorted(self._tenants(), key=lambda tenant: tenant.name)

    def list_people(self, *more: Tenant, dry_run: bool = False) -> list[EntryChange]:
        """Adds `more` to the list of everyone with a home; without `more` it writes the list anew.

        Another door that writes in the same moment can win; its next request for the person mends that.
        """
        with _LISTING:
            changes = self.ensure(layout.people_tree(), dry_run=dry_run)
            found = [] if dry_run and changes else self._listed()
            wanted = {tenant.line for tenant in (more or self.people())}
            if more:
                names = {tenant.name for tenant in more}
                wanted |= {line for line in found if line.partition(":")[0] not in names}
            if wanted != set(found):
                changes.append(EntryChange(layout.PEOPLE_LIST, "correct", f"{len(wanted)} people", done=not dry_run))
                if not dry_run:
                    self._list("".join(f"{line}\n" for line in sorted(wanted)))
        return changes

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

    def _listed(self) -> list[str]:
        above, _, name = layout.PEOPLE_LIST.rpartition("/")
        with (
            openat.folder(self.root, above) as parent,
            openat.entry(parent, name, stat.S_IFREG) as held,
            open(held, encoding="utf-8", closefd=False) as file,
        ):
            return file.read().splitlines()

    def _list(self, text: str) -> None:
        above, _, name = layout.PEOPLE_LIST.rpartition("/")
        with openat.folder(self.root, above) as parent:
            openat.write(parent, name, text.encode(), 0o644)

    def _look(self, path: str) -> os.stat_result | None:
        above, _, name = path.rpartition("/")
        with suppress(FileNotFoundError), openat.folder(self.root, above) as parent:
            return openat.look(parent, name)
        return None

    def _tenants(self) -> Iterator[Tenant]:
        for number in range(100):
            with (
                suppress(FileNotFoundError),
                openat.folder(self.root, f"home/{number:02d}") as parent,
                os.scandir(parent) as entries,
            ):
                for entry in entries:
                    if is_person(entry.name) and entry.is_dir(follow_symlinks=False):
                        found = entry.stat(follow_symlinks=False)
                        if found.st_uid and found.st_uid % 100 == number:
                            yield Tenant(entry.name, found.st_uid, found.st_gid)


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
