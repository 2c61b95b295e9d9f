# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units are in scope. Selection narrows the plan and never splits a unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..cloud.infrastructure import Zone
from ..cloud.model import Unit
from ..knowledge.shapes import DescribedUnit
from .fields import check_fields
from .policy import PolicyError, Scope

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

    :raises PolicyError: naming the option and what is wrong with it.
    """
    _networks(scope)
    _compiled(scope)


def select_units(units: Iterable[Unit], zones: Sequence[Zone], scope: Scope) -> list[Unit]:
    """The units in scope.

    :raises PolicyError: for a zone or a name that matches nothing, and for a name that several units have; a typo must
        not become "nothing to do", and a namesake must not be upgraded.
    """
    units = list(units)
    tests: list[Callable[[Unit], bool]] = [lambda unit: unit.kind in scope.kinds]
    if scope.zones:
        wanted = zone_ids(zones, scope)
        tests.append(lambda unit: unit.zone_id in wanted)
    if scope.names:
        chosen = _named(units, scope.names, "sysvm_names")
        tests.append(lambda unit: unit.id in chosen)
    if scope.exclude_names:
        excluded = _named(units, scope.exclude_names, "sysvm_exclude_names")
        tests.append(lambda unit: unit.id not in excluded)
        if scope.names:
            _refuse_both([unit for unit in units if unit.id in chosen & excluded])
    if scope.cidrs:
        networks = _networks(scope)
        tests.append(lambda unit: any(address in networks for vm in unit.vms for address in vm.addresses))
    if scope.select:
        expression = _compiled(scope)
        _refuse_paths_that_nobody_tells(scope, units)
        tests.append(lambda unit: _is_true(expression, unit, scope))
    return [unit for unit in units if all(test(unit) for test in tests)]


def zone_ids(zones: Sequence[Zone], scope: Scope) -> frozenset[str]:
    """The zones in scope.

    :raises PolicyError: as select_units.
    """
    if not scope.zones:
        return frozenset(zone.id for zone in zones)
    return _known(scope.zones, [(zone.id, zone.name) for zone in zones], "sysvm_zones", "zone")


def names_of(unit: Unit) -> frozenset[str]:
    """Everything by which a person may call this unit: names and ids of itself, its VMs and its tiers."""
    names = {unit.id, unit.name}
    for vm in unit.vms:
        names.update((vm.id, vm.name))
    if unit.vpc:
        for tier in unit.vpc.tiers:
            names.update((tier.id, tier.name))
    return frozenset(names)


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


def _named(units: Sequence[Unit], names: Sequence[str], option: str) -> frozenset[str]:
    by_name: dict[str, list[Unit]] = {}
    for unit in units:
        for name in names_of(unit):
            by_name.setdefault(name, []).append(unit)
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise PolicyError(
            f"{option} has {', '.join(repr(name) for name in unknown)}, but no system VM, router, network or VPC "
            "with a router has this name or id",
            remedy="Check the spelling; run the playbook check_sysvms.yml without it to see all names.",
        )
    ambiguous = {name: by_name[name] for name in names if len(by_name[name]) > 1}
    if ambiguous:
        listing = "; ".join(
            f"{name!r} fits {len(found)}: {', '.join(f'{unit.label} in {unit.zone} ({unit.id})' for unit in found)}"
            for name, found in ambiguous.items()
        )
        raise PolicyError(f"{option} is ambiguous: {listing}", remedy="Give the id instead of the name.")
    return frozenset(by_name[name][0].id for name in names)


def _refuse_both(units: Sequence[Unit]) -> None:
    """The same unit may go by its own name, by that of a router and by that of a tier."""
    if units:
        raise PolicyError(
            f"sysvm_names and sysvm_exclude_names both name {', '.join(unit.label for unit in units)}",
            remedy="Remove it from one of the two.",
        )


def _known(wanted: Sequence[str], known: Sequence[tuple[str, str]], option: str, what: str) -> frozenset[str]:
    unknown = [name for name in wanted if not any(name in pair for pair in known)]
    if unknown:
        raise PolicyError(
            f"{option} has {', '.join(repr(name) for name in unknown)}, but there is no such {what}",
            remedy=f"The {what}s are: {', '.join(sorted(name for dummy, name in known)) or 'none'}.",
        )
    return frozenset(identity for identity, name in known if identity in wanted or name in wanted)


def _networks(scope: Scope) -> Any:
    if not scope.cidrs:
        return ()
    networks = netaddr.IPSet()
    for text in scope.cidrs:
        try:
            networks.add(netaddr.IPNetwork(text))
        except (netaddr.AddrFormatError, ValueError, TypeError):
            raise PolicyError(
                f"sysvm_cidrs has {text!r}, which is no network in CIDR notation", remedy="Write it like 10.1.0.0/16."
            ) from None
    return networks


def _compiled(scope: Scope) -> Any:
    if not scope.select:
        return None
    try:
        compiled = jmespath.compile(scope.select)
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_select(scope, error) from None
    check_fields(compiled.parsed)
    return compiled


def _refuse_paths_that_nobody_tells(scope: Scope, units: Sequence[Unit]) -> None:
    """Older servers tell only the names of domains: a path would select nothing, without a word."""
    select = scope.select or ""
    names = sorted({unit.owner.domain for unit in units if unit.owner.domain} - {"ROOT"})
    path = next((text for text in re.findall(r"""['"`]([^'"`]*/[^'"`]*)['"`]""", select)), None)
    if path is not None and "domain" in select and names and not any("/" in name for name in names):
        raise PolicyError(
            f"sysvm_select compares owner.domain with {path!r}, but this server tells only the names of domains, not "
            f"their paths: {scope.select!r}",
            remedy=f"Compare it with a name ({', '.join(names[:MOST_NAMES])}), or with owner.account.",
        )


def _is_true(expression: Any, unit: Unit, scope: Scope) -> bool:
    try:
        answer = expression.search(describe(unit))
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_select(scope, error) from None
    if not isinstance(answer, bool):
        raise PolicyError(
            f"sysvm_select gives {answer!r} for {unit.label}, which is neither true nor false: {scope.select!r}",
            remedy="Compare it with something, for example: zone == 'Berlin' && tags.env == 'prod'.",
        )
    return answer


def _bad_select(scope: Scope, error: Exception) -> PolicyError:
    reason = " ".join(str(error).split())
    return PolicyError(
        f"sysvm_select is not a valid JMESPath expression: {scope.select!r} ({reason})",
        remedy="Filter on a unit's fields, for example: zone == 'Berlin' && owner.domain == 'ROOT/customers'.",
    )
