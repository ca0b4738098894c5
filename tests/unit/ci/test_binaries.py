"""Which Go is new enough, when a program is built again, and what a failed build says."""

from pathlib import Path

import pytest

from ci.cluster import binaries
from ci.cluster.binaries import KUBERNETES, LINTERS, MODULES, Module
from ci.cluster.problem import Problem


@pytest.mark.parametrize(
    ("text", "version"),
    [
        pytest.param("go version go1.26.8 linux/amd64", (1, 26, 8), id="full"),
        pytest.param("go version go1.27 linux/amd64", (1, 27, 0), id="no patch"),
        pytest.param("go version devel", (), id="none is older than anything"),
    ],
)
def test_go_says_its_version(text: str, version: tuple[int, ...]) -> None:
    assert binaries.parse_version(text) == version


def test_kubernetes_is_told_its_own_version() -> None:
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in KUBERNETES.ldflags()
    assert "-X k8s.io/client-go/pkg/version.gitMinor=37" in KUBERNETES.ldflags()


@pytest.mark.parametrize("module", [*MODULES, LINTERS], ids=lambda module: module.name)
def test_each_module_is_pinned_by_hashes(module: Module) -> None:
    assert (module.folder / "go.sum").stat().st_size > 0
    assert binaries.parse_version(module.go_needed()) >= (1, 26)


def test_the_key_follows_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "SOURCES", tmp_path)
    module = Module("small", "./...", ("small",))
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "go.mod").write_text("module small\n\ngo 1.26.0\n")
    first = module.key()
    (tmp_path / "small" / "README").write_text("not compiled\n")
    assert module.key() == first
    (tmp_path / "small" / "main.go").write_text("package main\n")
    assert module.key() != first


def test_an_old_go_is_named_with_the_version_it_should_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem, match=r"Go 1\.26\.\d+ or newer is needed, .*/go says: go version go1\.19\.8"):
        binaries.find_go(list(MODULES))


def test_an_unreachable_registry_is_told_from_a_broken_build() -> None:
    offline = 'k8s.io/api@v0.37.2: Get "https://example.org": dial tcp: lookup example.org: no such host'
    assert "no Go module registry can be reached" in binaries.explain(KUBERNETES, offline, "https://example.org")
    assert "building kubernetes failed" in binaries.explain(KUBERNETES, "main.go:3: syntax error", "direct")
