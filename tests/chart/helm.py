"""The chart as `helm template` renders it, parsed, for the tests of this folder."""

import base64
import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ci.chart import helm

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION: str = yaml.safe_load((ROOT / "chart/Chart.yaml").read_text())["version"]
Values = Mapping[str, Any]
Object = dict[str, Any]
Objects = dict[tuple[str, str], Object]

# The least that a site has to say; secrets are given, since helm would make new ones for each rendering.
SITE: Values = {
    "images": {"python": "registry.example.edu/python:1"},
    "general": {"image": "python"},
    "storage": {"nfs": {"server": "nfs.example.edu", "path": "/export"}},
    "network": {"campus": ["192.0.2.0/24"]},
    "acknowledgePlainHttp": True,
    "jupyterhub": {
        "hub": {
            "image": {"name": "registry.example.edu/coursehub-hub", "tag": VERSION},
            "config": {
                "ConfigurableHTTPProxy": {"auth_token": "a" * 64},
                "JupyterHub": {"cookie_secret": "b" * 64, "subdomain_host": "https://h.example.edu"},
                "CryptKeeper": {"keys": ["c" * 64]},
            },
            "services": {
                "coursehub-culler": {"apiToken": "d" * 64},
                "coursehub-metrics": {"apiToken": "e" * 64},
                "coursehub-spawn-test": {"apiToken": "f" * 64},
            },
        }
    },
}


class RenderError(Exception):
    """What helm said instead of rendering."""


@dataclass(frozen=True)
class Chart:
    """An assembled chart and its renderings so far, as a release in a namespace."""

    folder: Path
    kind: str
    release_name: str = "coursehub"
    namespace: str = "teaching"
    _rendered: dict[str, str] = field(default_factory=dict)

    def render(self, values: Values | None = None, *files: Path, courses: Mapping[str, Path] | None = None) -> Objects:
        """The objects by kind and name, with `values` over SITE, or over `files` where some are given."""
        options = [f"--values={file}" for file in files] + _course_files(courses)
        text = self._helm("template", options, values or {}, bare=bool(files))
        objects = [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]
        found = {(each["kind"], self._name(each)): each for each in objects}
        assert len(found) == len(objects), "two objects have one name"
        return found

    def text(self, values: Values, *files: Path) -> str:
        """What helm hands to the API server, word for word; values as in `render`."""
        return self._helm("template", [f"--values={file}" for file in files], values, bare=bool(files))

    def release(self, values: Values, courses: Mapping[str, Path]) -> Object:
        """The release as helm keeps it, with chart, values and manifest."""
        options = ["--dry-run=client", "--output=json", *_course_files(courses)]
        found: Object = json.loads(self._helm("install", options, values, bare=False))
        return found

    def refusal(self, values: Values, *, bare: bool = False) -> str:
        """What helm says to values that it must refuse; `bare`: without SITE below them."""
        try:
            self._helm("template", [], values, bare=bare)
        except RenderError as error:
            return str(error)
        raise AssertionError(f"helm rendered {json.dumps(values)[:200]}")

    def notes(self, values: Values | None = None) -> str:
        """What helm prints after an install."""
        return self._helm("install", ["--dry-run=client"], values or {}, bare=False).rpartition("NOTES:")[2]

    def _helm(self, command: str, options: list[str], values: Values, *, bare: bool) -> str:
        key = json.dumps([self.release_name, self.namespace, command, options, values, bare])
        if key not in self._rendered:
            with tempfile.NamedTemporaryFile("w", suffix=".json") as site:
                json.dump({} if bare else SITE, site)
                site.flush()
                arguments = [
                    helm(),
                    command,
                    self.release_name,
                    str(self.folder),
                    f"--namespace={self.namespace}",
                    f"--values={site.name}",
                ]
                done = subprocess.run(
                    [*arguments, *options, "--values=-"],
                    input=json.dumps(values),
                    capture_output=True,
                    text=True,
                    check=False,
                )
            if done.returncode:
                raise RenderError(done.stderr)
            self._rendered[key] = done.stdout
        return self._rendered[key]

    def _name(self, each: Object) -> str:
        """The name, with the namespace before it where that is not the release's."""
        namespace = each["metadata"].get("namespace", self.namespace)
        name: str = each["metadata"]["name"]
        return name if namespace == self.namespace else f"{namespace}/{name}"


def _course_files(courses: Mapping[str, Path] | None) -> list[str]:
    return [f"--set-file=courses.files.{name}={path}" for name, path in (courses or {}).items()]


def hub_values(objects: Objects) -> dict[str, Any]:
    """The values that upstream's part of the chart hands to the hub."""
    values: dict[str, Any] = yaml.safe_load(base64.b64decode(objects["Secret", "hub"]["data"]["values.yaml"]))
    return values


def site_values(objects: Objects) -> dict[str, Any]:
    """The values of ours that the hub reads."""
    values: dict[str, Any] = yaml.safe_load(objects["ConfigMap", "coursehub-site"]["data"]["site.yaml"])
    return values


def pod_spec(objects: Objects, deployment: str) -> dict[str, Any]:
    """The pod of a Deployment."""
    spec: dict[str, Any] = objects["Deployment", deployment]["spec"]["template"]["spec"]
    return spec


def at(path: str, value: object) -> dict[str, Any]:
    """Values with one key, given by its dotted path."""
    first, _, rest = path.partition(".")
    return {first: at(rest, value) if rest else value}


def on_a_claim(claim: str) -> dict[str, Any]:
    """Values with the course files on a claim, which the hub's lists have to name."""
    volume = {"name": "coursehub-courses", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    mount = {"name": "coursehub-courses", "mountPath": "/usr/local/etc/jupyterhub/courses", "readOnly": True}
    lists = {"extraVolumes": [volume], "extraVolumeMounts": [mount]}
    return {"courses": {"existingClaim": claim}, "jupyterhub": {"hub": lists}}


def look_up(values: Any, path: str) -> Any:
    """The value at a dotted path, or None."""
    for part in path.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Values merged as helm merges them."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
