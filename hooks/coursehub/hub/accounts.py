"""Who somebody is: by the site's directory, and by what the hub knows of their login."""

from collections.abc import Awaitable, Callable
from typing import Any

from jupyterhub.app import JupyterHub

from coursehub.config.settings import Settings
from coursehub.people.directory import People
from coursehub.people.lookup import Answer, look_up
from coursehub.person import Person

# How the hub finds somebody; raises Refused.
Find = Callable[[str, Settings], Awaitable[Answer]]


class Accounts:
    """People as the hub's process knows them, whether they have logged in or not."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def find(self, name: str, settings: Settings) -> Answer:
        """The answer about somebody who may have logged in or not; raises Refused."""
        users = JupyterHub.instance().users if JupyterHub.initialized() else {}
        return await self._find(name, users.get(name), settings)

    async def owner(self, spawner: Any, settings: Settings) -> Person:
        """Whose server the spawner's is; raises Refused."""
        return (await self._find(spawner.user.name, spawner.user, settings)).person

    async def _find(self, name: str, user: Any, settings: Settings) -> Answer:
        auth_state = await user.get_auth_state() if user and settings.identity.provider == "authState" else None
        source = self._people.source(settings.identity, auth_state)
        return await look_up(source, name, settings, [group.name for group in user.groups] if user else ())
