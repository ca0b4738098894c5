"""What is left of somebody's HTML, and of the outputs of their notebook, so that nothing in it runs.

To clean a megabyte of HTML takes half a minute, so of what is larger the text is shown.
"""

import re
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from bs4 import BeautifulSoup

TAGS = bleach.ALLOWED_TAGS | {f"h{level}" for level in range(1, 7)} | {
    "br", "caption", "col", "colgroup", "dd", "del", "details", "div", "dl", "dt", "figcaption", "figure", "hr",
    "img", "p", "pre", "s", "span", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "u"
}  # fmt: skip
ATTRIBUTES = {
    "align", "alt", "border", "colspan", "height", "open", "rowspan", "scope", "start", "style", "title",
    "width"
}  # fmt: skip
# Forms of an output that are shown as they are: text and pictures, of which no browser makes anything else.
HARMLESS = {"application/json", "image/gif", "image/jpeg", "image/png", "text/latex", "text/plain"}
# Characters of HTML and Markdown in a notebook that are cleaned, and of text in each output that are shown.
MOST_HTML = 150_000
MOST_TEXT = 300_000
TOO_LARGE = "Not shown as a page, as it is larger than {} characters in all; here is its text."
CUT = "... cut off here ..."


def bounded(notebook: Any) -> None:
    """Leaves of a notebook what can be cleaned in some seconds; in place of the rest there is text."""
    room = MOST_HTML
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            cell.source = _cut(cell.source)
        elif len(cell.source) <= room:
            room -= len(cell.source)
        else:
            lines = _cut(cell.source).splitlines()
            cell.source = "\n".join([TOO_LARGE.format(MOST_HTML), "", *(f"    {line}" for line in lines)])
        for output in cell.get("outputs", ()):
            if "data" in output:
                room = _bound_data(output.data, room)
            elif "text" in output:
                output.text = _cut(output.text)
            elif "traceback" in output:
                output.traceback = _cut("\n".join(output.traceback)).split("\n")


def _bound_data(data: dict[str, Any], room: int) -> int:
    """What is left of the room."""
    for kind in [kind for kind in data if kind.startswith("text/") or "xml" in kind]:
        text = "".join(data[kind]) if isinstance(data[kind], list) else data[kind]
        if kind in ("text/plain", "text/latex"):
            data[kind] = _cut(text)
        elif len(text) <= room:
            room -= len(text)
        else:
            del data[kind]
            plain = data.get("text/plain") or re.sub(r"<[^<>]{0,200}>", " ", text)
            data["text/plain"] = f"{TOO_LARGE.format(MOST_HTML)}\n{_cut(''.join(plain))}"
    return room


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}\n{CUT}"


def cleaned(html: object) -> str:
    """HTML with text, tables, images, and the classes of highlighted code; without ids, which Formgrader goes by."""
    soup = BeautifulSoup(html.decode() if isinstance(html, bytes) else str(html), features="html.parser")
    for hidden in soup(["script", "style", "template", "title"]):
        hidden.decompose()
    clean: str = bleach.clean(
        str(soup),
        tags=TAGS,
        attributes=_is_harmless,
        protocols=bleach.ALLOWED_PROTOCOLS | {"data"},
        css_sanitizer=CSSSanitizer(),
        strip=True,
    )
    return clean


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


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return re.fullmatch(r"(highlight|dataframe|[a-z]{1,2}[a-z0-9]?)( (highlight|hl-\w+))?", value) is not None
    if name == "href":
        return tag == "a" and not value.strip().lower().startswith("data:")
    if name == "src":
        return tag == "img"
    return name in ATTRIBUTES
