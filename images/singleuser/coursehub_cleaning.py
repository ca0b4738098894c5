"""What is left of somebody's HTML, and of the outputs of their notebook, so that nothing in it runs."""

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
