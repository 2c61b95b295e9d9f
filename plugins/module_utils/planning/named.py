# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names as people have them: of units, also with wildcards, and what one that nothing has may have meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ..cloud.model import Unit
from ..knowledge.counts import first_of
from ..knowledge.guesses import did_you_mean
from ..options.option_names import OptionError

ALIKE = 0.7  # names of units are alike without meaning the same
MOST_NAMED = 20  # in a message: whole lists are pasted, also those of another cloud
BETWEEN = "\0"  # of no name
ALL_NAMES = "All names are in plan.csv, which check_sysvms writes into its report folder"


def names_of(unit: Unit) -> frozenset[str]:
    """Everything by which a person may call this unit: names and ids of itself, its VMs and its tiers."""
    tiers = unit.vpc.tiers if unit.vpc else ()
    return plain_names(unit) | {unit.id, *(vm.id for vm in unit.vms), *(tier.id for tier in tiers)}


def plain_names(unit: Unit) -> frozenset[str]:
    """Those that people gave, or see; no ids."""
    tiers = unit.vpc.tiers if unit.vpc else ()
    return frozenset({unit.name, *(vm.name for vm in unit.vms), *(tier.name for tier in tiers)})


def named_units(units: Sequence[Unit], names: Sequence[str], option: str) -> frozenset[str]:
    """The ids of the units that are named: each by a name or id of its own, or several by a name with C(*) or C(?).

    What a unit is really called comes first, so a name that holds C(*) means that unit.

    :raises OptionError: for what nothing has, and for a name without wildcards that several units have.
    """
    by_name = _by_name(units)
    expanded = wildcards(units, names)
    unknown = [name for name in names if not by_name.get(name) and not expanded.get(name)]
    if unknown:
        known = {name for unit in units for name in plain_names(unit)}
        raise OptionError(
            f"has {first_of([*map(repr, unknown)], MOST_NAMED)}, but no system VM, router, network or VPC with a "
            "router has this name or id",
            option=option,
            remedy=f"{did_you_mean(unknown, known, ALIKE)}{ALL_NAMES}.",
        )
    ambiguous = {name: by_name[name] for name in names if len(by_name.get(name, ())) > 1}
    if ambiguous:
        fits = [
            f"{name!r} fits {len(some)}: {first_of([f'{each.label_in_zone} ({each.id})' for each in some], MOST_NAMED)}"
            for name, some in ambiguous.items()
        ]
        listing = first_of(fits, MOST_NAMED, "; ")
        raise OptionError(f"is ambiguous: {listing}", option=option, remedy="Give the id instead of the name.")
    return frozenset(unit.id for name in names for unit in by_name.get(name) or expanded[name])


def wildcards(units: Sequence[Unit], names: Iterable[str]) -> dict[str, list[Unit]]:
    """What each name with wildcards comes to, in the order of the units; ids do not match."""
    by_name = _by_name(units)
    patterns = {name: _pattern(name) for name in names if re.search(r"[*?]", name) and name not in by_name}
    places: dict[str, list[int]] = {}
    for place, unit in enumerate(units):
        for name in plain_names(unit):
            places.setdefault(name, []).append(place)
    text = BETWEEN.join(["", *places, ""])  # searched as a whole, for lists of a thousand patterns

    def fitting(pattern: re.Pattern[str]) -> list[Unit]:
        found = {place for name in pattern.findall(text) for place in places[name]}
        return [units[place] for place in sorted(found)]

    return {name: fitting(pattern) for name, pattern in patterns.items()}


def _by_name(units: Iterable[Unit]) -> Mapping[str, list[Unit]]:
    found: dict[str, list[Unit]] = {}
    for unit in units:
        for name in names_of(unit):
            found.setdefault(name, []).append(unit)
    return found


def _pattern(name: str) -> re.Pattern[str]:
    """In a text of names, BETWEEN around each."""
    wild = {"*": f"[^{BETWEEN}]*", "?": f"[^{BETWEEN}]"}
    its = "".join(wild.get(letter) or re.escape(letter) for letter in name)
    return re.compile(f"{BETWEEN}({its})(?={BETWEEN})")
