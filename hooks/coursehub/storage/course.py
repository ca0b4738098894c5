"""A course's part of the volume, as its file has it."""

import stat
from dataclasses import dataclass

from coursehub import layout
from coursehub.layout import Directory, TreeEntry


@dataclass(frozen=True)
class CourseTree:
    """A course as its file has it; `data` is none, read-only or read-write, `people` whom it lists by name."""

    slug: str
    gid: int
    data: str
    archived: bool = False
    people: frozenset[str] = frozenset()

    @property
    def entries(self) -> tuple[TreeEntry, ...]:
        """What has to be there."""
        with_data, writable = self.data != "none", self.data == "read-write"
        tree = layout.course_tree(self.slug, self.gid, data=with_data, data_writable=writable, archived=self.archived)
        return tuple(tree)

    @property
    def tops(self) -> list[str]:
        """The directories whose content is the course's, inbound last."""
        found = [entry.path for entry in self.entries if isinstance(entry, Directory) and entry.mode & stat.S_ISGID]
        found.remove(layout.exchange(self.slug))
        # What is in there goes again, and some of it is nobody's.
        found.remove(layout.course_runs(self.slug))
        return sorted(found, key=lambda path: (path == self.inbound, path))

    @property
    def inbound(self) -> str:
        """Where submissions are."""
        return f"{layout.exchange(self.slug)}/inbound"
