"""Requests as they are sent."""

import json
from typing import Any

from coursehub import protocol

HOME: dict[str, Any] = {"verb": "home", "name": "maria", "uid": 20001, "gid": 20001}


COURSE: dict[str, Any] = {"verb": "course", "slug": "python-intro", "gid": 70101, "data": "read-only"}


def parsed(**sent: Any) -> protocol.Request:
    """The request that is sent as JSON."""
    return protocol.parse(json.dumps(sent).encode(), minimum_uid=20000)
