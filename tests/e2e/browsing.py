"""A person's way into their server by browser."""

import re

from playwright.sync_api import Page

from .cluster import Installation
from .person import arrive


def log_in_by_browser(page: Page, installation: Installation, name: str) -> None:
    arrive(name)
    page.goto(f"{installation.url}/hub/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(installation.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/hub/(courses|home|spawn)"))
