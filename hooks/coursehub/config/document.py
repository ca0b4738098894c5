"""YAML text as plain data with the line of every value: the input of `catalog` and `settings`.

Many hands write course files, so it refuses what makes YAML ambiguous or dangerous: duplicate keys, aliases, tags,
merge keys, several documents, and more of anything than people write.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path as FilePath
from typing import Any, NoReturn

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails
from yaml.reader import ReaderError

from coursehub.errors import InvalidFile, Problem

from . import messages

Path = tuple[str | int, ...]

# Bounds of one file: they refuse the worst one within a second and 200 MB.
LARGEST = 8 * 2**20
MOST_VALUES = 200_000
MOST_BELOW = 30_000
MOST_PROBLEMS = 100
_DEEPEST = 20
_FEWER = 'name groups ("@group") in place of people, or write several files'
_LONGEST_KEY = 512

_TAG = "tag:yaml.org,2002:"
# YAML 1.1 also reads 0170, 1:30, 0x1f and 1_000 as numbers, but other ones than people mean.
_NUMBERS = {
    f"{_TAG}int": re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})"),
    f"{_TAG}float": re.compile(r"[-+]?[0-9]{0,18}\.[0-9]{0,18}(?:[eE][-+][0-9]{1,3})?|[-+]?\.(?i:inf)|\.(?i:nan)"),
}
_PLAIN = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}
# Only text that begins so can be another type, and longer text only where it holds nothing but _LONG_NUMBER.
_SPECIAL = frozenset(yaml.CSafeLoader.yaml_implicit_resolvers)
_LONG = 64
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}")
_LONG_NUMBER = re.compile(r"[-+]?0x[0-9a-fA-F_]*|[-+0-9_:.eEtTzZ \t]*")


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

    def below(self, key: str) -> "Document":
        """What is below a key of the top, as if it were the file."""
        keys, values = (
            {path[1:]: mark for path, mark in marks.items() if path[:1] == (key,)} for marks in (self.keys, self.values)
        )
        problems = [(path[1:], problem) for path, problem in self.problems if path[:1] == (key,)]
        return Document(self.file, self.data[key], keys, values, problems)

    def explain(self, path: Path, errors: Iterable[ErrorDetails], model: type[BaseModel]) -> Iterator[Problem]:
        """Errors of the pydantic `model` in the data under `path`, as problems; not of values that were left out."""
        left_out = {at for at, _ in self.problems}
        for error in errors:
            where = self._known(path, messages.place(error))
            if where in left_out:
                continue
            at_key = error["type"] in ("extra_forbidden", "missing")
            named = self._known(path, error["loc"])[len(path) :]
            about = "" if at_key else error.get("ctx", {}).get("about") or ".".join(map(str, named))
            message = messages.message(error, model)
            yield self.problem(where, f"{about}: {message}" if about else message, at_key=at_key)

    def _known(self, path: Path, below: Iterable[str | int]) -> Path:
        """`path` with those parts of `below` that are in the file; others are pydantic's."""
        for part in below:
            if (*path, part) in self.values or (*path, part) in self.keys:
                path = (*path, part)
        return path


def most(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The `problems` in order, each once, of one file no more than people read, then one that there are more."""
    told: list[Problem] = []
    for _, of_file in groupby(sorted({*problems}), key=attrgetter("file")):
        some = list(islice(of_file, MOST_PROBLEMS + 1))
        if len(some) > MOST_PROBLEMS:
            message = "and more mistakes in this file; mend these first"
            some[-1] = replace(some[-2], course=None, message=message)
        told += some
    return tuple(told)


def files(folder: FilePath) -> list[FilePath]:
    """The YAML files in a folder, by name; raises OSError."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())


def read_text(path: FilePath) -> str:
    """The file's text; bytes that are no UTF-8 stay in it, and `read` reports them.

    Raises InvalidFile where the file is larger than people write, without reading all of it.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InvalidFile([Problem(str(path), 1, 1, f"larger than {LARGEST >> 20} MiB; {_FEWER}")])
    return content.decode("utf-8", "surrogateescape")


def read(file: str, text: str) -> Document:
    """The document in `text`, with its mistakes below the top level, whose values it leaves out.

    Raises InvalidFile where the text is not one YAML mapping, or is beyond the bounds.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _invalid_at(file, text, error.start, "not UTF-8 text; save the file as UTF-8") from None
    loader = yaml.CSafeLoader(text)
    try:
        return _Reader(file, loader).document()
    except yaml.MarkedYAMLError as error:
        message = (
            f"not valid YAML: {error.problem or error.context}; look for indentation, quotes and brackets above it"
        )
        raise _invalid(file, error.problem_mark or error.context_mark, message) from None
    except ReaderError as error:
        message = f"not valid YAML: character {error.character:#06x} cannot be in a text; remove it"
        raise _invalid_at(file, text, error.position, message) from None
    finally:
        loader.dispose()


def _invalid_at(file: str, text: str, position: int, message: str) -> InvalidFile:
    before = text[:position]
    return InvalidFile([Problem(file, before.count("\n") + 1, len(before) - before.rfind("\n"), message)])


def _invalid(file: str, mark: Any, message: str) -> InvalidFile:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return InvalidFile([Problem(file, line, column, message)])


def _no_number(value: str) -> str:
    if _TIME.fullmatch(value):
        return f'{value} is a number without quotes; write "{value:0>5}"'
    return f"{value[:20]} is no plain number; write it in digits alone, or in quotes"


class _Reader:
    """One pass over libyaml's events, which stops at the bounds."""

    def __init__(self, file: str, loader: yaml.CSafeLoader) -> None:
        self._document = Document(file)
        self._loader = loader
        self._next: Callable[[], Any] = loader.get_event
        self._seen = 0

    def document(self) -> Document:
        self._next()
        # An empty stream has no document.
        if isinstance(self._next(), yaml.StreamEndEvent) or not isinstance(
            first := self._next(), yaml.MappingStartEvent
        ):
            raise _invalid(self._document.file, None, "the file holds no mapping; write `key: value` lines")
        self._document.data = self._value(first, ())
        self._next()
        if not isinstance(another := self._next(), yaml.StreamEndEvent):
            message = "a second document begins here; write one a file, without `---` between"
            raise _invalid(self._document.file, another.start_mark, message)
        return self._document

    def _value(self, event: Any, path: Path) -> Any:
        document = self._document
        document.values[path] = event.start_mark
        self._count(event)
        kind = type(event)
        if kind is yaml.AliasEvent:
            return self._refuse(path, "aliases (`*name`) are not allowed; write the value out")
        if event.tag is not None:
            self._skip(event)
            tag = event.tag.replace(_TAG, "!!")[:60]
            return self._refuse(path, f"tags such as `{tag}` are not allowed; remove it")
        if event.anchor is not None:
            self._skip(event)
            return self._refuse(path, f"anchors (`&{event.anchor[:60]}`) are not allowed; remove it")
        if kind is yaml.ScalarEvent:
            value = event.value
            return self._special(event, path) if event.implicit[0] and value[:1] in _SPECIAL else value
        self._refuse_depth(event, len(path))
        return self._mapping(path) if kind is yaml.MappingStartEvent else self._sequence(path)

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            if len(items) >= MOST_BELOW:
                self._stop(event, f"more than {MOST_BELOW:,} in one list; {_FEWER}")
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        document = self._document
        mapping: dict[str, Any] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            if len(mapping) >= MOST_BELOW:
                self._stop(event, f"more than {MOST_BELOW:,} keys side by side; {_FEWER}")
            key = self._key(event)
            below = (*path, "<<" if key is None else key)
            if key is None or key in mapping:
                self._skip(event)
                self._skip(self._next())
            if key is None:
                self._tell(path, event, below, "a key must be a plain word; write one, or remove it")
            elif key in mapping:
                first = document.keys[below].line + 1
                self._tell(below, event, below, f"'{key}' is here twice (first in line {first}); remove one")
            else:
                document.keys[below] = event.start_mark
                mapping[key] = self._value(self._next(), below)
        return mapping

    def _key(self, event: Any) -> str | None:
        if type(event) is not yaml.ScalarEvent or event.tag is not None:
            return None
        key: str = event.value
        merge = key == "<<" and event.implicit[0]
        return None if merge or len(key) > _LONGEST_KEY else key

    def _special(self, event: Any, path: Path) -> Any:
        value: str = event.value
        if len(value) > _LONG:
            return value if _LONG_NUMBER.fullmatch(value) is None else self._refuse(path, _no_number(value))
        resolve: Callable[..., str] = self._loader.resolve
        node = yaml.ScalarNode(resolve(yaml.ScalarNode, value, event.implicit), value)
        if node.tag not in _PLAIN:
            return self._refuse(path, f"`{value}` means nothing here; write it in quotes")
        if node.tag in _NUMBERS and _NUMBERS[node.tag].fullmatch(value) is None:
            return self._refuse(path, _no_number(value))
        try:
            return self._loader.construct_object(node)
        except ValueError as error:
            return self._refuse(path, f"not a value: {error}; write it as it is meant, or in quotes")

    def _skip(self, event: Any) -> None:
        depth = 0
        while True:
            self._count(event)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            self._refuse_depth(event, depth)
            if depth == 0:
                return
            event = self._next()

    def _count(self, event: Any) -> None:
        self._seen += 1
        if self._seen > MOST_VALUES:
            self._stop(event, f"more than {MOST_VALUES:,} values; {_FEWER}")

    def _refuse_depth(self, event: Any, depth: int) -> None:
        if depth >= _DEEPEST:
            self._stop(event, f"nested more than {_DEEPEST} deep; remove the brackets or indentation too many")

    def _stop(self, event: Any, message: str) -> NoReturn:
        raise _invalid(self._document.file, event.start_mark, message)

    def _refuse(self, path: Path, message: str) -> None:
        self._keep(path, self._document.problem(path, message))

    def _tell(self, path: Path, event: Any, at: Path, message: str) -> None:
        here = Document(self._document.file, values={at: event.start_mark})
        self._keep(path, here.problem(at, message))

    def _keep(self, path: Path, problem: Problem) -> None:
        problems = self._document.problems
        problems.append((path, problem))
        if len(problems) > MOST_PROBLEMS:
            raise InvalidFile(most([problem for _, problem in problems]))
