"""A file of the hub's own that is written whole or not at all, for the hub's user alone."""

import os
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, content: Iterable[bytes]) -> None:
    """Puts `content` into `path`, whose folder is made where missing; it is there after a power cut. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
