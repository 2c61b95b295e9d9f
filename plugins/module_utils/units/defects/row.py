# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a known defect of a management server is: releases, what happens to which units, what is done about it. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ...cloud.model import Unit
from ...knowledge.versions import Version, parse_version
from ...knowledge.vocabulary import LOAD_BALANCING, PRIVATE_GATEWAY, SITE_VPN, Kind, Method
from ..templates import DEBIAN_11, DEBIAN_12

REPOSITORY = "https://github.com/apache/cloudstack"
PATCH = frozenset({Method.LIVE_PATCH})
RECREATE = frozenset({Method.RECREATE})
# A stop and start makes a new disk, too, and the server sends a starting router all of its rules.
START = frozenset({Method.RECREATE, Method.RESTART})
VPC = frozenset({Kind.VPC})
ROUTERS = frozenset({Kind.NETWORK, Kind.VPC})
SYSTEM_VMS = frozenset({Kind.SSVM, Kind.CPVM})
ALL = SYSTEM_VMS | ROUTERS | {Kind.INTERNAL_LB}
# Ten tiers took an hour (8055), and the server cancels a job after an hour.
MANY_TIERS = 6
# The first software that removes the web server's configuration with a tier (7982).
REMOVES_VHOSTS = Version((4, 18, 2, 0), "4.18.2.0")


class Effect(str, enum.Enum):
    """What a plan does about a defect."""

    OTHER_METHOD = "other_method"  # do not use it: another method is taken
    SECOND_PATCH = "second_patch"
    APPLY_RULES_AFTER = "apply_rules_after"  # restart one tier that balances load without cleanup afterwards
    PREPARE = "prepare"  # it is the upgrade of the server that fails, so a forecast tells what to do before
    WARN = "warn"

    @property
    def words(self) -> str:
        return {
            Effect.OTHER_METHOD: "another method is taken",
            Effect.SECOND_PATCH: "may need a second live patch",
            Effect.APPLY_RULES_AFTER: "rules are applied again afterwards",
            Effect.PREPARE: "before the upgrade of the management server",
            Effect.WARN: "by hand",
        }[self]


class Applicability(str, enum.Enum):
    """What must hold for a unit beyond its kind and method; for an upgrade of the server, of the whole cloud."""

    LB_IN_SEVERAL_TIERS = "load balancing rules in more than one tier"
    LOAD_BALANCING = "load balancing by the router"
    NO_TIER_IMPLEMENTED = "a VPC with tiers, none of them Implemented"
    NO_KVM_TEMPLATE_TO_REGISTER = "no template for KVM is missing as well"
    NO_TIERS = "a VPC without tiers"
    TIERS = "a VPC with tiers"
    SEVERAL_PUBLIC_RANGES = "public addresses of more than one range"
    TEMPLATE_BELOW_MINIMUM = "built from a template below minreq.sysvmtemplate.version"
    TEMPLATE_BELOW_DEBIAN_11 = "built from a template below 4.16"
    TEMPLATE_BELOW_DEBIAN_12 = "built from a template below 4.20"
    MANY_TIERS = "a VPC with many tiers"
    OLD_REDUNDANT_VPC = "a redundant VPC whose routers run software older than 4.18.2"
    PAIR = "a redundant pair"
    SEVERAL_ZONES = "a hypervisor that more than one zone has"
    OTHER_ZONES = "a cloud of several zones"
    SEVERAL_HYPERVISORS = "a zone of several hypervisors, system.vm.default.hypervisor is none of them"
    PRIVATE_GATEWAY = "a private gateway"
    SHARED_NETWORK = "a shared network"
    SITE_VPN = "a site-to-site VPN"


@dataclass(frozen=True)
class VersionRange:
    """Releases that have a defect.

    :ivar first: the first one; None where it is not known, then all earlier ones count.
    :ivar until: the next release without it, of the same branch or of the following one; None where none is known.
    """

    first: Version | None
    until: Version | None

    def __contains__(self, server: Version) -> bool:
        return (self.first is None or self.first <= server) and (self.until is None or server < self.until)


@dataclass(frozen=True)
class Defect:
    """One defect.

    :ivar id: the number of the issue or pull request that describes it, with a word where that does several things.
    :ivar what: what happens, for an operator.
    :ivar methods: what the plan would do when it happens; none where it is the upgrade of the server that fails.
    :ivar condition: what must also hold; None: every unit of these kinds.
    :ivar source: where it is described.
    :ivar hypervisors: where it happens; empty: everywhere.
    :ivar on_host: whether it lies in what a KVM host does or delivers, so that the release of its agent counts there.
    """

    id: str
    spans: tuple[VersionRange, ...]
    what: str
    methods: frozenset[Method]
    kinds: frozenset[Kind]
    effect: Effect
    remedy: str
    source: str
    condition: Applicability | None = None
    hypervisors: frozenset[str] = frozenset()
    on_host: bool = False


def holds(condition: Applicability | None, unit: Unit, minimum: Version | None) -> bool:
    tiers = unit.vpc.tiers if unit.vpc else ()
    if condition is Applicability.LB_IN_SEVERAL_TIERS:
        return sum(tier.has_load_balancer for tier in tiers) > 1
    if condition is Applicability.LOAD_BALANCING:
        return LOAD_BALANCING in unit.sensitive_services
    if condition is Applicability.NO_TIER_IMPLEMENTED:
        return bool(tiers) and not unit.tiers
    if condition is Applicability.NO_TIERS:
        return not tiers
    if condition is Applicability.TIERS:
        return bool(tiers)
    if condition is Applicability.MANY_TIERS:
        return len(tiers) >= MANY_TIERS
    if condition is Applicability.TEMPLATE_BELOW_MINIMUM:
        return minimum is not None and any(vm.built_from and vm.built_from < minimum for vm in unit.vms)
    if condition is Applicability.TEMPLATE_BELOW_DEBIAN_11:
        return any(vm.built_from and vm.built_from.release < DEBIAN_11 for vm in unit.vms)
    if condition is Applicability.TEMPLATE_BELOW_DEBIAN_12:
        return any(vm.built_from and vm.built_from.release < DEBIAN_12 for vm in unit.vms)
    if condition is Applicability.OLD_REDUNDANT_VPC:
        return unit.redundant and any(vm.software is None or vm.software < REMOVES_VHOSTS for vm in unit.vms)
    if condition is Applicability.PAIR:
        return unit.redundant
    if condition is Applicability.SHARED_NETWORK:
        return unit.network is not None and unit.network.type == "Shared"
    if condition is Applicability.SITE_VPN:
        return SITE_VPN in unit.sensitive_services
    if condition is Applicability.PRIVATE_GATEWAY:
        return PRIVATE_GATEWAY in unit.sensitive_services
    return True  # always, what no list tells, or of the cloud (occurs_in)


def span(first: str | None, until: str | None) -> VersionRange:
    return VersionRange(parse_version(first), parse_version(until))
