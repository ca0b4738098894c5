"""Whoever visits this server and is not its owner: the hub is asked who that is, and what they may, at each request.

JupyterHub's HubAuth goes by an answer for five minutes, in which an admin who is none any more would still be one here.
"""

import os
from typing import Any

from jupyterhub.services.auth import HubAuth


def ask_of_visitors(auth: HubAuth, owner: str) -> None:
    """Of all who are let in, `auth` remembers the owner alone."""
    remembered = type(auth.cache)

    class Owner(remembered):  # type: ignore[misc, valid-type] # JupyterHub is untyped
        def __setitem__(self, key: str, answer: dict[str, Any] | None) -> None:
            if answer is None or answer.get("name") == owner:
                super().__setitem__(key, answer)

    auth.cache = Owner(auth.cache_max_age)


def _load_jupyter_server_extension(app: Any) -> None:
    ask_of_visitors(app.identity_provider.hub_auth, os.environ["JUPYTERHUB_USER"])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursehub_visits"}]
