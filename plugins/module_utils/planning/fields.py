# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of a unit that the option select may ask for. Pure.

To JMESPath a field that does not exist is null, and null differs from everything: a misspelt expression selects the
whole cloud. So the names in it are compared with the fields that there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..knowledge.guesses import did_you_mean
from ..options.option_names import OptionError

# A shape is a mapping of fields to shapes, a list with the shape of its items, VALUE, or ANY.
VALUE = "value"
ANY = "any"
Shape = Any

VM = dict.fromkeys(
    (
        *("id", "name", "state", "software_version", "template_version", "host"),
        *("scripts_version", "redundant_state", "agent_state", "template"),
    ),
    VALUE,
)
UNIT: Mapping[str, Shape] = {
    **dict.fromkeys(("id", "name", "kind", "zone", "zone_id", "hypervisor", "redundant"), VALUE),
    "hosts": [VALUE],
    "owner": dict.fromkeys(("account", "domain", "project"), VALUE),
    "sensitive_services": [VALUE],
    "tags": ANY,
    "tiers": [VALUE],
    "vms": [VM],
}


def check_fields(tree: Mapping[str, Any]) -> None:
    """Walk a compiled JMESPath expression.

    :param tree: what jmespath calls C(parsed): nodes with C(type), C(children) and sometimes C(value).
    :raises OptionError: for a field that no unit has.
    """
    _shape_of(tree, UNIT)


def _shape_of(node: Mapping[str, Any], at: Shape) -> Shape:
    """What the node gives when it is asked of something of the shape I(at)."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        return _field(node["value"], at)
    if kind in ("identity", "current"):
        return at
    if kind in ("subexpression", "pipe", "index_expression"):
        for child in children:
            at = _shape_of(child, at)
        return at
    if kind == "index":
        return at[0] if isinstance(at, list) else ANY
    if kind in ("projection", "filter_projection", "value_projection"):
        items = _shape_of(children[0], at)
        item = items[0] if isinstance(items, list) else ANY
        for condition in children[2:]:
            _shape_of(condition, item)
        return [_shape_of(children[1], item)]
    if kind == "flatten":
        items = _shape_of(children[0], at)
        return items[0] if isinstance(items, list) and isinstance(items[0], list) else items
    if kind == "function_expression":
        _function(children, at)
        return ANY
    # Comparisons, and, or, not, multi-selects: all of them ask the same thing.
    shapes = [_shape_of(child, at) for child in children if isinstance(child, dict)]
    if kind in ("slice", "expref"):
        return at
    return shapes[0] if kind == "key_val_pair" else ANY


def _function(arguments: list[Any], at: Shape) -> None:
    """C(&expressions) ask the items of the list beside them."""
    lists = [_shape_of(argument, at) for argument in arguments if argument["type"] != "expref"]
    item = next((shape[0] for shape in lists if isinstance(shape, list)), ANY)
    for argument in arguments:
        if argument["type"] == "expref":
            _shape_of(argument["children"][0], item)


def _field(name: str, at: Shape) -> Shape:
    if at == ANY:
        return ANY
    if isinstance(at, Mapping) and name in at:
        return at[name]
    fields = sorted(at) if isinstance(at, Mapping) else []
    guess = did_you_mean([name], fields, 0.5)
    where = "a unit" if at is UNIT else "a VM" if at is VM else "it"
    if guess:
        remedy = f"{guess}Text is written in single quotes: '{name}'."
    elif fields:
        remedy = f"Text is written in single quotes: '{name}'. The fields of {where} are: {', '.join(fields)}."
    else:
        remedy = f"Text is written in single quotes: '{name}'. Of a list ask like this: vms[?state == 'Stopped']."
    raise OptionError(f"asks for the field {name!r}, which {where} does not have", option="select", remedy=remedy)
