"""What is published says where it comes from: its texts have placeholders in a checkout.

`COURSEHUB_SOURCE` is the address of the repository's page, `COURSEHUB_REGISTRY` where its images and chart are. Without
them the placeholders stay.
"""

import os
import re
from collections.abc import Mapping

SOURCE, REGISTRY, VERSION = "https://git.example.edu/teaching/coursehub", "registry.example.edu/teaching", "VERSION"
_ANNOTATION = "  artifacthub.io/{}: |\n"


def registry(environment: Mapping[str, str] = os.environ) -> str | None:
    """Where images and chart are: in small letters, and without a slash at the end."""
    return environment.get("COURSEHUB_REGISTRY", "").rstrip("/").lower() or None


def addresses(written: str, environment: Mapping[str, str] = os.environ) -> str:
    """With the real addresses in the place of what stands for them."""
    source = environment.get("COURSEHUB_SOURCE", "").rstrip("/") or SOURCE
    return written.replace(SOURCE, source).replace(REGISTRY, registry(environment) or REGISTRY)


def text(written: str, version: str, environment: Mapping[str, str] = os.environ) -> str:
    """With the version in its place, too."""
    said = re.sub(rf"\b{VERSION}\b", version, addresses(written, environment))
    if _is_release(version):  # its pages and pictures stay as they were
        said = re.sub(r"/(blob|raw)/main/", rf"/\1/v{version}/", said)
    return said


def about(chart: str, version: str, changes: list[str], environment: Mapping[str, str] = os.environ) -> str:
    """Chart.yaml, whose last block is its annotations, with what differs from version to version."""
    said = text(chart, version, environment)
    if not _is_release(version):
        said += '  artifacthub.io/prerelease: "true"\n'
    if changes:
        said += _ANNOTATION.format("changes") + "".join(f"    - {_quoted(change)}\n" for change in changes)
    if where := registry(environment):
        said += _ANNOTATION.format("images") + "".join(
            f"    - name: {name}\n      image: {where}/coursehub-{name}:{version}\n" for name in ("hub", "singleuser")
        )
    return said


def values(written: str, version: str, environment: Mapping[str, str] = os.environ) -> str:
    """The chart's values, with the published image of the hub."""
    where = registry(environment)
    if not where:
        return written
    begin = "jupyterhub:\n  hub:\n"
    if begin not in written:
        raise AssertionError(begin)
    return written.replace(begin, f'{begin}    image: {{name: {where}/coursehub-hub, tag: "{version}"}}\n')


def _is_release(version: str) -> bool:
    return "-" not in version


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
