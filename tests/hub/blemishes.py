"""What whoever does not see a page, or not well, would stumble over."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page


async def blemishes(page: Page) -> list[str]:
    """What axe finds serious or critical."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{page.url}: {rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
