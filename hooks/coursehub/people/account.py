"""What the directory says of one account, for people who ask why somebody gets no server."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from coursehub.config.settings import Settings
from coursehub.errors import Refused

from .lookup import Answer


async def show(looking: Awaitable[Answer], name: str, settings: Settings) -> dict[str, Any]:
    """The report on `name` that a look-up, which raises Refused, comes to."""
    try:
        found: Answer | Refused = await looking
    except Refused as refusal:
        found = refusal
    return report(name, settings, found, datetime.now(UTC))


def report(name: str, settings: Settings, found: Answer | Refused, now: datetime) -> dict[str, Any]:
    """Plain data on `name`: the account, and how many seconds old the answer is; or, where not `known`, why not."""
    said: dict[str, Any] = {"name": name, "provider": settings.identity.provider, "known": isinstance(found, Answer)}
    if isinstance(found, Refused):
        return {**said, "refusal": str(found)}
    person = found.person
    return {
        **said,
        "uid": person.uid,
        "gid": person.gid,
        "groups": {group.name: group.gid for group in person.groups},
        "hubGroups": sorted(person.hub_groups),
        "admin": person.admin,
        "age": max(0, round((now - found.asked).total_seconds())),
    }


def text(said: dict[str, Any]) -> str:
    """A report for people to read."""
    if not said["known"]:
        return str(said["refusal"])
    groups = [f"{name} ({gid})" for name, gid in said["groups"].items()] + said["hubGroups"]
    asked = f"asked {said['age']} s ago" if said["age"] else "asked now"
    lines = {
        "name": said["name"],
        "uid": said["uid"],
        "gid": said["gid"],
        "groups": ", ".join(groups) or "none",
        "admin": "yes" if said["admin"] else "no",
        "source": f"{said['provider']}, {asked}",
    }
    return "\n".join(f"{key:8}{value}" for key, value in lines.items())
