"""An image's name follows from what goes into it, so an archive that exists never needs building again."""

import hashlib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "images"
PACKAGE = ROOT / "hooks/coursehub"
VERSION = PACKAGE / "VERSION"


def cache() -> Path:
    """Where archives and logs are kept, outside any checkout."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("COURSEHUB_CACHE") or home / "coursehub") / "images"


@dataclass(frozen=True)
class Image:
    """A folder with a Containerfile, and what else decides how the result looks."""

    name: str
    folder: Path
    limit: int  # MB unpacked; its test refuses more
    context: Path  # what the Containerfile's paths are below
    package: Path | None = None  # goes into the last layer
    target: str | None = None  # the stage that is the image; without one the last
    base: "Image | None" = None  # which of ours it is made on; without one Debian
    argument: str = "BASE_IMAGE"  # what the Containerfile calls that

    @cached_property
    def key(self) -> str:
        """Twelve digits of everything that goes in; the image's own tests do not."""
        inputs = [Path(__file__).with_name("recipe.py"), *_files(self.folder)]
        if self.package:
            inputs += [path for path in _files(self.package) if path != VERSION]
        digest = hashlib.sha256(self.base.key.encode() if self.base else b"")
        for path in inputs:
            data = path.read_bytes()
            executable = os.access(path, os.X_OK)
            digest.update(f"{path.relative_to(ROOT)} {executable} {len(data)}\n".encode() + data)
        return digest.hexdigest()[:12]

    @property
    def tag(self) -> str:
        """The package's version where there is one: chart and package carry it, too."""
        return f"{release()}-c{self.key}" if self.package else self.key

    @property
    def ref(self) -> str:
        return f"localhost/coursehub/{self.name}:{self.tag}"

    @property
    def archive(self) -> Path:
        return cache() / f"{self.name}-{self.key}.tar"

    @property
    def log(self) -> Path:
        return cache() / f"{self.name}-{self.key}.log"


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("test_"):
            yield path


def release() -> str:
    """The version of the next release."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


HUB = RECIPES / "hub"
# The hub's image without the package, which changes more often.
DEPENDENCIES = Image("hub-dependencies", HUB, limit=450, context=ROOT, target="dependencies")
SINGLEUSER = Image("singleuser", RECIPES / "singleuser", limit=900, context=RECIPES / "singleuser")
IMAGES = {
    image.name: image
    for image in (
        Image("hub", HUB, limit=450, context=ROOT, package=PACKAGE, base=DEPENDENCIES, argument="DEPENDENCIES"),
        Image("proxy", RECIPES / "proxy", limit=250, context=RECIPES / "proxy"),
        SINGLEUSER,
    )
}
# What a site makes of ours: built for its test alone.
MADE_ON_OURS = {"r": Image("r", RECIPES / "r", limit=900, context=RECIPES / "r", base=SINGLEUSER)}
