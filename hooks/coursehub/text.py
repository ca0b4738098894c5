"""Text that others wrote, made plain before it is shown or kept: no control characters, and not too much of it."""

import re

# Terminals obey these: CSI and OSC sequences, and other escapes of two characters.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
# The most characters of one line.
LONGEST = 500


def line(text: str, most: int = LONGEST) -> str:
    """`text` as one line of printable characters, cut behind `most` of them."""
    plain = "".join(letter for letter in " ".join(_ESCAPES.sub("", text).split()) if letter.isprintable())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def last_lines(text: str, most: int) -> tuple[str, ...]:
    """The last lines of `text` that have at most `most` characters in all, each as `line` makes it; none is empty."""
    kept: list[str] = []
    for last in reversed(text[-4 * most :].splitlines()):
        plain = indented(last)
        most -= len(plain)
        if most < 0:
            break
        if plain.strip():
            kept.append(plain)
    return tuple(reversed(kept))


def indented(text: str) -> str:
    """`text` as `line` makes it, with the blanks at its beginning, as a traceback has them."""
    text = text.expandtabs(4)
    return text[: min(len(text) - len(text.lstrip(" ")), 40)] + line(text)
