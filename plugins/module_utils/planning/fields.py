# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of a unit that the option select may ask for. Pure.

To JMESPath a field that does not exist is null, and null differs from everything: a misspelt expression selects the
whole cloud. So the expression is evaluated once with a unit that has every field, and each branch of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from ..knowledge.guesses import did_you_mean
from ..knowledge.shapes import DescribedUnit
from ..options.option_names import OptionError

try:
    from jmespath import exceptions, visitor

    INTERPRETER: Any = visitor.TreeInterpreter
except ImportError:  # reported by the module as a missing library
    INTERPRETER = object

ANY = object()  # what a tag is called, and what a function makes of other values, is not known


class Fields(dict[str, Any]):
    """All that a unit, or a part of it, has."""


def example(hint: Any) -> Any:
    """A value of a type; a list has one item."""
    if is_typeddict(hint):
        return Fields({name: example(each) for name, each in get_type_hints(hint).items()})
    if get_origin(hint) is list:
        return [example(*get_args(hint))]
    return ANY if get_origin(hint) is dict else "text"


UNIT: Mapping[str, Any] = example(DescribedUnit)


def check_fields(tree: Mapping[str, Any]) -> None:
    """
    :param tree: what jmespath calls C(parsed).
    :raises OptionError: for a field that no unit has.
    """
    EveryBranch().visit(tree, UNIT)


class EveryBranch(INTERPRETER):  # type: ignore[misc,unused-ignore]
    """Evaluates what JMESPath leaves out, too: the other side of an and, what a filter drops, items beyond the end."""

    def _is_false(self, dummy: Any) -> bool:
        return False

    def visit_or_expression(self, node: Any, value: Any) -> Any:
        return self.visit_and_expression(node, value)

    def visit_index(self, dummy: Any, value: Any) -> Any:
        return value[0] if isinstance(value, list) else ANY

    def visit_slice(self, dummy: Any, value: Any) -> Any:
        return value

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        try:
            return super().visit_function_expression(node, value)
        except exceptions.JMESPathTypeError:
            return ANY

    def visit_field(self, node: Any, value: Any) -> Any:
        name = node["value"]
        if isinstance(value, Fields):
            return value[name] if name in value else _refuse(name, value)
        return ANY if value is ANY or isinstance(value, dict) else _refuse(name, {})


def _refuse(name: str, fields: Mapping[str, Any]) -> None:
    guess = did_you_mean([name], fields, 0.5, 1)
    where = "a unit" if fields is UNIT else "a VM" if fields is UNIT["vms"][0] else "it"
    if guess:
        remedy = f"{guess}Text is written in single quotes: '{name}'."
    elif fields:
        remedy = f"Text is written in single quotes: '{name}'. The fields of {where} are: {', '.join(sorted(fields))}."
    else:
        remedy = f"Text is written in single quotes: '{name}'. Of a list ask like this: vms[?state == 'Stopped']."
    raise OptionError(f"asks for the field {name!r}, which {where} does not have", option="select", remedy=remedy)
