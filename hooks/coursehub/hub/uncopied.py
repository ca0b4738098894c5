"""What there is once in the hub's process, however often its configuration is copied."""

from typing import Self


class Uncopied:
    """Its copy is itself: traitlets copies configured values, and every spawner and page asks the same live object."""

    def __deepcopy__(self, memo: object) -> Self:
        """Itself."""
        return self
