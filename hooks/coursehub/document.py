"""YAML text as plain data in which every value knows its line: what `courses` and `settings` validate.

The course file is written by many hands, so what makes YAML ambiguous or dangerous is refused: duplicate keys,
anchors and aliases, tags, merge keys, several documents.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import yaml
from pydantic_core import ErrorDetails

from .errors import InvalidFile, Problem

Path = tuple[str | int, ...]

# The files nest five deep; libyaml's composer recurses in C, where thousands of brackets end the process.
_DEEPEST = 20

_MAPPING = "tag:yaml.org,2002:map"
_MERGE = "tag:yaml.org,2002:merge"
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}


@dataclass
class Document:
    """Plain data read from one file, with the position of each key and value."""

    file: str
    data: Any = None
    keys: dict[Path, yaml.Mark] = field(default_factory=dict)
    values: dict[Path, yaml.Mark] = field(default_factory=dict)
    problems: list[tuple[Path, Problem]] = field(default_factory=list)

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        """A problem at the value under `path` (or at its key), or at the nearest parent that has a position."""
        course = str(path[1]) if len(path) > 1 and path[0] == "courses" else None
        marks = self.keys if at_key else self.values
        for end in range(len(path), -1, -1):
            mark = marks.get(path[:end]) or self.values.get(path[:end])
            if mark is not None:
                return Problem(self.file, mark.line + 1, mark.column + 1, message, course)
        return Problem(self.file, 1, 1, message, course)

    def explain(self, path: Path, errors: Iterable[ErrorDetails], known: Iterable[str]) -> Iterator[Problem]:
        """What a pydantic model said of the data under `path`, as problems; `known` are the model's keys."""
        for error in errors:
            where = path
            for part in error["loc"]:
                if (*where, part) in self.values:
                    where = (*where, part)
            key = str(error["loc"][-1]) if error["loc"] else str(path[-1])
            if error["type"] == "extra_forbidden":
                close = get_close_matches(key, known, n=1)
                instead = f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(sorted(known))}"
                yield self.problem(where, f"unknown key '{key}'; {instead}", at_key=True)
            elif error["type"] == "missing":
                yield self.problem(where, f"'{key}' is missing; add it", at_key=True)
            else:
                at = ".".join(map(str, where[len(path) :]))
                yield self.problem(where, f"{at}: {_sentence(error)}" if at else _sentence(error))


def _sentence(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if error["type"] == "value_error":
        return message
    shown = repr(error["input"])
    return f"{message}, not {shown if len(shown) <= 60 else shown[:57] + '...'}"


def read(file: str, text: str) -> Document:
    """The document in `text`; mistakes below the top level are kept with it, and their values left out.

    Raises InvalidFile where the text as a whole is not one YAML mapping.
    """
    document = Document(file)
    loader = yaml.CSafeLoader(text)
    try:
        _refuse_depth(file, text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise InvalidFile([Problem(file, 1, 1, "the file holds no mapping; write `key: value` lines")])
        document.data = _data(document, loader, node, (), set())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise InvalidFile([Problem(file, line, column, f"not valid YAML: {error.problem or error.context}")]) from None
    except yaml.YAMLError as error:
        raise InvalidFile([Problem(file, 1, 1, f"not valid YAML: {error}")]) from None
    finally:
        loader.dispose()
    return document


def _refuse_depth(file: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            mark = event.start_mark
            message = f"nested more than {_DEEPEST} deep; remove the brackets or indentation too many"
            raise InvalidFile([Problem(file, mark.line + 1, mark.column + 1, message)])


def _data(document: Document, loader: yaml.CSafeLoader, node: yaml.Node, path: Path, seen: set[int]) -> Any:
    def refuse(message: str) -> None:
        document.problems.append((path, document.problem(path, message)))

    document.values.setdefault(path, node.start_mark)
    if id(node) in seen:
        refuse("aliases (`*name`) are not allowed; write the value out")
        return None
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key_node.tag == _MERGE:
                document.values[(*path, "<<")] = key_node.start_mark
                document.problems.append((path, document.problem((*path, "<<"), "a key must be a plain word")))
                continue
            below = (*path, key)
            if key in mapping:
                first = document.keys[below].line + 1
                here = Document(document.file, values={below: key_node.start_mark})
                message = f"'{key}' is here twice (first in line {first}); remove one"
                document.problems.append((below, here.problem(below, message)))
                continue
            document.keys[below] = key_node.start_mark
            mapping[key] = _data(document, loader, value_node, below, seen)
        return mapping
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_data(document, loader, item, (*path, index), seen) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN:
        try:
            return loader.construct_object(node)
        except ValueError as error:
            refuse(f"not a value: {error}")
            return None
    refuse(f"tags such as `{node.tag.replace('tag:yaml.org,2002:', '!!')}` are not allowed; remove it")
    return None
