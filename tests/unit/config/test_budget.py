"""More course files than helm's release holds are told before they are given to helm."""

import pytest
from coursehub.config import budget

FULL = "#" * (budget.KIB * 1024)


@pytest.mark.parametrize(
    ("files", "kib"),
    [
        pytest.param({"a.yaml": FULL}, None, id="just as much"),
        pytest.param({"a.yaml": FULL + "\n"}, 401, id="a byte more"),
        pytest.param({"a.yaml": FULL[1:], "b.yaml": "é"}, 401, id="bytes are counted, of all files"),
        pytest.param({"a.yaml": FULL + FULL}, 800, id="twice as much"),
    ],
)
def test_all_files_together_may_have_what_the_release_holds(files: dict[str, str], kib: int | None) -> None:
    found = [str(problem) for problem in budget.problems([("site.yaml", "courses: {}\n")], list(files.items()))]
    assert (
        found == []
        if kib is None
        else found[0].startswith(
            f"a.yaml:1:1: the course files are {kib} KiB in all, and 400 fit into helm's release; name groups"
        )
    )


@pytest.mark.parametrize("way", ["existingClaim: course-files", "existingConfigMaps: [mathematics]"])
def test_where_they_come_another_way_helm_sees_none(way: str) -> None:
    values = [("site.yaml", f"courses: {{{way}}}\n"), ("more.yaml", "timezone: UTC\n")]
    assert not budget.problems(values, [("a.yaml", FULL + FULL)])


def test_beside_config_maps_it_is_said_that_the_render_may_refuse_the_others() -> None:
    config_maps, claim, neither = (
        [("site.yaml", f"courses: {{{way}}}\n")]
        for way in ("existingConfigMaps: [mathematics]", "existingClaim: course-files", "files: {}")
    )
    said = budget.doubt(config_maps, [("a.yaml", FULL + "\n")])
    assert said is not None
    assert said.startswith("the course files are 401 KiB in all, and 400 fit into helm's release; bring so many")
    assert budget.doubt(config_maps, [("a.yaml", FULL)]) is None
    assert budget.doubt(claim, [("a.yaml", FULL + FULL)]) is None
    assert budget.doubt(neither, [("a.yaml", FULL + FULL)]) is None
