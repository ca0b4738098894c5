"""What courses' servers need, from what was measured of them: `resources:` lines for a course file."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

# What nobody needed so far may be needed tomorrow.
HEADROOM = 1.25
_MIB = 2**20


@dataclass(frozen=True, order=True)
class Use:
    """What was measured of the servers of a course in a role; general use has no course.

    `cpu` (cores) and `memory` (bytes): 95 % of the servers had no more, for 95 % of their time. `most_…`: the highest
    of any server.
    """

    course: str
    role: str
    servers: int
    cpu: float
    memory: float
    most_cpu: float
    most_memory: float


def resources(use: Use) -> dict[str, Any]:
    """Values for `resources:`: guaranteed is what is usual, the limit is a quarter above what was the most."""
    cpu, memory = max(use.cpu, 0.01), max(use.memory, _MIB)
    guarantee = {"cpu": _up(cpu, 0.05), "memory": _bytes(memory, 64)}
    limit_cpu = max(_up(max(use.most_cpu, cpu) * HEADROOM, 0.5), guarantee["cpu"])
    return {"cpu": limit_cpu, "memory": _bytes(max(use.most_memory, memory) * HEADROOM, 256), "guarantee": guarantee}


def lines(uses: Iterable[Use], days: int) -> Iterator[str]:
    """YAML for the course file, each value with what it rests on; what general use needs is for the site's values."""
    courses: dict[str, dict[str, Use]] = {}
    for use in sorted(merged(uses)):
        courses.setdefault(use.course, {})[use.role] = use
    general = courses.pop("", {})
    if courses:
        yield "courses:"
    for slug, roles in courses.items():
        yield f"  {slug}:"
        if "student" in roles:
            yield from _block(roles["student"], "students", days, "    ")
        if "instructor" in roles:
            yield f"    # {measured(roles['instructor'], 'instructors', days)}"
            yield f"    instructor: {{resources: {_flow(resources(roles['instructor']))}}}"
    for use in general.values():
        yield "general:"
        yield from _block(use, "general use", days, "  ")


def merged(uses: Iterable[Use]) -> list[Use]:
    """Servers that grade have their instructors' resources, so they count as those."""
    found: dict[tuple[str, str], Use] = {}
    for use in uses:
        role = "instructor" if use.role == "grading" else use.role
        other = found.get((use.course, role))
        found[use.course, role] = replace(use, role=role) if other is None else _larger(other, use)
    return list(found.values())


def _larger(one: Use, two: Use) -> Use:
    return Use(
        one.course,
        one.role,
        one.servers + two.servers,
        max(one.cpu, two.cpu),
        max(one.memory, two.memory),
        max(one.most_cpu, two.most_cpu),
        max(one.most_memory, two.most_memory),
    )


def _block(use: Use, who: str, days: int, indent: str) -> Iterator[str]:
    yield f"{indent}# {measured(use, who, days)}"
    yield f"{indent}resources: {_flow(resources(use))}"


def measured(use: Use, who: str, days: int) -> str:
    """One line of what was measured."""
    servers = f"{use.servers} {'server' if use.servers == 1 else 'servers'}"
    usual = f"{use.cpu:.2f} CPU and {use.memory / _MIB:.0f}M"
    most = f"{use.most_cpu:.2f} CPU and {use.most_memory / _MIB:.0f}M"
    span = "a day" if days == 1 else f"{days} days"
    return f"{who}, {servers} in {span}: 95 % within {usual}, the most {most}"


def _flow(values: dict[str, Any]) -> str:
    pairs = (f"{key}: {_flow(value) if isinstance(value, dict) else value}" for key, value in values.items())
    return f"{{{', '.join(pairs)}}}"


def _up(value: float, step: float) -> float | int:
    steps = math.ceil(round(value / step, 6))
    found = round(steps * step, 2)
    return int(found) if found == int(found) else found


def _bytes(value: float, step: int) -> str:
    mebibytes = math.ceil(value / _MIB / step) * step
    return f"{mebibytes // 1024}G" if mebibytes % 1024 == 0 else f"{mebibytes}M"
