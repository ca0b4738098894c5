"""The most that a home or a course may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """The most bytes and files; None leaves what is set, 0 is no limit."""

    size: int | None = None
    files: int | None = None

    def __bool__(self) -> bool:
        return self.size is not None or self.files is not None

    def __str__(self) -> str:
        size = [] if self.size is None else [f"{self.size / 2**30:.1f} GiB" if self.size else "any size"]
        files = [] if self.files is None else [f"{self.files} files" if self.files else "any number of files"]
        return ", ".join(size + files)
