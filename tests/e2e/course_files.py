"""Course files of the cluster's, and what is live."""

import json
from pathlib import Path
from typing import Any

from .cluster import COURSES, Installation


def written(path: Path, **courses: object) -> Path:
    """The repository's courses, and more below them."""
    lines = [
        f"  {slug}: {course if isinstance(course, str) else json.dumps(course)}" for slug, course in courses.items()
    ]
    # A day is one only without quotes.
    text = "\n".join(lines).replace('"2999-01-01"', "2999-01-01")
    path.write_text(COURSES.read_text() + "\n" + text + "\n")
    return path


def live(installation: Installation) -> dict[str, dict[str, Any]]:
    """What `coursehub course list` says, by slug."""
    listed = installation.coursehub("course", "list", "--json")
    return {row["slug"]: row for row in json.loads(listed)["courses"]}
