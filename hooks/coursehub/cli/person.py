"""A person, as the site's own directory has them: asked from this machine, without the hub."""

import logging

from coursehub import terminal
from coursehub.config.settings import Settings
from coursehub.errors import Refused
from coursehub.people import directory
from coursehub.people.lookup import Answer, look_up


async def find(site: Settings, name: str) -> Answer:
    """What the directory answers about `name`; Refused where only the running hub knows."""
    if site.identity.provider == "authState":
        raise Refused(f"Only the running hub knows what the login said of {name!r}; leave --site and files out.")
    terminal.logs("coursehub: %(message)s", logging.INFO)
    return await look_up(directory.People(logging.getLogger(__name__)).source(site.identity), name, site)
