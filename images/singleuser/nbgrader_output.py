"""How much of what a cell prints is kept while a submission is executed, whatever it prints it as.

nbgrader counts lines, after the fact; one line can have megabytes, and a picture, a table, an error message too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CUT = "... Output truncated ..."
LONGEST_LINE = 200
# Bytes of a cell's pictures, tables and whatever is not text.
RICH = 10_000_000
# What decides about points: a value, or that there was an error.
SHORT = 100
OUTPUTS = {"stream", "display_data", "update_display_data", "execute_result", "error"}


@dataclass
class Room:
    """What one cell may still print: as much as `lines` lines have, in characters, and as many outputs."""

    lines: int
    rich: int = RICH
    told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.outputs = self.lines
        self.text = self.lines * LONGEST_LINE

    def kept(self, kind: str, content: Mapping[str, Any]) -> dict[str, Any] | None:
        """What is kept of an output, as the kernel sent it; None where nothing is.

        Of each kind the first always leaves a line, so what it says of success stays.
        """
        name = f"{kind} {content.get('name', '')}"
        again = name in self.told
        self.told.add(name)
        self.outputs -= 1
        if again and (self.outputs < 0 or (kind == "error" and self.text <= 0)):
            return None
        if kind == "error":
            error = {"ename": content["ename"][:SHORT], "evalue": self._cut(content["evalue"])}
            return {**content, **error, "traceback": list(self._traceback(content["traceback"]))}
        if kind == "stream":
            text = self._cut(content["text"])
            return None if again and text == CUT else {**content, "text": text}
        data = self._data(content["data"])
        return None if again and data == {"text/plain": CUT} else {**content, "data": data}

    def _traceback(self, lines: Sequence[str]) -> Iterator[str]:
        for line in lines:
            yield self._cut(line)
            if self.text <= 0:
                return

    def _data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        kept = {}
        for mime, value in data.items():
            if mime == "text/plain":
                kept[mime] = self._cut(value)
            elif (size := len(value) if isinstance(value, str) else len(str(value))) <= self.rich:
                self.rich -= size
                kept[mime] = value
        return kept or {"text/plain": CUT}

    def _cut(self, text: str) -> str:
        if len(text) <= max(self.text, SHORT):
            self.text -= len(text)
            return text
        text, self.text = text[: max(self.text, 0)], 0
        return f"{text}\n{CUT}" if text else CUT
