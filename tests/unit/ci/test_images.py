"""Archives made and read without a registry or a container engine."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from ci.cluster import images
from ci.cluster.problem import Problem
from ci.images import check
from ci.images.image import IMAGES, MADE_ON_OURS, Image

REF = "localhost/coursehub/pause:0123456789ab"


def test_an_image_is_the_same_each_time_and_says_its_name(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    for archive in ("one.tar", "two.tar"):
        images.write(tmp_path / archive, REF, program, 65535)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert images.references(tmp_path / "one.tar") == [REF]
    with tarfile.open(tmp_path / "one.tar") as outer:
        layer = outer.extractfile("layer.tar")
        assert layer is not None
        with tarfile.open(fileobj=layer) as inner:
            assert [(member.name, member.mode) for member in inner] == [("pause", 0o755)]


def test_an_oci_archive_says_its_name(tmp_path: Path) -> None:
    index = json.dumps({"manifests": [{"annotations": {"org.opencontainers.image.ref.name": REF}}]}).encode()
    with tarfile.open(tmp_path / "oci.tar", "w") as tar:
        member = tarfile.TarInfo("index.json")
        member.size = len(index)
        tar.addfile(member, io.BytesIO(index))
    assert images.references(tmp_path / "oci.tar") == [REF]


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.tar").write_text("not a tar file\n")
    for name in ("notes.tar", "absent.tar"):
        with pytest.raises(Problem, match=f"{name} is not an image archive"):
            images.references(tmp_path / name)


def test_only_other_tags_of_the_same_image_are_superseded() -> None:
    found = ["localhost/coursehub/hub:1", "localhost/coursehub/hub:2", "localhost/coursehub/proxy:1", "sha256:abc"]
    assert images.superseded(found, ["localhost/coursehub/hub:2"]) == ["localhost/coursehub/hub:1"]


@pytest.mark.parametrize("image", MADE_ON_OURS.values(), ids=list(MADE_ON_OURS))
def test_what_is_made_on_another_image_is_made_anew_when_that_changes(image: Image) -> None:
    assert replace(image, base=IMAGES["proxy"]).key != replace(image, base=IMAGES["hub"]).key


def test_an_image_that_has_passed_has_not_once_it_or_a_test_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSEHUB_CACHE", str(tmp_path))
    monkeypatch.setattr(check, "RECIPES", tmp_path)
    monkeypatch.setattr(check, "ROOT", Path("/"))
    image = IMAGES["proxy"]
    image.archive.parent.mkdir()
    test = tmp_path / "proxy/test_image.mjs"
    test.parent.mkdir()
    test.write_text("one")
    image.archive.write_text("one")
    first = check.passed(image)
    assert check.passed(image) == first
    test.write_text("two")
    second = check.passed(image)
    image.archive.write_text("another")
    assert len({first, second, check.passed(image)}) == 3
