"""nbgrader, which takes settings and modules from the image and from one's own home, and from no other place.

What is graded runs as its grader, so a file in /course or in the working directory can be anybody's, whoever owns it.
nbgrader's own way is to run `nbgrader_config.py` of both, and to import modules from the second.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from logging import Logger
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_dir, jupyter_config_path
from nbgrader.apps.baseapp import NbGrader
from nbgrader.apps.nbgraderapp import main as nbgrader


def restrict() -> None:
    """Holds for all nbgrader applications of this process: its command's, and those that server extensions make."""
    NbGrader.load_cwd_config = False
    NbGrader.init_syspath = _init_syspath
    NbGrader._load_config_files = classmethod(_load_config_files)


def main() -> None:
    """The command `nbgrader`."""
    restrict()
    nbgrader()


def _init_syspath(_: NbGrader) -> None:
    # zip_collect adds it for itself before it comes here.
    with suppress(ValueError):
        sys.path.remove(os.getcwd())


def _load_config_files(
    cls: type[NbGrader], basefilename: str, path: str | Sequence[str], log: Logger | None = None, **more: Any
) -> Iterator[tuple[Any, str]]:
    ours = [*jupyter_config_path(), jupyter_config_dir()]
    asked = [path] if isinstance(path, str) else path
    for folder in asked:
        for file in (Path(folder, basefilename + ending) for ending in (".py", ".json")):
            if folder not in ours and log and file.exists():
                log.warning(
                    "%s is not read: code that was graded could have left it there. Settings belong into the course "
                    "file; what is for you alone, into ~/.jupyter",
                    file,
                )
    yield from super(NbGrader, cls)._load_config_files(basefilename, [x for x in asked if x in ours], log, **more)
