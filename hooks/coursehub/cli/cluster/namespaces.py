"""The release's two namespaces; its own is there, and held to the restricted Pod Security level."""

from coursehub.cli.kubectl import Object
from coursehub.cli.report import Line

LABEL = "pod-security.kubernetes.io/enforce"


def storage(release: str) -> str:
    """The second one, which helm makes: of what acts as root on the volume."""
    return f"{release}-storage"


def unseen(namespace: str) -> Line:
    """Nobody could look."""
    todo = f"have somebody look who may: kubectl get namespace {namespace} --show-labels has to have {LABEL}=restricted"
    return Line("namespace", f"this account may not look at the namespace {namespace}", todo)


def line(namespace: str, found: Object | None) -> Line:
    """Of the namespace as it is; None where there is none."""
    label = f"kubectl label --overwrite namespace {namespace} {LABEL}=restricted"
    if found is None:
        todo = f"kubectl create namespace {namespace} && {label}"
        return Line("namespace", f"there is no namespace {namespace}", todo)
    level = (found["metadata"].get("labels") or {}).get(LABEL)
    if level == "restricted":
        return Line("namespace", f"{namespace} is held to the Pod Security level restricted")
    held = f"is held to the Pod Security level {level} alone" if level else "is held to no Pod Security level"
    return Line("namespace", f"{namespace} {held}", label)
