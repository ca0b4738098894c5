"""What helm keeps of a release fits its Secret, and each object fits `kubectl apply`, at the promised sizes."""

import base64
import gzip
import json
from itertools import count, islice
from pathlib import Path
from random import Random

import pytest
from coursehub.config import budget

from tests.chart.given import CERTIFICATE
from tests.chart.helm import Chart, Object, Values, at, merged

# Of a Secret's data, and of an object's annotations.
SECRET, ANNOTATIONS = 2**20, 256 * 2**10
# Python's gzip and helm's differ by less than that.
MARGIN = 0.95

_HEADS = ("b", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "kr", "st", "sch", "th", "gr")
_HEARTS = ("a", "e", "i", "o", "u", "ei", "ie", "au", "oo", "ia")
_TAILS = ("", "", "n", "r", "s", "l", "t", "k", "m", "nd", "rt", "ck")


class University:
    """Login names, slugs and titles as made by people: of 20,000 no two alike, drawn at random, from one seed."""

    def __init__(self) -> None:
        self._random = Random(12)  # noqa: S311 - the same texts in each run
        names = [self._word(2) for _ in range(4000)]
        self._words = [self._word(2) for _ in range(2000)]
        made: dict[str, None] = {}
        while len(made) < 20_000:
            number = self._random.choice(["", str(self._random.randrange(1, 100))])
            made[self._random.choice("abcdefghijklmnoprstuvwyz") + self._random.choice(names) + number] = None
        self.people = list(made)

    def _word(self, syllables: int) -> str:
        pick = self._random.choice
        return "".join(pick(_HEADS) + pick(_HEARTS) + pick(_TAILS) for _ in range(syllables))

    def course_file(self, size: int) -> str:
        """Courses of a hundred students each, `size` bytes."""
        text = "courses:\n" + "".join(map(self._course, range(size // 800)))
        assert len(text) > size, "too few courses"
        return text[: size - 1] + "\n"

    def _course(self, number: int) -> str:
        words = self._random.sample(self._words, 16)
        return f"""\
  {words[0]}-{words[1]}-{number}:
    name: {" ".join(words[:4]).title()}
    description: {" ".join(words[4:]).capitalize()}.
    gid: {self._random.randrange(70_000, 80_000)}
    instructors: [{", ".join(self._random.sample(self.people, 2))}]
    students: [{", ".join(self._random.sample(self.people, 100))}]
    open: 2026-09-01
    close: 2026-12-31
    resources: {{cpu: 2, memory: 4G}}
    data: read-only
"""

    def accounts(self, size: int) -> Values:
        """So many people of the values that they take `size` bytes of JSON."""
        found: dict[str, dict[str, int]] = {"spawntest": {"uid": 20_031, "gid": 20_031}}
        left = size
        for number in count():
            uid = self._random.randrange(100_000, 1_000_000)
            found[self.people[number]] = {"uid": uid, "gid": uid}
            # As it is in site.yaml, whose line ends JSON writes as two characters.
            left -= len(f"      {self.people[number]}:\\n        gid: {uid}\\n        uid: {uid}\\n")
            if left < 0:
                return at("identity.file.people", found)
        raise AssertionError


@pytest.fixture(scope="module")
def university() -> University:
    return University()


@pytest.fixture(scope="module")
def everything(university: University) -> Values:
    """All that can be turned on, and as many people in the values as fit."""
    storage = {"provisioner": {"enabled": True}, "check": {"schedule": "@daily", "repair": True}}
    monitoring = {
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "serviceMonitor": {"enabled": True},
        "rules": {"enabled": True},
        "dashboard": {"enabled": True},
        "spawnTest": {"enabled": True, "url": "https://jupyter.example.edu"},
    }
    ours = {"acknowledgePlainHttp": False, "storage": storage, "monitoring": monitoring}
    return merged(merged(ours, CERTIFICATE), university.accounts(246 * 2**10))


def packed(release: Object) -> int:
    """The bytes of the Secret's data: JSON, gzip, base64, as helm's storage driver does it."""
    text = json.dumps(release, separators=(",", ":"), ensure_ascii=False).encode()
    return len(base64.b64encode(gzip.compress(text, 9)))


def test_all_turned_on_with_as_much_of_course_files_as_is_promised_fits_helms_secret(
    chart: Chart, everything: Values, university: University, tmp_path: Path
) -> None:
    text = university.course_file(budget.KIB * 1024)
    (tmp_path / "courses.yaml").write_text(text)
    release = chart.release(everything, courses={"main": tmp_path / "courses.yaml"})
    assert release["manifest"].count(text.splitlines()[1]) == 1, "the course file is in the manifest more than once"
    size = packed(release)
    assert size < SECRET * MARGIN
    assert size > SECRET / 2, "more could be promised, or something is missing here"


def test_so_does_one_of_names_that_nobody_can_shorten(chart: Chart, everything: Values, tmp_path: Path) -> None:
    pick = Random(13)  # noqa: S311 - the same text in each run
    names = ("".join(pick.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=8)) for _ in count())
    begin, end = "courses:\n  c: {name: C, students: [", "]}\n"
    room = budget.KIB * 1024 - len(begin) - len(end)
    text = begin + ", ".join(islice(names, room // 10)) + end
    assert budget.KIB - 1 < len(text) / 1024 <= budget.KIB
    (tmp_path / "courses.yaml").write_text(text)
    assert packed(chart.release(everything, courses={"main": tmp_path / "courses.yaml"})) < SECRET * MARGIN


def test_the_chart_and_the_command_refuse_from_the_same_size_on(chart: Chart) -> None:
    full = "#" * (budget.KIB * 1024)
    for text, fits in ((full, True), (full + "\n", False)):
        assert bool(budget.problems([("site.yaml", "timezone: UTC\n")], [("a.yaml", text)])) != fits
    assert chart.render(at("courses.files.a", full))
    assert f"courses.files: {budget.KIB + 1} KiB in all, and {budget.KIB} fit" in chart.refusal(
        at("courses.files.a", full + "\n")
    )


def test_each_object_of_ours_but_course_files_fits_kubectl_apply(chart: Chart, everything: Values) -> None:
    objects = chart.render(everything)
    sizes = {key: len(json.dumps(each, separators=(",", ":"))) for key, each in objects.items()}
    assert max(sizes.values()) < ANNOTATIONS - 1024
    assert sizes["ConfigMap", "coursehub-site"] > 240 * 2**10, "the values are not as large as they may be"
