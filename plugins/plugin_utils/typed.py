# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was typed, where ansible-core has made something else of it.

AWX writes each answer of a survey as C(!unsafe '010') into the file that it gives to ansible-playbook. From 2.19 on
ansible-core reads that as if it had no quotes: 010 is 8, 22:00 is 1320, and an empty text is nothing, as null is. The
file still has the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import yaml

from ..module_utils.options.option_names import PREFIX

UNSAFE = "!unsafe"


class _AsTyped(yaml.SafeLoader):
    """Takes what is marked as text."""


class _AsRead(yaml.SafeLoader):
    """Takes it for what it looks like."""


def _text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


def _resolved(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    tag = loader.resolve(yaml.ScalarNode, node.value, (True, False))
    return loader.construct_object(yaml.ScalarNode(tag, node.value), deep=True)


_AsTyped.add_constructor(UNSAFE, _text)
_AsRead.add_constructor(UNSAFE, _resolved)


def as_typed(arguments: Iterable[str], read: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that were typed otherwise than they were read, as they were typed.

    :param arguments: those of C(-e), in their order.
    :param read: all variables as they were read. One that is not what its file comes to is from elsewhere, and stays.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for argument in arguments:
        content = _content(argument)
        found = {name: both for name, both in found.items() if name not in content}  # what is given later wins
        if argument.startswith("@") and UNSAFE in content:
            found.update(_marked(content))
    return {name: typed for name, (typed, made) in found.items() if typed != made and read.get(name, typed) == made}


def _content(argument: str) -> str:
    try:
        if argument.startswith("@"):
            with open(argument[1:], encoding="utf-8") as file:
                return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
    return argument


def _marked(content: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Names, with what was typed and what that is read as."""
    try:
        root = yaml.compose(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if str(key.value).startswith(PREFIX) and UNSAFE in (key.tag, value.tag):
            # Where it looks like what it cannot be (yes with a line break), ansible-core 2.18 has the text.
            with suppress(yaml.YAMLError, ValueError, KeyError):
                yield key.value, (_AsTyped("").construct_document(value), _AsRead("").construct_document(value))
