"""Code of the site's own: a module whose `adjust(plan)` changes of a server's plan what is the site's to decide.

What it may change is listed in `_FREE`; the pod is then held against the changed plan, as against any other.
"""

import posixpath
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from coursehub.config.images import pinned
from coursehub.config.settings import RESERVED, Settings
from coursehub.errors import GateClosed

from .plan import SHARE, Mount, PodPlan

Adjust = Callable[[PodPlan], PodPlan]

_FREE = frozenset({"image", "limits", "guarantees", "environment", "mounts", "node", "default_url", "warnings"})
# What a site mounts beside the plan's own lies here, where no program looks for code or configuration.
_MOUNTS = ("/srv/", "/mnt/")
_PRIVATE = ("home", "course", "exchange")


def load(name: str, folder: Path | None = None) -> Adjust:
    """The `adjust` of the module, which the hub's image has, or else `folder`.

    That of a module that cannot be used closes the gate at each start, since the module may hold restrictions.
    """
    if folder is not None and str(folder) not in sys.path:
        # The last place to be looked at, so that no file of the site's takes the place of a library.
        sys.path.append(str(folder))
    try:
        adjust: object = import_module(name).adjust
    except Exception as error:  # noqa: BLE001 - whatever the site's code does when it is imported
        why = f"the site's module {name} cannot be used: {type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            why += "; put it into the ConfigMap coursehub-module, or into the hub's image, and restart the hub"
        return _closed(why)
    if not callable(adjust):
        return _closed(f"the site's module {name} has no function adjust(plan)")
    return adjust


def adjusted(plan: PodPlan, adjust: Adjust, settings: Settings) -> PodPlan:
    """What `adjust` makes of `plan`; raises GateClosed, naming each change that is not the site's to make."""
    try:
        changed: object = adjust(plan)
    except GateClosed:
        raise
    except Exception as error:
        raise GateClosed(f"the site's adjust(plan) failed: {type(error).__name__}: {error}") from error
    if not isinstance(changed, PodPlan):
        raise GateClosed(f"the site's adjust(plan) returned {type(changed).__name__}, not a PodPlan")
    if refusals := list(_refusals(plan, changed, settings)):
        raise GateClosed("the site's adjust(plan) changed what it must not: " + "; ".join(refusals))
    return changed


def _refusals(plan: PodPlan, changed: PodPlan, settings: Settings) -> Iterator[str]:
    for field in fields(PodPlan):
        if field.name not in _FREE and getattr(changed, field.name) != getattr(plan, field.name):
            yield f"{field.name} is fixed"
    if changed.image != plan.image:
        try:
            pinned(changed.image)
        except ValueError as error:
            yield str(error)
    limits = changed.limits
    if limits.capped(settings.maximum) != limits or None in dict(limits).values():
        yield f"limits are {changed.limits}, above the site's maximum"
    if changed.guarantees.capped(changed.limits) != changed.guarantees:
        yield "guarantees are above the limits"
    for name in sorted({**plan.environment, **changed.environment}):
        if plan.environment.get(name, changed.environment.get(name)) != changed.environment.get(name):
            yield f"the variable {name} is the plan's"
        elif name not in plan.environment and RESERVED.match(name):
            yield f"the variable {name} decides how a server starts"
    yield from _mounts(plan, changed)


def _mounts(plan: PodPlan, changed: PodPlan) -> Iterator[str]:
    if changed.mounts[: len(plan.mounts)] != plan.mounts:
        yield "the plan's own mounts are fixed; add yours behind them"
        return
    paths = [mount.path for mount in plan.mounts]
    for mount in changed.mounts[len(plan.mounts) :]:
        if reason := _not_mountable(mount, paths):
            yield f"mount {mount.path}: {reason}"
        paths.append(mount.path)


def _not_mountable(mount: Mount, paths: list[str]) -> str | None:
    if mount.volume != SHARE or not mount.read_only:
        return "only the shared volume can be mounted, read-only"
    if mount.path != posixpath.normpath(mount.path) or not mount.path.startswith(_MOUNTS):
        return f"it has to lie below one of {', '.join(_MOUNTS)}"
    if any(f"{a}/".startswith(f"{b}/") for path in paths for a, b in ((mount.path, path), (path, mount.path))):
        return "it lies inside another mount, or another inside it"
    first, _, _ = mount.sub_path.partition("/")
    if mount.sub_path != posixpath.normpath(mount.sub_path) or first in ("", ".", "..", *_PRIVATE):
        return f"its folder on the volume cannot be {mount.sub_path!r}: homes, courses and exchanges are the plan's"
    return None


def _closed(reason: str) -> Adjust:
    def adjust(plan: PodPlan) -> PodPlan:
        raise GateClosed(reason)

    return adjust
