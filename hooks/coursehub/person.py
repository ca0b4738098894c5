"""A person: name, uid, gid and groups, as the directory and the site know them."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Group:
    """A unix group."""

    name: str
    gid: int


@dataclass(frozen=True)
class Person:
    """Somebody as the directory and the site know them; `hub_groups` are names without a gid, such as JupyterHub's."""

    name: str
    uid: int
    gid: int
    groups: tuple[Group, ...] = ()
    admin: bool = False
    hub_groups: frozenset[str] = frozenset()

    @cached_property
    def gids(self) -> frozenset[int]:
        """Every gid of the person, the primary included."""
        return frozenset({self.gid, *(group.gid for group in self.groups)})

    @cached_property
    def group_names(self) -> frozenset[str]:
        """The groups whose "@name" in a course file means the person too."""
        return self.hub_groups.union(group.name for group in self.groups)
