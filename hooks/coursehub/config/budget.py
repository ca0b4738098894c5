"""How much of course files helm's release holds: a Secret of at most 1 MiB, in which they are compressed, twice.

tests/chart/test_budget.py packs a release as helm does and shows that so much fits. The chart refuses more too.
"""

from collections.abc import Sequence

from coursehub.errors import InvalidFile, Problem

from . import values_file

KIB = 400


Files = Sequence[tuple[str, str | InvalidFile]]


def problems(values: Sequence[tuple[str, str]], files: Files) -> tuple[Problem, ...]:
    """What is wrong with bringing all these course files by helm; nothing where the `values` name another way."""
    ways = _ways(values)
    if not (size := _too_much(files)) or ways.get("existingClaim") or ways.get("existingConfigMaps"):
        return ()
    said = (
        f'{size}; name groups ("@group") instead of students one by one, take out courses that are archived for good, '
        "or bring the files by courses.existingConfigMaps or courses.existingClaim"
    )
    return (Problem(files[0][0], 1, 1, said),)


def doubt(values: Sequence[tuple[str, str]], files: Files) -> str | None:
    """What cannot be told from here: which of the files come by ConfigMaps, of which helm sees nothing, if any do."""
    ways = _ways(values)
    if not (size := _too_much(files)) or ways.get("existingClaim") or not ways.get("existingConfigMaps"):
        return None
    return (
        f"{size}; bring so many of them by courses.existingConfigMaps that the others fit, or the render refuses them"
    )


def _ways(values: Sequence[tuple[str, str]]) -> dict[str, object]:
    site: dict[str, object] = {}
    for file, text in values:
        found = values_file.read(file, text).data.get("courses")
        site |= found if isinstance(found, dict) else {}
    return site


def _too_much(files: Files) -> str | None:
    size = sum(len(text.encode("utf-8", "surrogateescape")) for _, text in files if isinstance(text, str))
    if size <= KIB * 1024:
        return None
    return f"the course files are {-(-size // 1024)} KiB in all, and {KIB} fit into helm's release"
