"""A course that the machine cannot hold all of, with or without a class that begins soon."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from .cluster import Installation, until
from .course_files import live, written

COURSE, EXPECTED = "crowded", 20


def write(path: Path, *, held: bool) -> Path:
    """The repository's courses, and this one."""
    resources = {"cpu": 1, "memory": "512M", "guarantee": {"cpu": 0.2, "memory": "128M"}}
    course = {"name": "Crowded", "students": ["maria", "jonas"], "image": "python", "resources": resources}
    if not held:
        return written(path, **{COURSE: course})
    soon = _soon()
    # A day is one only without quotes.
    line = json.dumps({**course, "classes": [soon]}).replace(json.dumps(soon["date"]), str(soon["date"]))
    return written(path, **{COURSE: line})


def install(installation: Installation, path: Path, *, held: bool) -> None:
    """The course is live, with its class or without."""
    before = live(installation).get(COURSE, {}).get("version")
    installation.helm(write(path, held=held))
    until(lambda: live(installation).get(COURSE, {}).get("version") not in (None, before), 110, "the course live")


def placeholders(installation: Installation) -> list[str]:
    """The phase of each."""
    found = installation.kubectl("get", "pods", "--selector", "coursehub/role=placeholder", "--output=json")
    return [str(pod["status"]["phase"]) for pod in json.loads(found)["items"]]


def _soon() -> dict[str, str | int]:
    """A class of today, or of the next day where it would last over midnight, that is not near yet."""
    begin = datetime.now(ZoneInfo("Europe/Helsinki")).replace(second=0) + timedelta(minutes=12)
    end = begin + timedelta(minutes=10)
    if begin.date() != end.date():
        begin, end = (end.replace(hour=0, minute=minute) for minute in (0, 10))
    return {
        "date": f"{begin:%Y-%m-%d}",
        "from": f"{begin:%H:%M}",
        "until": f"{end:%H:%M}",
        "expected": EXPECTED,
    }
