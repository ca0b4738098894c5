"""A kubectl of the tests with a cluster in one file: as much as the command uses, with the API's rules for Secrets.

`Cluster(folder)` puts it on the PATH; as a program it reads the words and the file that the cluster left beside it.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest  # the program below shall start quickly

Object = dict[str, Any]


@dataclass
class Cluster:
    """What is in the cluster, and what was asked of it; `time` is its clock."""

    folder: Path
    time: str = "2026-11-01T10:00:00Z"

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self._write({"time": self.time, "namespaces": ["coursehub", "coursehub-storage"], "objects": {}, "calls": []})
        program = self.folder / "kubectl"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {__file__} {self.folder} "$@"\n')
        program.chmod(0o755)

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The command finds it."""
        monkeypatch.setenv("PATH", f"{self.folder}:{os.environ['PATH']}")

    def put(self, *objects: Object, **state: object) -> None:
        """Objects that somebody else made, or another state (`time`, `namespaces`)."""
        now = self._read()
        for each in objects:
            meta = each["metadata"]
            meta["resourceVersion"] = _next(now)
            now["objects"][f"{meta['namespace']}/{each['kind'].lower()}/{meta['name']}"] = each
        self._write({**now, **state})

    def proxy(self, *secrets: str, since: str | None = None) -> None:
        """The proxy's Deployment, which mounts `secrets`, and its pod."""
        volumes = [{"name": name, "secret": {"secretName": name}} for name in secrets]
        meta = {"namespace": "coursehub", "name": "jupyter-proxy", "creationTimestamp": since or self.time}
        spec = {"replicas": 1, "template": {"spec": {"volumes": volumes}}}
        status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        self.put(
            {"kind": "Deployment", "metadata": {**meta, "generation": 1}, "spec": spec, "status": status},
            {"kind": "Pod", "metadata": meta},
        )

    def hub(self, data: dict[str, bytes]) -> None:
        """The hub's Deployment and the Secret that helm made for it."""
        written = {key: base64.b64encode(value).decode() for key, value in data.items()}
        meta = {"namespace": "coursehub", "name": "teaching-hub", "creationTimestamp": self.time}
        volumes = [{"name": "secret", "secret": {"secretName": "teaching-hub"}}]
        self.put(
            {"kind": "Secret", "metadata": meta, "type": "Opaque", "data": written},
            {
                "kind": "Deployment",
                "metadata": {**meta, "name": "jupyter-hub", "generation": 1},
                "spec": {"template": {"spec": {"volumes": volumes}}},
                "status": {},
            },
        )

    @property
    def secrets(self) -> dict[str, Object]:
        """By namespace and name."""
        found = self._read()["objects"]
        return {key.replace("/secret/", "/"): each for key, each in found.items() if "/secret/" in key}

    @property
    def calls(self) -> list[list[str]]:
        """The words of each call so far."""
        calls: list[list[str]] = self._read()["calls"]
        return calls

    def changes(self) -> list[str]:
        """What was really changed: applied, or restarted."""
        verbs = ("apply", "create", "rollout")
        changing = [call for call in self.calls if call[2] in verbs and "--dry-run=server" not in call]
        return [" ".join(call[2:4]) if call[2] == "rollout" else call[2] for call in changing]

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return state

    def _write(self, state: dict[str, Any]) -> None:
        (self.folder / "state.json").write_text(json.dumps(state))


def _next(state: dict[str, Any]) -> str:
    """A version that no object has had."""
    state["version"] = state.get("version", 0) + 1
    return str(state["version"])


def _create(state: dict[str, Any], namespace: str, given: Object) -> Object:
    name = given["metadata"]["name"]
    if f"{namespace}/secret/{name}" in state["objects"]:
        sys.exit(f'Error from server (AlreadyExists): secrets "{name}" already exists')
    return _apply(state, namespace, given, dry_run=False)


def _apply(state: dict[str, Any], namespace: str, given: Object, *, dry_run: bool) -> Object:
    if namespace not in state["namespaces"]:
        sys.exit(f'Error from server (NotFound): namespaces "{namespace}" not found')
    key = f"{namespace}/secret/{given['metadata']['name']}"
    before = state["objects"].get(key)
    version = given["metadata"].pop("resourceVersion", None)
    if version and version != (before or {"metadata": {}})["metadata"].get("resourceVersion"):
        name = given["metadata"]["name"]
        sys.exit(
            f'error: Operation cannot be fulfilled on secrets "{name}": the object has been modified; please apply '
            "your changes to the latest version and try again\n"
            "Please review the fields above--they currently have other managers. Here\nare the ways you can resolve "
            "this\nSee https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"
        )
    after = copy.deepcopy(before) or {**given, "metadata": {"creationTimestamp": state["time"]}, "data": {}}
    if after["type"] != given["type"]:
        sys.exit(f"The Secret is invalid: type: Invalid value: {given['type']}: field is immutable")
    managers = after["metadata"].setdefault("managedFields", [])
    ours = next((each for each in managers if each["manager"] == "coursehub"), None)
    for gone in ours["fieldsV1"]["f:data"] if ours else ():
        if gone[2:] not in given["data"]:
            after["data"].pop(gone[2:], None)
    after["data"] |= given["data"]
    after["metadata"] |= given["metadata"] | {
        kind: after["metadata"].get(kind, {}) | given["metadata"].get(kind, {}) for kind in ("labels", "annotations")
    }
    fields: Object = {"f:data": {f"f:{name}": {} for name in given["data"]}}
    if after != before or ours is None or ours["fieldsV1"] != fields:
        others = [each for each in managers if each is not ours]
        mine = {"manager": "coursehub", "time": state["time"], "fieldsV1": fields}
        after["metadata"]["managedFields"] = [*others, mine]
    if not dry_run and after != before:
        after["metadata"]["resourceVersion"] = _next(state)
        state["objects"][key] = after
    return after


def main(folder: Path, words: list[str]) -> None:
    """Prints what kubectl would, and ends as it would."""
    file = folder / "state.json"
    state = json.loads(file.read_text())
    state["calls"].append(words)
    _, namespace, verb, *rest = words
    said: object = None
    if verb == "apply":
        assert {"--server-side", "--field-manager=coursehub", "--force-conflicts"} <= set(rest)
        said = _apply(state, namespace, json.load(sys.stdin), dry_run="--dry-run=server" in rest)
    elif verb == "create":
        assert "--field-manager=coursehub" in rest
        said = _create(state, namespace, json.load(sys.stdin))
    elif verb == "get" and rest[0] in ("pods", "deployments"):
        label, _, part = rest[2].partition("=")
        assert label == {"pods": "component", "deployments": "app.kubernetes.io/component"}[rest[0]]
        kind = f"{namespace}/{rest[0].removesuffix('s')}/jupyter-{part}"
        said = {"items": [copy.deepcopy(each) for key, each in state["objects"].items() if key == kind]}
        if rest[0] == "deployments":  # what was asked of it is done by the next look
            for found in (each for key, each in state["objects"].items() if key.startswith(kind)):
                found["status"]["observedGeneration"] = found["metadata"]["generation"]
    elif verb == "get":
        found = state["objects"].get(f"{namespace}/{rest[0]}/{rest[1]}")
        said = copy.deepcopy(found)
    elif rest[0] == "restart":
        state["objects"][f"{namespace}/pod/jupyter-proxy"]["metadata"]["creationTimestamp"] = state["time"]
        state["objects"][f"{namespace}/{rest[1]}"]["metadata"]["generation"] += 1
    file.write_text(json.dumps(state))
    if said:
        print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
