"""Text that others wrote, made plain before it is shown or kept: nothing in it that a terminal obeys or that is unseen.

`shown` is for names and sentences: it takes nothing away, so two names that differ stay apart. `line` and what is built
on it is for what a program printed: it drops what is not text, and cuts what is long.
"""

import json
import re

# Terminals obey these: CSI and OSC sequences, and other escapes of two characters.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
# Letters and marks for Unicode, of no width for the eye (Default_Ignorable_Code_Point).
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# The most characters of one line.
LONGEST = 500


def shown(text: str) -> str:
    """`text` as one line of what can be seen: other characters, and bytes that are no UTF-8, in Python's notation."""
    return text if _is_plain(text) else "".join(each if _is_plain(each) else _escaped(each) for each in text)


def as_json(value: object, indent: int | None = None) -> str:
    """`value` as JSON in ASCII that every parser takes: a byte of a name that is no UTF-8 is as in `shown`."""
    return json.dumps(_encodable(value), indent=indent)


def _encodable(value: object) -> object:
    match value:
        case str():
            return _SURROGATE.sub(lambda found: _escaped(found[0]), value)
        case dict():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
        case list() | tuple():
            return [_encodable(item) for item in value]
    return value


def _is_plain(text: str) -> bool:
    return text.isprintable() and not _UNSEEN.search(text)


def _escaped(letter: str) -> str:
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:
        # As Python reads a byte of a file's name that is no UTF-8.
        return f"\\x{number - 0xDC00:02x}"
    return ascii(letter)[1:-1]


def line(text: str, most: int = LONGEST) -> str:
    """`text` as one line of printable characters, cut behind `most` of them."""
    plain = "".join(filter(_is_plain, " ".join(_ESCAPES.sub("", text).split())))
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
