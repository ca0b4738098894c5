"""Installs the chart: python -m ci.deploy up | status | info

`up` makes the local cluster, builds what is missing and installs; with CLUSTER=current it installs into the cluster of
the kubectl context instead. Values come from VALUES, the course file is COURSES; with NODES=2 the local cluster has two
nodes.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ci.cluster import nodes
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem
from ci.cluster.steps import say, step, tail, wait_until
from ci.images.image import IMAGES

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = RELEASE = "coursehub"
COURSEHUB = str(ROOT / ".venv/bin/coursehub")
HUB_CLAIM = "hub-db-dir"
HOST = "coursehub.localhost"


class Deployment:
    """One installation: which cluster, which values, which programs."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.layout = Layout.from_environment(environment)
        self.current = environment.get("CLUSTER") == "current"
        if environment.get("CLUSTER") not in (None, "", "current"):
            raise Problem(
                f"CLUSTER={environment['CLUSTER']}: leave it out for the local cluster, or write CLUSTER=current"
            )
        self.values = Path(environment.get("VALUES") or "values/local.yaml")
        self.courses = Path(environment.get("COURSES") or "values/courses.yaml")
        for path in (self.values, self.courses):
            if not (ROOT / path).is_file():
                raise Problem(f"{path}: no such file; name another by VALUES= or COURSES=")
        self.made = self.layout.state / "values.json"
        self.record = self.layout.state / "installed.json"
        self.environment = dict(environment)
        if not self.current:
            self.environment["KUBECONFIG"] = str(self.layout.kubeconfig)
            self.environment["PATH"] = f"{self.layout.bin}:{environment['PATH']}"

    def run(self, *command: str | Path, text: str | None = None) -> str:
        """The output of a program that has to succeed."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=ROOT,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise Problem(f"{Path(str(command[0])).name} {command[1]}: {said}")
        return done.stdout

    def show(self, *command: str | Path) -> None:
        """Runs a program that has to succeed and shows its own progress."""
        if subprocess.run([str(word) for word in command], cwd=ROOT, env=self.environment, check=False).returncode:
            raise Problem(f"stopped at: {' '.join(str(word) for word in command)}")

    def sites(self) -> list[str]:
        """The values files that count here, as options of `coursehub`."""
        files = [self.values] if self.current else [self.values, self.made]
        return [word for file in files for word in ("--site", str(file))]


def up(deployment: Deployment) -> None:
    """Everything from a bare machine to a hub that a browser can use."""
    begin = time.monotonic()
    if deployment.current:
        _up_current(deployment)
        return
    # A broken course file is said now, not after the long work.
    deployment.show(COURSEHUB, "check", "--site", deployment.values, deployment.courses)
    deployment.run(sys.executable, "-m", "ci.chart", "version")
    _local_cluster(deployment)
    with step("namespace, volumes and directories"):
        deployment.run("kubectl", "apply", "--server-side", "-f", "-", text=json.dumps(_objects(deployment)))
        share = deployment.layout.share
        deployment.run(COURSEHUB, "storage", "ensure", "--root", share, *deployment.sites(), deployment.courses)
    kind = _install(deployment)
    _forget_replaced(deployment)
    _answers(f"http://127.0.0.1:{deployment.layout.port}/hub/health")
    deployment.record.write_text(json.dumps({"chart": kind}))
    say("\n" + "\n".join(opened(deployment, info(deployment), time.monotonic() - begin, kind)))


def opened(deployment: Deployment, facts: Mapping[str, Any], seconds: float, kind: str) -> Iterator[str]:
    """What a person needs who has just run `make up`."""
    layout = deployment.layout
    yield f"The hub is open: {facts['url']}   ({seconds:.0f} s, z2jh: {kind}, nodes: {len(nodes.present(layout))})"
    yield f"Log in as {', '.join(facts['people'])}; the password of each is {facts['password']}"
    yield f"kubectl: export KUBECONFIG={facts['kubeconfig']} PATH={layout.bin}:$PATH; the namespace is {NAMESPACE}"


def _up_current(deployment: Deployment) -> None:
    for program in ("kubectl", "helm"):
        if not shutil.which(program):
            raise Problem(f"CLUSTER=current needs {program} on the PATH")
    context = deployment.run("kubectl", "config", "current-context").strip()
    say(f"CLUSTER=current: installing into the context {context}, with the images that {deployment.values} names")
    deployment.show(COURSEHUB, "check", *deployment.sites(), deployment.courses)
    with step("namespace"):
        deployment.run("kubectl", "apply", "--server-side", "-f", "-", text=json.dumps(_namespace()))
    kind = _install(deployment)
    say(f"\nInstalled (z2jh: {kind}). The hub's address is that of this service, or of your ingress:")
    deployment.show("kubectl", "--namespace", NAMESPACE, "get", "service", "--selector", "component=proxy-public")


def _local_cluster(deployment: Deployment) -> None:
    python = sys.executable
    deployment.show(python, "-m", "ci.cluster", "up")
    deployment.show(python, "-m", "ci.images", "build")
    deployment.show(python, "-m", "ci.cluster", "import", *(image.archive for image in IMAGES.values()))
    references = {name: image.ref for name, image in IMAGES.items()}
    _write_private(deployment.made, json.dumps(_made_values(deployment, references), indent=1))


def _made_values(deployment: Deployment, images: Mapping[str, str]) -> dict[str, Any]:
    site = yaml.safe_load((ROOT / deployment.values).read_text())
    chart = yaml.safe_load((ROOT / "chart/values.yaml").read_text())
    secret = _secrets(deployment.layout.state / "secrets.json", chart["jupyterhub"]["hub"]["services"])
    pull = {name: {"name": ref.rpartition(":")[0], "tag": _tag(ref)} for name, ref in images.items()}
    return {
        "images": dict.fromkeys(site["images"], images["singleuser"]),
        "storage": {"hostPath": str(deployment.layout.share)},
        "jupyterhub": {
            "hub": {
                "image": pull["hub"],
                **_share_of_a_node(deployment.layout),
                "config": {
                    "DummyAuthenticator": {"password": secret["password"]},
                    "ConfigurableHTTPProxy": {"auth_token": secret["proxy"]},
                    "JupyterHub": {"cookie_secret": secret["cookie"], "subdomain_host": _host(deployment, site)},
                    "CryptKeeper": {"keys": [secret["crypt"]]},
                },
                "services": {name: {"apiToken": secret[name]} for name in chart["jupyterhub"]["hub"]["services"]},
            },
            "proxy": {"chp": {"image": pull["proxy"]}},
        },
    }


def _host(deployment: Deployment, site: Mapping[str, Any]) -> str:
    """The hub's address, below whose name each server has an origin of its own; empty where the site wants one for all.

    Browsers lead such names to this machine by themselves.
    """
    return "" if site.get("acknowledgeOneOrigin") else f"http://{HOST}:{deployment.layout.port}"


def _share_of_a_node(layout: Layout) -> dict[str, Any]:
    """Where the machine is divided, a node that takes over what another one ran needs room for hub and proxy."""
    return {"resources": {"requests": {"cpu": "300m"}}} if len(nodes.wanted(layout)) > 1 else {}


def _secrets(path: Path, services: Iterable[str]) -> dict[str, str]:
    """Made once for each cluster: left to helm, they are others at the first upgrade, which then restarts the hub."""
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {"password": secrets.token_urlsafe(12)}
    made |= {name: secrets.token_hex(32) for name in ("proxy", "cookie", "crypt", *services)}
    if not made.keys() <= known.keys():
        known = made | known
        _write_private(path, json.dumps(known))
    return known


def _install(deployment: Deployment) -> str:
    chart = deployment.layout.cache / "chart"
    deployment.run(COURSEHUB, "check", *deployment.sites(), deployment.courses)
    done = subprocess.run(
        [sys.executable, "-m", "ci.chart", "assemble", str(chart)],
        cwd=ROOT,
        env=deployment.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem("the chart could not be put together")
    if not deployment.current:
        _forget_cut_off(deployment)
    with step("helm upgrade --install"), _report_on_failure(deployment):
        files = [word for file in deployment.sites() if file != "--site" for word in ("--values", file)]
        courses = f"courses.files.main={deployment.courses}"
        where = ("--namespace", NAMESPACE, "--wait", "--timeout", "5m")
        image = f"jupyterhub.hub.image.tag={IMAGES['hub'].tag}"
        given = ("--set-string", image, "--set-file", courses)
        deployment.run("helm", "upgrade", "--install", RELEASE, chart, *where, *files, *given)
    return done.stdout.strip()


def _forget_replaced(deployment: Deployment) -> None:
    """Deletes pods for which a node that offers less than before had no room: another has long been made for each.

    They stay as ended ones, and whoever looks for the one pod of a Deployment finds two.
    """
    asked = deployment.run("kubectl", "get", "pods", "--all-namespaces", "--output", "json")
    gone = ("--wait=false", "--ignore-not-found")
    for pod in json.loads(asked)["items"]:
        meta = pod["metadata"]
        conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
        made_by = [owner["kind"] for owner in meta.get("ownerReferences", [])]
        # All Deployments are complete, since helm waited for them.
        if made_by == ["ReplicaSet"] and conditions.get("Ready") != "True":
            deployment.run("kubectl", "delete", "pod", meta["name"], "--namespace", meta["namespace"], *gone)


def _forget_cut_off(deployment: Deployment) -> None:
    """Of a run that was ended in its midst helm says for ever that it is in progress, and does nothing else."""
    midst = f"owner=helm,name={RELEASE},status in (pending-install,pending-upgrade,pending-rollback)"
    deployment.run("kubectl", "delete", "secret", "--namespace", NAMESPACE, "--selector", midst)


@contextmanager
def _report_on_failure(deployment: Deployment) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        # What helm refuses outright explains itself; a wait that ended does not.
        if "deadline exceeded" in str(problem):
            warnings = ("get", "events", "--field-selector=type=Warning", "--sort-by=.lastTimestamp")
            for what in (("get", "pods"), warnings, ("logs", "--selector", "component=hub", "--tail=30")):
                command = ["kubectl", "--namespace", NAMESPACE, *what]
                said = subprocess.run(command, env=deployment.environment, capture_output=True, text=True, check=False)
                say(tail(said.stdout or said.stderr, 30))
        raise


def _namespace() -> dict[str, Any]:
    # Kubernetes itself refuses a pod that is not of the restricted level, whoever made it.
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _objects(deployment: Deployment) -> dict[str, Any]:
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{NAMESPACE}-{HUB_CLAIM}"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": NAMESPACE, "name": HUB_CLAIM},
            "hostPath": {"path": str(deployment.layout.hub_database), "type": "Directory"},
        },
    }
    return {"apiVersion": "v1", "kind": "List", "items": [_namespace(), volume]}


def _answers(url: str) -> None:
    def is_open() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - the address is our own
                return True
        except (OSError, urllib.error.URLError):
            return False

    with step(f"waiting for {url}"):
        if not wait_until(is_open, 120):
            raise Problem(f"{url} does not answer; look at: make status")


def info(deployment: Deployment) -> dict[str, Any]:
    """What a person or a test needs to use the hub."""
    if not deployment.record.exists():
        raise Problem("nothing is installed on the local cluster; run: make up")
    site = yaml.safe_load((ROOT / deployment.values).read_text())
    made = json.loads(deployment.made.read_text())
    here = f"http://127.0.0.1:{deployment.layout.port}"
    host = made["jupyterhub"]["hub"]["config"]["JupyterHub"]["subdomain_host"]
    return {
        "url": host or here,
        "servers": host.replace("://", "://{person}.") or here,
        "kubeconfig": str(deployment.layout.kubeconfig),
        "namespace": NAMESPACE,
        "chart": json.loads(deployment.record.read_text())["chart"],
        "password": made["jupyterhub"]["hub"]["config"]["DummyAuthenticator"]["password"],
        "people": site["jupyterhub"]["hub"]["config"]["Authenticator"]["allowed_users"],
    }


def status(deployment: Deployment) -> int:
    """Says what runs; 1 where something does not."""
    if (
        not deployment.current
        and subprocess.run([sys.executable, "-m", "ci.cluster", "status"], cwd=ROOT, check=False).returncode
    ):
        return 1
    say(deployment.run("kubectl", "--namespace", NAMESPACE, "get", "pods", "--output", "wide").rstrip())
    pods = json.loads(deployment.run("kubectl", "--namespace", NAMESPACE, "get", "pods", "--output", "json"))["items"]
    for name in ("hub", "proxy"):
        ready = [
            all(container["ready"] for container in pod["status"].get("containerStatuses", [{"ready": False}]))
            for pod in pods
            if pod["metadata"]["labels"].get("component") == name
        ]
        if not any(ready):
            say(
                f"{name}: not ready; look at: kubectl --namespace {NAMESPACE} describe pods --selector component={name}"
            )
            return 1
    return 0


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text(text)


def _tag(reference: str) -> str:
    return reference.rpartition(":")[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """0 fine, 1 something is wrong, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m ci.deploy", description=__doc__)
    parser.add_argument("command", choices=("up", "status", "info"))
    options = parser.parse_args(arguments)
    try:
        deployment = Deployment()
        match options.command:
            case "up":
                up(deployment)
            case "info":
                print(json.dumps(info(deployment)))
            case _:
                return status(deployment)
    except Problem as problem:
        print(f"coursehub: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncoursehub: interrupted; the next run goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
