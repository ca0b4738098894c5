"""YAML text as plain data in which every value knows its line: what `courses` and `settings` validate.

The course file is written by many hands, so what makes YAML ambiguous or dangerous is refused: duplicate keys,
anchors and aliases, tags, merge keys, several documents.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any, get_args

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails
from yaml.reader import ReaderError

from .errors import InvalidFile, Problem

Path = tuple[str | int, ...]

# The files nest five deep; libyaml's composer recurses in C, where thousands of brackets end the process.
_DEEPEST = 20

_MAPPING = "tag:yaml.org,2002:map"
_MERGE = "tag:yaml.org,2002:merge"
_INT = "tag:yaml.org,2002:int"
# YAML 1.1 also reads 0170, 1:30, 0x1f and 1_000 as numbers, not those that people mean.
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
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

    def explain(self, path: Path, errors: Iterable[ErrorDetails], model: type[BaseModel]) -> Iterator[Problem]:
        """What the pydantic `model` said of the data under `path`, as problems."""
        for error in errors:
            where = path
            for part in error["loc"]:
                if (*where, part) in self.values:
                    where = (*where, part)
            if error["type"] == "extra_forbidden":
                key, known = str(error["loc"][-1]), sorted(_keys(model, error["loc"][:-1]))
                close = get_close_matches(key, known, n=1)
                instead = f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(known)}"
                yield self.problem(where, f"unknown key '{key}'; {instead}", at_key=True)
            elif error["type"] == "missing":
                yield self.problem(where, f"'{error['loc'][-1]}' is missing; add it", at_key=True)
            else:
                at = ".".join(map(str, where[len(path) :]))
                yield self.problem(where, f"{at}: {_sentence(error)}" if at else _sentence(error))


# What to write, in the words of people who edit YAML; pydantic's own are of Python.
_INSTEAD = {
    "date_type": "write a day as 2026-09-01",
    "dict_type": "write keys and values below it",
    "float_type": "write a number",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write {ge} or more",
    "int_type": "write a whole number",
    "less_than_equal": "write {le} or less",
    "literal_error": "write {expected}",
    "mapping_type": "write keys and values below it",
    "model_type": "write keys and values below it",
    "string_too_long": "write {max_length} characters at most",
    "string_too_short": "write something",
    "string_type": "write text",
    "tuple_type": "write a list as [one, two]",
}


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    given = error["input"]
    shown = str(given) if isinstance(given, date) else repr(given)
    instead = _INSTEAD.get(error["type"], error["msg"]).format(**error.get("ctx", {}))
    return f"{instead}, not {shown if len(shown) <= 60 else shown[:57] + '...'}"


def _keys(model: type[BaseModel], path: Path) -> Iterator[str]:
    for part in path:
        field = next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)
        # A mapping of models has its values' type last; its keys, which are no fields, are passed over.
        for found in (field.annotation, *get_args(field.annotation)) if field else ():
            if isinstance(found, type) and issubclass(found, BaseModel):
                model = found
    return (field.alias or name for name, field in model.model_fields.items() if not field.exclude)


def read_text(path: FilePath) -> str:
    """The file's text; bytes that are no UTF-8 stay in it, for `read` to tell."""
    return path.read_text("utf-8", "surrogateescape")


def read(file: str, text: str) -> Document:
    """The document in `text`; mistakes below the top level are kept with it, and their values left out.

    Raises InvalidFile where the text as a whole is not one YAML mapping.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _invalid_at(file, text, error.start, "not UTF-8 text; save the file as UTF-8") from None
    document = Document(file)
    loader = yaml.CSafeLoader(text)
    try:
        _refuse_depth(file, text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise InvalidFile([Problem(file, 1, 1, "the file holds no mapping; write `key: value` lines")])
        document.data = _data(document, loader, node, (), set())
    except yaml.MarkedYAMLError as error:
        said = f"not valid YAML: {error.problem or error.context}; look for indentation, quotes and brackets above it"
        raise _invalid(file, error.problem_mark or error.context_mark, said) from None
    except ReaderError as error:
        said = f"not valid YAML: character {error.character:#06x} cannot be in a text; remove it"
        raise _invalid_at(file, text, error.position, said) from None
    finally:
        loader.dispose()
    return document


def _refuse_depth(file: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            message = f"nested more than {_DEEPEST} deep; remove the brackets or indentation too many"
            raise _invalid(file, event.start_mark, message)


def _invalid_at(file: str, text: str, position: int, message: str) -> InvalidFile:
    before = text[:position]
    return InvalidFile([Problem(file, before.count("\n") + 1, len(before) - before.rfind("\n"), message)])


def _invalid(file: str, mark: Any, message: str) -> InvalidFile:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return InvalidFile([Problem(file, line, column, message)])


def _data(document: Document, loader: yaml.CSafeLoader, node: yaml.Node, path: Path, seen: set[int]) -> Any:
    def refuse(message: str, *, at_key: bool = False) -> None:
        document.problems.append((path, document.problem(path, message, at_key=at_key)))

    if id(node) in seen:
        # The node knows only where its anchor is.
        refuse("aliases (`*name`) are not allowed; write the value out", at_key=True)
        return None
    seen.add(id(node))
    document.values[path] = node.start_mark
    if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key_node.tag == _MERGE:
                document.values[(*path, "<<")] = key_node.start_mark
                document.problems.append(
                    (path, document.problem((*path, "<<"), "a key must be a plain word; write one, or remove it"))
                )
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
        if node.tag == _INT and _DECIMAL.fullmatch(node.value) is None:
            refuse(f"{node.value[:20]} is no plain number; write it in digits alone, or in quotes")
            return None
        try:
            return loader.construct_object(node)
        except ValueError as error:
            refuse(f"not a value: {error}; write it as it is meant, or in quotes")
            return None
    refuse(f"tags such as `{node.tag.replace('tag:yaml.org,2002:', '!!')}` are not allowed; remove it")
    return None
