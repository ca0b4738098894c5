"""How much of course files helm's release holds: a Secret of at most 1 MiB, in which they are compressed, twice.

tests/chart/test_budget.py packs a release as helm does and shows that so much fits. The chart refuses more too.
"""

from collections.abc import Sequence

from coursehub.errors import InvalidFile, Problem

from . import document

KIB = 400


def problems(values: Sequence[tuple[str, str]], files: Sequence[tuple[str, str | InvalidFile]]) -> tuple[Problem, ...]:
    """What is wrong with bringing all these course files by helm; nothing where the `values` name another way."""
    site: dict[str, object] = {}
    for file, text in values:
        found = document.read(file, text).data.get("courses")
        site |= found if isinstance(found, dict) else {}
    if site.get("existingClaim") or site.get("existingConfigMaps"):
        return ()
    size = sum(len(text.encode("utf-8", "surrogateescape")) for _, text in files if isinstance(text, str))
    if size <= KIB * 1024:
        return ()
    said = (
        f"the course files are {-(-size // 1024)} KiB in all, and {KIB} fit into helm's release; "
        'name groups ("@group") instead of students one by one, take out courses that are archived for good, '
        "or bring the files by courses.existingConfigMaps or courses.existingClaim"
    )
    return (Problem(files[0][0], 1, 1, said),)
