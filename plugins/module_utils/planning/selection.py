# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units are in scope. Selection narrows the plan and never splits a unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..cloud.infrastructure import Zone
from ..cloud.model import Unit
from ..knowledge.counts import count
from ..knowledge.guesses import did_you_mean
from ..knowledge.shapes import DescribedUnit
from ..options.option_names import OptionError
from .fields import check_fields
from .named import ALIKE, named_units, wildcards
from .owners import owned_units
from .policy import Scope, both_name

try:
    import jmespath
    import jmespath.exceptions
except ImportError:  # reported by the module as a missing library
    jmespath = None  # type: ignore[assignment,unused-ignore]

try:
    import netaddr
except ImportError:
    netaddr = None  # type: ignore[assignment,unused-ignore]

MOST_NAMES = 5  # of what there is, in a message
MISSING_LIBRARIES = {"jmespath": jmespath is None, "netaddr": netaddr is None}


def check_expressions(scope: Scope) -> None:
    """Compile CIDRs and the JMESPath filter; called before the server is asked anything.

    :raises OptionError: naming the option and what is wrong with it.
    """
    _networks(scope)
    _compiled(scope)


def select_units(units: Iterable[Unit], zones: Sequence[Zone], scope: Scope) -> list[Unit]:
    """The units in scope.

    :raises OptionError: for a zone or a name that matches nothing, and for a name that several units have; a typo must
        not become "nothing to do", and a namesake must not be upgraded.
    """
    units = list(units)
    tests: list[Callable[[Unit], bool]] = [lambda unit: unit.kind in scope.kinds]
    if scope.zones:
        wanted = zone_ids(zones, scope)
        tests.append(lambda unit: unit.zone_id in wanted)
    if scope.names:
        chosen = named_units(units, scope.names, "names")
        tests.append(lambda unit: unit.id in chosen)
    if scope.exclude_names:
        excluded = named_units(units, scope.exclude_names, "exclude_names")
        tests.append(lambda unit: unit.id not in excluded)
        if scope.names:
            several = widened(units, scope)
            by_themselves = named_units(units, [name for name in scope.names if name not in several], "names")
            _refuse_both([unit for unit in units if unit.id in by_themselves & excluded])
    if scope.owners:
        owned = owned_units(units, scope.owners)
        tests.append(lambda unit: unit.id in owned)
    if scope.cidrs:
        networks = _networks(scope)
        tests.append(lambda unit: any(address in networks for vm in unit.vms for address in vm.addresses))
    if scope.select:
        expression = _compiled(scope)
        _refuse_paths_that_nobody_tells(scope, units)
        tests.append(lambda unit: _is_true(expression, unit, scope))
    return [unit for unit in units if all(test(unit) for test in tests)]


def widened(units: Sequence[Unit], scope: Scope) -> dict[str, list[str]]:
    """What each name with wildcards comes to, for a person."""
    found = wildcards(units, [*scope.names, *scope.exclude_names])
    return {name: [unit.label_in_zone for unit in some] for name, some in found.items()}


def in_words(scope: Scope, units: Sequence[Unit]) -> Scope:
    """The scope with what its names come to, for a person."""
    found = {name: f"{name} ({count(len(some), 'unit')})" for name, some in widened(units, scope).items()}
    names, exclude_names = ([found.get(name, name) for name in some] for some in (scope.names, scope.exclude_names))
    return replace(scope, names=tuple(names), exclude_names=tuple(exclude_names))


def canary_ids(units: Sequence[Unit], in_scope: Sequence[Unit], names: Sequence[str]) -> tuple[str, ...]:
    """The units that are named as canaries.

    :raises OptionError: as select_units, and for a unit that is not in scope.
    """
    ids = named_units(units, names, "canaries")
    outside = [unit for unit in units if unit.id in ids - {each.id for each in in_scope}]
    if outside:
        raise OptionError(
            f"has {', '.join(unit.label for unit in outside)}, which the scope leaves out",
            option="canaries",
            remedy="Name units that are in scope, or widen the scope.",
        )
    return tuple(sorted(ids))


def zone_ids(zones: Sequence[Zone], scope: Scope) -> frozenset[str]:
    """The zones in scope.

    :raises OptionError: as select_units.
    """
    if not scope.zones:
        return frozenset(zone.id for zone in zones)
    unknown = [name for name in scope.zones if not any(name in (zone.id, zone.name) for zone in zones)]
    if unknown:
        names = sorted(zone.name for zone in zones)
        raise OptionError(
            f"has {', '.join(map(repr, unknown))}, but there is no such zone",
            option="zones",
            remedy=f"{did_you_mean(unknown, names, ALIKE)}The zones are: {', '.join(names) or 'none'}.",
        )
    return frozenset(zone.id for zone in zones if zone.id in scope.zones or zone.name in scope.zones)


def describe(unit: Unit) -> DescribedUnit:
    """The plain data that sysvm_select filters and that hooks and reports show of a unit."""
    tags = unit.network.tags if unit.network else unit.vpc.tags if unit.vpc else ()
    return {
        "id": unit.id,
        "name": unit.name,
        "kind": unit.kind.value,
        "zone": unit.zone,
        "zone_id": unit.zone_id,
        "hypervisor": unit.hypervisor,
        "hosts": list(unit.hosts),
        "owner": unit.owner.as_dict(),
        "redundant": unit.redundant,
        "sensitive_services": list(unit.sensitive_services),
        "tags": dict(tag.split("=", 1) for tag in tags),
        "tiers": [tier.name for tier in unit.vpc.tiers] if unit.vpc else [],
        "vms": [{"id": vm.id, "name": vm.name, **vm.facts()} for vm in unit.vms],
    }


def _refuse_both(units: Sequence[Unit]) -> None:
    """The same unit may go by its own name, by that of a router and by that of a tier."""
    if units:
        raise both_name(", ".join(unit.label for unit in units))


def _networks(scope: Scope) -> Any:
    if not scope.cidrs:
        return ()
    networks = netaddr.IPSet()
    for text in scope.cidrs:
        try:
            networks.add(netaddr.IPNetwork(text))
        except (netaddr.AddrFormatError, ValueError, TypeError):
            raise OptionError(
                f"has {text!r}, which is no network in CIDR notation",
                option="cidrs",
                remedy="Write it like 10.1.0.0/16.",
            ) from None
    return networks


def _compiled(scope: Scope) -> Any:
    if not scope.select:
        return None
    try:
        compiled = jmespath.compile(scope.select)
        check_fields(compiled.parsed)
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_select(scope, error) from None
    return compiled


def _refuse_paths_that_nobody_tells(scope: Scope, units: Sequence[Unit]) -> None:
    """Older servers tell only the names of domains: a path would select nothing, without a word."""
    select = scope.select or ""
    names = sorted({unit.owner.domain for unit in units if unit.owner.domain} - {"ROOT"})
    path = next((text for text in re.findall(r"""['"`]([^'"`]*/[^'"`]*)['"`]""", select)), None)
    if path is not None and "domain" in select and names and not any("/" in name for name in names):
        raise OptionError(
            f"compares owner.domain with {path!r}, but this server tells only the names of domains, not "
            f"their paths: {scope.select!r}",
            option="select",
            remedy=f"Compare it with a name ({', '.join(names[:MOST_NAMES])}), or with owner.account.",
        )


def _is_true(expression: Any, unit: Unit, scope: Scope) -> bool:
    try:
        answer = expression.search(describe(unit))
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_select(scope, error) from None
    if not isinstance(answer, bool):
        raise OptionError(
            f"gives {answer!r} for {unit.label}, which is neither true nor false: {scope.select!r}",
            option="select",
            remedy="Compare it with something, for example: zone == 'Berlin' && tags.env == 'prod'.",
        )
    return answer


def _bad_select(scope: Scope, error: Exception) -> OptionError:
    reason = " ".join(str(error).split())
    return OptionError(
        f"is not a valid JMESPath expression: {scope.select!r} ({reason})",
        option="select",
        remedy="Filter on a unit's fields, for example: zone == 'Berlin' && owner.domain == 'ROOT/customers'.",
    )
