"""Images without a registry: archives go into containerd, and the two that the cluster itself needs are made here."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Collection
from pathlib import Path

from ci.cluster import binaries
from ci.cluster.nodes import Node
from ci.cluster.problem import Problem

OWN = {"pause": 65535, "coredns": 65532}


def reference(name: str) -> str:
    """The name of one of the cluster's own images, with its content key."""
    return f"localhost/coursehub/{name}:{binaries.PODS.key()}"


def ensure_own(node: Node) -> None:
    """Make the cluster's own images and import them to the node."""
    for name, user in OWN.items():
        archive = node.layout.cache / "images" / f"{name}-{binaries.PODS.key()}.tar"
        if not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            new = archive.with_suffix(".new")
            write(new, reference(name), Path(binaries.program(node.layout, name)), user)
            new.replace(archive)
        if ensure(node, archive, reference(name)):
            prune(node, [reference(name)])


def ensure(node: Node, archive: Path, ref: str) -> bool:
    """Import the archive if its image is absent from the node; True if it was."""
    if ref in present(node):
        return False
    named = references(archive)
    if ref not in named:
        raise Problem(f"{archive} does not hold {ref}, but {' '.join(named) or 'nothing with a name'}")
    done = _ctr(node, "images", "import", str(archive))
    if done.returncode:
        raise Problem(f"{archive} cannot be imported: {done.stderr.strip()}")
    return True


def share(source: Node, node: Node) -> list[str]:
    """Give the node what the source has and it lacks: pods may come to it at once. What was given."""
    given = sorted(name for name in present(source) - present(node) if not name.startswith("sha256:"))
    if given:
        archive = node.run / "images.tar"
        for done in (
            _ctr(source, "images", "export", str(archive), *given),
            _ctr(node, "images", "import", str(archive)),
        ):
            if done.returncode:
                raise Problem(f"the images of {source.name} do not come to {node.name}: {done.stderr.strip()}")
        archive.unlink()
    return given


def prune(node: Node, refs: Collection[str]) -> list[str]:
    """Remove what the images supersede: other tags of theirs that no container uses. What was removed."""
    used = {line.split()[1] for line in _ctr(node, "containers", "list").stdout.splitlines()[1:]}
    old = superseded(present(node) - used, refs)
    if old:
        _ctr(node, "images", "remove", *old)
    return old


def superseded(found: Collection[str], refs: Collection[str]) -> list[str]:
    """Those of the found references that are another tag of one of `refs`."""
    repositories = {ref.rpartition(":")[0] for ref in refs}
    return sorted(ref for ref in found if ref not in refs and ref.rpartition(":")[0] in repositories)


def present(node: Node) -> set[str]:
    """The names of all images that the node's pods can use."""
    done = _ctr(node, "images", "list", "--quiet")
    if done.returncode:
        raise Problem(f"containerd does not answer (is the cluster up?): {done.stderr.strip()}")
    return set(done.stdout.split())


def references(archive: Path) -> list[str]:
    """The names that a docker-archive or oci-archive gives its images."""
    try:
        with tarfile.open(archive) as tar:
            names = tar.getnames()
            index = "manifest.json" if "manifest.json" in names else "index.json"
            member = tar.extractfile(index)
            content = json.load(member) if member else None
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        said = str(error).splitlines()[0]
        raise Problem(f"{archive} is not an image archive: {said}") from error
    if isinstance(content, list):
        return [name for image in content for name in image.get("RepoTags") or []]
    keys = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    described = [image.get("annotations", {}) for image in (content or {}).get("manifests", [])]
    return [name for labels in described if (name := next((labels[key] for key in keys if key in labels), None))]


def write(archive: Path, ref: str, program: Path, user: int) -> None:
    """A docker-archive of an image that holds one static program."""
    layer = _tar({program.name: program.read_bytes()}, mode=0o755)
    config = json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "User": f"{user}:{user}", "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [ref], "Layers": ["layer.tar"]}]).encode()
    archive.write_bytes(_tar({name: config, "layer.tar": layer, "manifest.json": manifest}))


def _tar(files: dict[str, bytes], mode: int = 0o644) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return output.getvalue()


def _ctr(node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
    access = ["--address", str(node.containerd_socket), "--namespace", "k8s.io"]
    command = [str(node.layout.bin / "ctr"), *access, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
