# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts as plain data that a file can keep, and back; their types say how. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import GenericAlias, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from .characters import short
from .versions import Version, parse_version

MOST = 60  # characters of a value that is told
WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", Version: "a version"}


class PlainError(ValueError):
    """What is not as its type says, with its place."""


def plain(value: Any) -> Any:
    """What JSON can hold. What a dataclass has as usual is left out; a mapping is a list of pairs."""
    if isinstance(value, Version):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value):
        kind: Any = type(value)
        told = ((name, getattr(value, name), usual) for name, usual in _usual(kind).items())
        return {name: plain(given) for name, given, usual in told if given != usual}
    if isinstance(value, Mapping):
        return [[plain(key), plain(given)] for key, given in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return sorted(map(plain, value)) if isinstance(value, (set, frozenset)) else value


@cache
def _usual(kind: Any) -> dict[str, Any]:
    """What each field of a dataclass is if nobody says otherwise; MISSING where somebody must."""
    return {
        each.name: each.default if each.default_factory is MISSING else each.default_factory() for each in fields(kind)
    }


def of_plain(hint: Any, data: Any, place: str) -> Any:
    """The value of a type, of what I(plain) made; or a TypedDict, with all that it must have.

    :param place: where the data stands, for people.
    :raises PlainError: for what is of another type.
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if data is None and NoneType in parts:
            return None
        [hint] = (part for part in parts if part is not NoneType)
        return of_plain(hint, data, place)
    if is_typeddict(hint):
        return {**_need(data, dict, "an object", place), **_by_key(hint, data, hint.__required_keys__, place)}
    if is_dataclass(hint) and hint is not Version:
        kind: Any = hint
        unknown = _need(data, dict, "an object", place).keys() - _usual(kind).keys()
        if unknown:
            raise PlainError(f"{place} has {min(unknown)}, which nobody knows")
        needed = {name for name, usual in _usual(kind).items() if usual is MISSING}
        return kind(**_by_key(kind, data, needed, place))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if isinstance(data, dict):
            return {key: of_plain(parts[1], given, f"{place}.{key}") for key, given in data.items()}
        return dict(of_plain(GenericAlias(list, GenericAlias(tuple, parts)), data, place))
    if isinstance(origin, type):
        found = list(_items(origin, parts, _need(data, list, "a list", place), place))
        return tuple(found) if origin is tuple else frozenset(found) if origin is frozenset else found
    return data if hint is Any else _scalar(hint, data, place)


def _items(origin: type, parts: tuple[Any, ...], data: list[Any], place: str) -> Iterator[Any]:
    each = origin is tuple and Ellipsis not in parts
    if each and len(parts) != len(data):
        raise PlainError(f"{place} has {len(data)} items, not {len(parts)}")
    for number, item in enumerate(data):
        yield of_plain(parts[number if each else 0], item, f"{place}[{number}]")


def _by_key(hint: Any, data: Mapping[str, Any], needed: Any, place: str) -> dict[str, Any]:
    for key in sorted(needed - data.keys()):
        raise PlainError(f"{place} has no {key}")
    return {key: of_plain(each, data[key], f"{place}.{key}") for key, each in _hints(hint).items() if key in data}


@cache
def _hints(hint: Any) -> dict[str, Any]:
    return get_type_hints(hint)


def _scalar(hint: type, data: Any, place: str) -> Any:
    if issubclass(hint, enum.Enum):
        values = [each.value for each in hint]
        if data not in values:
            raise PlainError(f"{place} is {short(repr(data), MOST)}, none of {', '.join(map(str, values))}")
        return hint(data)
    if hint is Version:
        return _need(parse_version(data), Version, WORDS[Version], place, data)
    number = hint is float and isinstance(data, int) and not isinstance(data, bool)
    right = number or (isinstance(data, hint) and (hint is bool or not isinstance(data, bool)))
    return data if right else _need(None, hint, WORDS.get(hint, hint.__name__), place, data)


def _need(found: Any, hint: type, words: str, place: str, data: Any = None) -> Any:
    if not isinstance(found, hint):
        raise PlainError(f"{place} is {short(repr(found if data is None else data), MOST)}, not {words}")
    return found
