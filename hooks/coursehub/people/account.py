"""A report on one account, for people who ask why somebody gets no server."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from coursehub.config.settings import Settings
from coursehub.errors import Refused

from .lookup import Answer


async def show(looking: Awaitable[Answer], name: str, settings: Settings) -> dict[str, Any]:
    """The report on `name` from a look-up, also from one that raises Refused."""
    try:
        found: Answer | Refused = await looking
    except Refused as refusal:
        found = refusal
    return report(name, settings, found, datetime.now(UTC))


def report(name: str, settings: Settings, found: Answer | Refused, now: datetime) -> dict[str, Any]:
    """Plain data: the account and the age of the answer in seconds; or, where not `known`, the refusal."""
    head: dict[str, Any] = {"name": name, "provider": settings.identity.provider, "known": isinstance(found, Answer)}
    if isinstance(found, Refused):
        return {**head, "refusal": str(found)}
    person = found.person
    return {
        **head,
        "uid": person.uid,
        "gid": person.gid,
        "groups": {group.name: group.gid for group in person.groups},
        "hubGroups": sorted(person.hub_groups),
        "admin": person.admin,
        "age": max(0, round((now - found.asked).total_seconds())),
    }


def text(report: dict[str, Any]) -> list[str]:
    """The report for people to read, a line each."""
    if not report["known"]:
        return [str(report["refusal"])]
    groups = [f"{name} ({gid})" for name, gid in report["groups"].items()] + report["hubGroups"]
    age = f"asked {report['age']} s ago" if report["age"] else "asked now"
    lines = {
        "name": report["name"],
        "uid": report["uid"],
        "gid": report["gid"],
        "groups": ", ".join(groups) or "none",
        "admin": "yes" if report["admin"] else "no",
        "source": f"{report['provider']}, {age}",
    }
    return [f"{key:8}{value}" for key, value in lines.items()]
