"""A kubectl for tests of commands: says what a test has it say, and keeps what it was asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_PROGRAM = f"""\
#!{sys.executable}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
with (here / "asked").open("a") as asked:
    asked.write(json.dumps(words) + "\\n")
answers = json.loads((here / "answers").read_text())
for answer in answers:
    if all(word in words for word in answer["words"]):
        said = answer["said"][0]
        if len(answer["said"]) > 1:
            answer["said"].pop(0)
            (here / "answers").write_text(json.dumps(answers))
        if answer.get("refused"):
            sys.exit(said)
        print(said)
        sys.exit()
sys.exit("no answer to " + " ".join(words))
"""


@dataclass(frozen=True)
class Kubectl:
    """The program, first on the PATH of a test."""

    folder: Path

    @classmethod
    def installed(cls, folder: Path, patch: pytest.MonkeyPatch) -> Kubectl:
        """Alone on the PATH, and without answers."""
        (folder / "kubectl").write_text(_PROGRAM)
        (folder / "kubectl").chmod(0o755)
        (folder / "answers").write_text("[]")
        (folder / "asked").touch()
        patch.setenv("PATH", str(folder))
        return cls(folder)

    def says(self, words: Sequence[str], *said: object) -> None:
        """What it prints when it is asked with all of `words`: one after the other, the last one from then on."""
        answers = json.loads((self.folder / "answers").read_text())
        texts = [each if isinstance(each, str) else json.dumps(each) for each in said]
        (self.folder / "answers").write_text(json.dumps([*answers, {"words": list(words), "said": texts}]))

    def refuses(self, words: Sequence[str], why: str) -> None:
        """What it says on stderr, and fails, when it is asked with all of `words`."""
        answers = json.loads((self.folder / "answers").read_text())
        refusal = {"words": list(words), "said": [why], "refused": True}
        (self.folder / "answers").write_text(json.dumps([*answers, refusal]))

    def hub_says(self, *answers: object) -> None:
        """What the hub's door answers, in a pod whose name is the site's; the one before it is just ending."""
        pods = [
            {"metadata": {"name": "jupyter-hub-1", "creationTimestamp": "2026-09-01T08:00:00Z"}},
            {
                "metadata": {
                    "name": "jupyter-hub-0",
                    "creationTimestamp": "2026-09-01T09:00:00Z",
                    "deletionTimestamp": "x",
                }
            },
        ]
        self.says(["get", "pods", "component=hub"], {"items": pods})
        self.says(["exec", "jupyter-hub-1"], *({"answer": each} for each in answers))

    @property
    def asked(self) -> list[list[str]]:
        """The words of each call."""
        return [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]
