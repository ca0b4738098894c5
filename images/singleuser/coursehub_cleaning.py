"""What is left of somebody's HTML, and of the outputs of their notebook, so that nothing in it runs.

A browser has to show it, too, so of what is larger the text is shown.
"""

import re
from dataclasses import dataclass
from typing import Any

import nh3

TAGS = {f"h{level}" for level in range(1, 7)} | {
    "a", "abbr", "acronym", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details",
    "div", "dl", "dt", "em", "figcaption", "figure", "hr", "i", "img", "li", "ol", "p", "pre", "s", "span", "strong",
    "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"
}  # fmt: skip
# What is in these is no text of a page.
HIDDEN = {"script", "style", "template", "title"}
ATTRIBUTES = {
    "align", "alt", "border", "colspan", "height", "open", "rowspan", "scope", "start", "style", "title",
    "width"
}  # fmt: skip
# Of a style: nothing that puts it elsewhere in the page.
STYLES = {
    "background-color", "border-collapse", "border-color", "clear", "color", "direction", "display", "float", "font",
    "font-family", "font-size", "font-style", "font-variant", "font-weight", "height", "letter-spacing", "line-height",
    "overflow", "text-align", "text-decoration", "text-indent", "unicode-bidi", "vertical-align", "white-space",
    "width"
}  # fmt: skip
SCHEMES = {"data", "http", "https", "mailto"}
# Forms of an output that are shown as they are: text and pictures, of which no browser makes anything else.
HARMLESS = {"application/json", "image/gif", "image/jpeg", "image/png", "text/latex", "text/plain"}
# Characters of a notebook's HTML and Markdown that are cleaned, of each text that is shown, and of all of them.
MOST_HTML = 100_000
MOST_TEXT = 50_000
MOST_IN_ALL = 300_000
TOO_LARGE = "Not shown as a page, as it is too large or takes too long to lay out; here is its text."
CUT = "... cut off here ..."


@dataclass
class Room:
    """What may still be shown of a notebook."""

    html: int = MOST_HTML
    text: int = MOST_IN_ALL

    def takes(self, html: str) -> bool:
        """Whether there was room to clean it, which is used up then."""
        fits = len(html) <= self.html
        self.html -= len(html) if fits else 0
        return fits

    def cut(self, text: str) -> str:
        """What there is room for of a text."""
        kept = text[: min(MOST_TEXT, self.text)]
        self.text -= len(kept)
        return kept if kept == text else f"{kept}\n{CUT}"


def bounded(notebook: Any, html: int = MOST_HTML) -> None:
    """Leaves of a notebook what can be cleaned in a second; in place of the rest there is text."""
    room = Room(html)
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            cell.source = room.cut(cell.source)
        elif not room.takes(cell.source):
            text = "\n".join(f"    {line}" for line in room.cut(cell.source).splitlines())
            cell.source = f"{TOO_LARGE}\n\n{text}"
        for output in cell.get("outputs", ()):
            if "data" in output:
                _bound_data(output.data, room)
            elif "text" in output:
                output.text = room.cut(output.text)
            elif "traceback" in output:
                output.traceback = room.cut("\n".join(output.traceback)).split("\n")


def _bound_data(data: dict[str, Any], room: Room) -> None:
    large = ""
    for kind in [kind for kind in data if kind.startswith("text/") or "xml" in kind]:
        text = "".join(data[kind]) if isinstance(data[kind], list) else data[kind]
        if kind in ("text/plain", "text/latex"):
            data[kind] = room.cut(text)
        elif not room.takes(text):
            large = text
            del data[kind]
    if large:
        text = data.get("text/plain") or room.cut(re.sub(r"<[^<>]{0,200}>", " ", large))
        data["text/plain"] = f"{TOO_LARGE}\n{text}"


def cleaned(html: object) -> str:
    """HTML with text, tables, images, and the classes of highlighted code; without ids, which Formgrader goes by."""
    return nh3.clean(
        html.decode() if isinstance(html, bytes) else str(html),
        tags=TAGS,
        clean_content_tags=HIDDEN,
        attributes={"*": ATTRIBUTES | {"class", "href", "src"}},
        attribute_filter=_harmless,
        filter_style_properties=STYLES,
        url_schemes=SCHEMES,
    )


def clean_outputs(notebook: Any) -> None:
    """Leaves of each output what runs nothing; where nothing of it is left, a line says what it was."""
    notebook.metadata.pop("widgets", None)
    bounded(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "data" in output:
                output.data = _clean_data(output.data)
                output.metadata = {}


def _clean_data(data: dict[str, Any]) -> dict[str, Any]:
    kept = {kind: value for kind, value in data.items() if kind in HARMLESS}
    if "text/html" in data:
        html = data["text/html"]
        kept["text/html"] = cleaned("".join(html) if isinstance(html, list) else html)
    elif "text/markdown" in data:
        kept["text/plain"] = data["text/markdown"]
    return kept or {"text/plain": f"Not shown here: {', '.join(sorted(data))}"}


def _harmless(tag: str, name: str, value: str) -> str | None:
    return value if _is_harmless(tag, name, value) else None


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return re.fullmatch(r"(highlight|dataframe|[a-z]{1,2}[a-z0-9]?)( (highlight|hl-\w+))?", value) is not None
    if name == "href":
        # As browsers read it, without white space wherever that is.
        return tag == "a" and not re.sub(r"[\x00-\x20]", "", value).lower().startswith("data:")
    if name == "src":
        return tag == "img"
    return name in ATTRIBUTES
