"""JSON schemas of Kubernetes' kinds for kubeconform, of the version that the local cluster runs.

They are made once from the API's description in Kubernetes' own Go module, which `make programs` builds from.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ci.cluster.binaries import KUBERNETES, find_go
from ci.cluster.layout import Layout

Schema = dict[str, Any]
_HERE = "#/definitions/"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_TEXT_OR_NUMBER: Schema = {"type": ["string", "number"]}


def folder() -> Path:
    """Where they are: a file a kind, such as deployment-apps-v1.json."""
    content = hashlib.sha256(KUBERNETES.key().encode() + Path(__file__).read_bytes()).hexdigest()[:12]
    made = Layout.from_environment().cache / "kinds" / content
    if not made.is_dir():
        part = made.with_name(f".{made.name}.{os.getpid()}")
        part.mkdir(parents=True)
        for name, schema in schemas(_description()):
            (part / f"{name}.json").write_text(json.dumps(schema))
        try:
            part.rename(made)
        except OSError:  # another process was first
            shutil.rmtree(part)
    return made


def schemas(description: Schema) -> Iterator[tuple[str, Schema]]:
    """The name of each kind's file and its schema, which takes no key that the kind does not have."""
    definitions = {name: _strict(each) for name, each in description["definitions"].items()}
    definitions[_QUANTITY] = _TEXT_OR_NUMBER
    for name, definition in description["definitions"].items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            group = str(kind["group"]).partition(".")[0]
            file = "-".join(part for part in (kind["kind"], group, kind["version"]) if part).lower()
            needed = _needed(name, definitions)
            yield file, {"$ref": _HERE + name, "definitions": {each: definitions[each] for each in sorted(needed)}}


def _needed(name: str, definitions: dict[str, Schema]) -> set[str]:
    """The definition and all that it refers to."""
    found, new = set[str](), {name}
    while new:
        found |= new
        text = json.dumps([definitions[each] for each in new])
        new = set(re.findall(rf'"{_HERE}([^"]+)"', text)) - found
    return found


def _strict(part: Any) -> Any:
    if isinstance(part, list):
        return [_strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "int-or-string":
        return _TEXT_OR_NUMBER
    whole = {key: _strict(value) for key, value in part.items()}
    if isinstance(keys := whole.get("properties"), dict):
        # To Kubernetes a key without a value is not there.
        optional = {key: {"anyOf": [value, {"type": "null"}]} for key, value in keys.items()}
        return whole | {"properties": optional, "additionalProperties": False}
    return whole


def _description() -> Schema:
    command = [find_go([KUBERNETES]), "mod", "download", "-json", "k8s.io/kubernetes"]
    said = subprocess.run(command, cwd=KUBERNETES.folder, check=True, capture_output=True, text=True).stdout
    found: Schema = json.loads(Path(json.loads(said)["Dir"], "api/openapi-spec/swagger.json").read_text())
    return found
