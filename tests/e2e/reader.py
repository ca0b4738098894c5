"""Somebody at a browser who does what a page of docs/ says, and whom its pictures show."""

import os
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from .cluster import ROOT

# Where `make pictures` puts them.
PICTURES = os.environ.get("COURSEHUB_PICTURES")


class Reader:
    """Clicks only what the page names, *so*, in the interface's own words."""

    def __init__(self, page: Page, chapter: str) -> None:
        self.page = page
        self.text = (ROOT / "docs" / chapter).read_text()
        # From elsewhere a page takes the typesetting of formulas, for which it would wait.
        page.context.route("https://cdnjs.cloudflare.com/**", lambda route: route.abort())

    def named(self, words: str) -> str:
        """The words, which stand in the page."""
        assert f"*{words}*" in self.text, f"the page says nowhere: *{words}*"
        return words

    def menu(self, *path: str) -> None:
        """Through a menu of JupyterLab."""
        for words in path:
            # An entry's name ends with its keys.
            name = re.compile(rf"^{re.escape(self.named(words))}( (Ctrl|Shift|Alt)\+\S+)?$")
            self.page.get_by_role("menuitem", name=name).click()

    def button(self, words: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=self.named(words), exact=True).first.click()

    def link(self, words: str) -> None:
        self.page.get_by_role("link", name=self.named(words), exact=True).first.click()

    def icon(self, row: str, column: str) -> None:
        """The icon in a column of Formgrader's table."""
        heads = self.page.locator("thead th")
        expect(heads.filter(has_text=self.named(column)).first).to_be_visible()
        place = heads.all_inner_texts().index(column)
        self.page.get_by_role("row", name=row).locator("td").nth(place).get_by_role("link").click()

    def told(self, words: str) -> None:
        """A dialog of Formgrader's says so, and is closed."""
        dialog = self.page.get_by_role("dialog").filter(has_text=words)
        expect(dialog).to_be_visible()
        self.button("OK", dialog)
        expect(dialog).to_be_hidden()

    def file(self, name: str) -> None:
        """Opens a file of JupyterLab's list."""
        self.page.locator(".jp-DirListing-item").filter(has_text=name).dblclick()

    def folder(self, path: str) -> None:
        """JupyterLab has opened this folder, which the page says."""
        assert f"`{path}`" in self.text, f"the page says nowhere: `{path}`"
        expect(self.page.locator(".jp-BreadCrumbs-item").last).to_have_attribute("title", path)

    def opened(self, page: Page) -> None:
        """Goes on in the tab that has just opened."""
        self.page = page
        page.bring_to_front()

    def fill(self, words: str, value: str) -> None:
        """A field of a dialog of Formgrader's, by what stands in front of it."""
        self.page.get_by_role("row", name=self.named(words)).locator("input").fill(value)

    def picture(self, name: str, of: Locator, *beside: Locator, height: int = 600) -> None:
        """What is seen of a part and of those beside it, as the page shows it in `docs/pictures`; it is not blank."""
        assert f"](pictures/{name}.png)" in self.text, f"the page shows no picture {name}"
        boxes = [box for each in (of, *beside) if (box := each.bounding_box())]
        assert len(boxes) == 1 + len(beside), f"{name}: a part is not to be seen"
        left, top = min(box["x"] for box in boxes), boxes[0]["y"]
        right = max(box["x"] + box["width"] for box in boxes)
        clip = {"x": left, "y": top, "width": right - left, "height": min(height, boxes[0]["height"])}
        made = self.page.screenshot(clip=clip, animations="disabled", caret="hide")  # type: ignore[arg-type]
        assert len(made) > 3_000, f"{name} is blank"
        if PICTURES:
            Path(PICTURES, f"{name}.png").write_bytes(made)
