"""A person's way into their server by browser."""

import re
from typing import Literal

from playwright.sync_api import Error, Page, Response

from .cluster import Installation, until
from .person import arrive


def visit(page: Page, url: str, wait_until: Literal["commit", "load"] = "load") -> Response | None:
    """What the page at `url` answers; a browser drops what it just asks for when a pod's link comes or goes here."""

    def look() -> tuple[Response | None] | None:
        try:
            return (page.goto(url, wait_until=wait_until),)
        except Error as error:
            if "ERR_NETWORK_CHANGED" not in error.message:
                raise
            return None

    found = until(look, 60, f"{url} asked for while no network changes")
    assert found
    return found[0]


def log_in_by_browser(page: Page, installation: Installation, name: str) -> None:
    arrive(name)
    visit(page, f"{installation.url}/hub/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(installation.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/hub/(courses|home|spawn)"))
