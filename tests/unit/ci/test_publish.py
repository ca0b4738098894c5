"""A release is pushed by digest and signed, and what cannot be published says why; no registry is asked."""

import sys
from pathlib import Path

import pytest

from ci import chart, publish
from ci.cluster.problem import Problem

WHERE = "registry.example.org/somebody"
DIGEST = "sha256:" + "7" * 64
# Stands for each program: keeps its arguments, writes what buildx would into the file of metadata, and says a digest.
PROGRAM = f"""#!{sys.executable}
import json, pathlib, sys
with pathlib.Path(__file__).with_name("calls").open("a") as calls:
    calls.write(json.dumps([pathlib.Path(__file__).name, *sys.argv[1:]]) + "\\n")
for word in sys.argv:
    if word.startswith("--metadata-file="):
        pathlib.Path(word.partition("=")[2]).write_text(json.dumps({{"containerimage.digest": "{DIGEST}"}}))
print("Pushed: somewhere\\nDigest: {DIGEST}")
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of docker, helm and cosign, and of dist/."""
    for name in ("docker", "helm", "cosign"):
        (tmp_path / name).write_text(PROGRAM)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HELM", str(tmp_path / "helm"))
    monkeypatch.setenv("COURSEHUB_REGISTRY", WHERE)
    monkeypatch.setattr(publish, "DIST", tmp_path / "dist")
    monkeypatch.setattr(publish, "PUSHED", tmp_path / "dist/published")
    return tmp_path


def calls(folder: Path) -> str:
    return (folder / "calls").read_text()


def test_an_image_is_built_for_both_architectures_with_sbom_and_provenance(programs: Path) -> None:
    publish.images(["hub"], dry=False)
    said = calls(programs)
    assert '"--platform=linux/amd64,linux/arm64", "--sbom=true", "--provenance=mode=max"' in said
    assert '"--file=images/hub/Containerfile"' in said
    assert '"--push", "."' in said
    assert "build-arg" not in said
    assert publish.PUSHED.read_text() == f"{WHERE}/coursehub-hub@{DIGEST}\n"


def test_an_image_on_one_of_ours_is_made_on_what_was_just_pushed(programs: Path) -> None:
    publish.images([], dry=False)
    assert f'"--build-arg=BASE_IMAGE={WHERE}/coursehub-singleuser@{DIGEST}"' in calls(programs).splitlines()[-1]


def test_the_chart_is_pushed_and_all_is_signed_by_its_digest(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish.DIST.mkdir()
    (publish.DIST / "coursehub-0.2.0-py3-none-any.whl").touch()
    monkeypatch.setattr(chart, "package", lambda out: out / "coursehub-0.2.0.tgz")
    publish.push_chart(dry=False)
    publish.sign(dry=False)
    pushed, *signed = calls(programs).splitlines()
    assert pushed.endswith(f'"oci://{WHERE}/charts"]')
    assert signed[0] == f'["cosign", "sign", "--yes", "{WHERE}/charts/coursehub@{DIGEST}"]'
    assert signed[1].startswith('["cosign", "sign-blob", "--yes", "--bundle=')
    assert signed[1].endswith('coursehub-0.2.0-py3-none-any.whl"]')


def test_a_dry_run_only_says_the_commands(programs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    publish.images(["singleuser"], dry=True)
    publish.push_chart(dry=True)
    assert "+ docker buildx build" in capfd.readouterr().err
    assert not (programs / "calls").exists()


def test_without_a_place_to_go_or_of_an_image_that_is_none_nothing_is_pushed(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem, match=r"^no image proxy is published; there are hub, singleuser"):
        publish.images(["proxy"], dry=False)
    monkeypatch.delenv("COURSEHUB_REGISTRY")
    with pytest.raises(Problem, match="COURSEHUB_REGISTRY is not set"):
        publish.images([], dry=False)
    assert not (programs / "calls").exists()


def test_a_program_that_fails_ends_it(programs: Path) -> None:
    (programs / "docker").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(Problem, match=r"^docker failed with exit code 3$"):
        publish.images(["hub"], dry=False)
    assert not publish.PUSHED.exists()
