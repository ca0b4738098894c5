"""The wheel of the `coursehub` command, with its man page and what shells complete it by: python -m ci.wheel FOLDER

It prints the wheel's path. A release's wheel has the release's version; that of any other checkout comes before it,
and has the digest of its content: 0.2.0.dev0+c0123456789ab.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ci import manual, published
from ci.images.image import PACKAGE, ROOT, VERSION, release

_CONTENT = ("pyproject.toml", "LICENSE", "README.md")
# Where programs look below the folder that has bin/coursehub.
_COMPLETIONS = {
    "bash": "bash-completion/completions/coursehub",
    "zsh": "zsh/site-functions/_coursehub",
    "fish": "fish/vendor_completions.d/coursehub.fish",
}
_MANUAL = "man/man1/coursehub.1"
# Of files in the archive, where nothing else is said: its bytes follow from the content alone.
_EPOCH = "1767225600"


def build(out: Path) -> Path:
    """Writes the wheel into the folder `out`; needs no network."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="coursehub-wheel-") as scratch:
        tree, made = Path(scratch, "tree"), Path(scratch, "made")
        _lay_out(tree)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            str(tree),
            "--wheel-dir",
            str(made),
            "--no-deps",
            "--no-build-isolation",
        ]
        environment = {"SOURCE_DATE_EPOCH": _EPOCH, **os.environ}
        subprocess.run(
            [*command, "--quiet", "--disable-pip-version-check"], check=True, env=environment, stdout=sys.stderr
        )
        (wheel,) = made.iterdir()
        return Path(shutil.copy(wheel, out))


def version(carried: str) -> str:
    """As Python's packages write what the package carries."""
    return re.sub("-", ".dev0+", carried, count=1)


def _lay_out(tree: Path) -> None:
    """A copy of what goes in, as a build leaves files where it runs."""
    shutil.copytree(PACKAGE, tree / PACKAGE.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__"))
    for name in _CONTENT:
        shutil.copy(ROOT / name, tree)
    carried, about = VERSION.read_text().strip(), tree / "pyproject.toml"
    said = published.addresses(about.read_text())
    about.write_text(said.replace(f'version = "{release()}"', f'version = "{version(carried)}"', 1))
    _write(tree / "share" / _MANUAL, manual.page(carried))
    for shell, place in _COMPLETIONS.items():
        command = [sys.executable, "-m", "coursehub.cli", "completion", shell]
        script = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        _write(tree / "share" / place, script)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    print(build(parser.parse_args().folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
