# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known defects of management servers that matter when system VMs and routers are upgraded, as data. Pure.

A row says what its source says. Bounds come from the release notes (docs.cloudstack.apache.org, releasenotes/changes)
and from whether the commit is an ancestor of a release's commit in the server's repository; what was inferred from the
code stands in a comment. Defects of the files that are patched in follow the release of what delivers them: on KVM and
XenServer the host, elsewhere the management server.
"""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    LOAD_BALANCING,
    ROUTER_KINDS,
    Kind,
    Unit,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version, parse_version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method


class Effect(str, enum.Enum):
    """What a plan does about a defect."""

    OTHER_METHOD = "other_method"  # do not use it: another method is taken
    SECOND_PATCH = "second_patch"
    APPLY_RULES_AFTER = "apply_rules_after"  # restart one tier that balances load without cleanup afterwards
    WARN = "warn"

    @property
    def words(self) -> str:
        return {
            Effect.OTHER_METHOD: "another method is taken",
            Effect.SECOND_PATCH: "may need a second live patch",
            Effect.APPLY_RULES_AFTER: "rules are applied again afterwards",
            Effect.WARN: "by hand",
        }[self]


class Condition(str, enum.Enum):
    """What must hold for a unit beyond its kind and method."""

    LB_IN_SEVERAL_TIERS = "load balancing rules in more than one tier"
    LOAD_BALANCING = "load balancing by the router"
    NO_TIER_IMPLEMENTED = "a VPC with tiers, none of them Implemented"
    NO_TIERS = "a VPC without tiers"
    SEVERAL_PUBLIC_RANGES = "public addresses of more than one range"
    TEMPLATE_BELOW_MINIMUM = "built from a template below minreq.sysvmtemplate.version"
    MANY_TIERS = "a VPC with many tiers"


@dataclass(frozen=True)
class Span:
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

    :ivar id: the number of its issue, or of the pull request where there is no issue.
    :ivar what: what happens, for an operator.
    :ivar methods: what the plan would do when it happens.
    :ivar condition: what must also hold; None: every unit of these kinds.
    :ivar source: where it is described.
    """

    id: str
    spans: tuple[Span, ...]
    what: str
    methods: frozenset[Method]
    kinds: frozenset[Kind]
    effect: Effect
    remedy: str
    source: str
    condition: Condition | None = None


@functools.cache  # it is asked for each unit of a plan, and there is one server
def defects_of(server: Version) -> tuple[Defect, ...]:
    """The defects that a management server of this version has."""
    return tuple(defect for defect in DEFECTS if any(server in span for span in defect.spans))


def met_by(unit: Unit, method: Method, server: Version, minimum: Version | None = None) -> tuple[Defect, ...]:
    """The defects that a unit meets when this is done to it.

    :param minimum: minreq.sysvmtemplate.version in the unit's zone, where it is known.
    """
    return tuple(
        defect
        for defect in defects_of(server)
        if method in defect.methods and unit.kind in defect.kinds and _holds(defect.condition, unit, minimum)
    )


def _holds(condition: Condition | None, unit: Unit, minimum: Version | None) -> bool:
    tiers = unit.vpc.tiers if unit.vpc else ()
    if condition is Condition.LB_IN_SEVERAL_TIERS:
        return sum(tier.has_load_balancer for tier in tiers) > 1
    if condition is Condition.LOAD_BALANCING:
        return LOAD_BALANCING in unit.sensitive_services
    if condition is Condition.NO_TIER_IMPLEMENTED:
        return bool(tiers) and not unit.tiers
    if condition is Condition.NO_TIERS:
        return not tiers
    if condition is Condition.MANY_TIERS:
        return len(tiers) >= MANY_TIERS
    if condition is Condition.TEMPLATE_BELOW_MINIMUM:
        return minimum is not None and any(vm.built_from and vm.built_from < minimum for vm in unit.vms)
    return True  # always, or what no list tells


def _span(first: str | None, until: str | None) -> Span:
    return Span(parse_version(first), parse_version(until))


# Ten tiers took an hour (8055), and the server cancels a job after an hour.
MANY_TIERS = 6
_REPOSITORY = "https://github.com/apache/cloudstack"
_PATCH = frozenset({Method.LIVE_PATCH})
_RECREATE = frozenset({Method.RECREATE})
# A stop and start makes a new disk, too, and the server sends a starting router all of its rules.
_START = frozenset({Method.RECREATE, Method.RESTART})
_VPC = frozenset({Kind.VPC})
_ROUTERS = frozenset({Kind.NETWORK, Kind.VPC})

DEFECTS = (
    Defect(
        "8745",
        # Fixed by #8881 in 4.18.2.0 and 4.19.1.0 (release notes). The issue names 4.18 and 4.19; since #5580 (4.16.0.0)
        # several tiers may balance load, and 4.16.0 and 4.17.0 have the same code (finalizeNetworkRulesForNetwork).
        (_span("4.16.0.0", "4.18.2.0"), _span("4.19.0.0", "4.19.1.0")),
        "a router of a VPC that starts has the load balancing rules of one tier only",
        _START,
        _VPC,
        Effect.APPLY_RULES_AFTER,
        # LoadBalancingRules sends the rules of the whole VPC since #5580.
        "one tier that balances load is restarted without cleanup afterwards, which sends the rules of all tiers",
        f"{_REPOSITORY}/issues/8745",
        Condition.LB_IN_SEVERAL_TIERS,
    ),
    Defect(
        "10962",
        # Regression of #9900, which came with 4.19.2.0 and 4.20.1.0; fixed in 4.20.2.0 and 4.22.0.0 (release notes).
        # 4.19.3.0 and 4.21.0.0 contain #9900 and not #10962 (ancestry); 4.20.0.0 contains neither.
        (_span("4.19.2.0", "4.20.0.0"), _span("4.20.1.0", "4.20.2.0"), _span("4.21.0.0", "4.22.0.0")),
        "after a live patch the server keeps the checksum of the old scripts, so a router looks unpatched and, if its "
        "template is below the minimum, takes no more commands (12211)",
        _PATCH,
        _ROUTERS,
        Effect.SECOND_PATCH,
        # Where the new checksum cannot be read, the server stores what the VM had before the patch: the second patch
        # finds the new one there (PatchSystemVmCommand wrappers; routers are patched with force). Inferred.
        "live patch it a second time: then the right checksum is stored",
        f"{_REPOSITORY}/pull/10962",
    ),
    Defect(
        "12211",
        # NetworkHelperImpl.checkRouterVersion, by checksum since #5831 (4.17.0.0), the same at 4.22. The issue
        # (4.20.1.0 to 4.20.2.0, closed) does not say what the cause was: no fix is known.
        (_span("4.17.0.0", None),),
        "a live patched router built from a template below the minimum takes commands only while the checksum the "
        "server stored is that of the server's own scripts; otherwise 'Router requires upgrade', and instances of the "
        "network cannot be started",
        _PATCH,
        _ROUTERS,
        Effect.WARN,
        "compare the scripts' checksum afterwards; upgrade the KVM hosts' cloudstack-agent first; where it differs, "
        "live patch again, else restart or recreate the router",
        f"{_REPOSITORY}/issues/12211",
        Condition.TEMPLATE_BELOW_MINIMUM,
    ),
    Defect(
        "12621",
        # The maintainer's words: a regression of #11249, which is in 4.21.0.0 and not in 4.20.2.0 (ancestry). Fixed by
        # #12622, merged; the release notes up to 4.20.3.0 and 4.22.0.1 do not have it, those of 4.22.1.0 were not seen.
        (_span("4.21.0.0", None),),
        "a restart of a VPC with cleanup fails with 'cidr is not formatted correctly' if a public range of another "
        "VLAN was added to the zone",
        _RECREATE,
        _VPC,
        Effect.WARN,
        "live patch it; or have broadcast_uri, gateway and cidr of the Public network set to NULL in the database, as "
        "the issue says",
        f"{_REPOSITORY}/issues/12621",
        Condition.SEVERAL_PUBLIC_RANGES,
    ),
    Defect(
        "7958",
        # Fixed in 4.18.2.0 and 4.19.0.0 (release notes); live patching exists since 4.17.0.0.
        (_span("4.17.0.0", "4.18.2.0"),),
        "a live patch reaches no router of a VPC none of whose tiers is Implemented",
        _PATCH,
        _VPC,
        Effect.OTHER_METHOD,
        "recreate it",
        f"{_REPOSITORY}/pull/7958",
        Condition.NO_TIER_IMPLEMENTED,
    ),
    Defect(
        "9582",
        # Reported with 4.19.1.1, closed; neither a first release nor a fix is named. The router's configuration is made
        # from the database whenever a rule is applied, in all releases.
        (_span(None, None),),
        "changes made by hand in a router's haproxy.cfg (such as time-outs) get lost",
        _PATCH | _START,
        _ROUTERS,
        Effect.WARN,
        "have the owner's changes ready to be made again",
        f"{_REPOSITORY}/issues/9582",
        Condition.LOAD_BALANCING,
    ),
    Defect(
        "9086",
        # Fixed by #9900 in 4.19.2.0 and 4.20.1.0 (release notes). The patch script removes the agent's folder with its
        # keystore since there is one (4.17.0.0); reported with 4.19.1.2.
        (_span("4.17.0.0", "4.19.2.0"), _span("4.20.0.0", "4.20.1.0")),
        "a live patch resets the keystore: an SSVM then cannot download templates, ISOs and volumes from HTTPS sites "
        "whose certificates are not among the few left",
        _PATCH,
        frozenset({Kind.SSVM}),
        Effect.WARN,
        "recreate the SSVM where downloads over HTTPS matter, also one that was patched already",
        f"{_REPOSITORY}/issues/9086",
    ),
    Defect(
        "8303",
        # Fixed by #8369 in 4.18.2.0 and 4.19.1.0 (release notes; not in 4.19.0.0). Reported with the template 4.18.1.
        (_span("4.18.0.0", "4.18.2.0"), _span("4.19.0.0", "4.19.1.0")),
        "a CPVM that starts has no firewall rules, as the port of the VNC server is not filled in",
        _START,
        frozenset({Kind.CPVM}),
        Effect.WARN,
        "live patch the CPVM, which does not set up its firewall anew; or wait for a release with the fix",
        f"{_REPOSITORY}/issues/8303",
    ),
    Defect(
        "8729",
        # Fixed by #8787 in 4.18.2.0 and 4.19.1.0 (release notes; not in 4.19.0.0). Reported with 4.19.0, first release
        # not named.
        (_span(None, "4.18.2.0"), _span("4.19.0.0", "4.19.1.0")),
        "a router of a VPC without tiers starts without firewall rules on its public address",
        _START,
        _VPC,
        Effect.WARN,
        "leave the VPC alone until the management server is upgraded, or add a tier with an instance",
        f"{_REPOSITORY}/issues/8729",
        Condition.NO_TIERS,
    ),
    Defect(
        "8055",
        # Sped up by #8385 in 4.18.2.0 and 4.19.1.0 (release notes); seen from 4.17.2 to 4.18.1, 61 minutes for ten
        # tiers, 9 with the change. First release not named.
        (_span(None, "4.18.2.0"), _span("4.19.0.0", "4.19.1.0")),
        "the start of a router of a VPC with many tiers and rules takes up to an hour, and the server cancels its job",
        _START,
        _VPC,
        Effect.WARN,
        "live patch it; or raise job.cancel.threshold.minutes and sysvm_start_timeout before",
        f"{_REPOSITORY}/issues/8055",
        Condition.MANY_TIERS,
    ),
    Defect(
        "7953",
        # Fixed in 4.18.2.0 and 4.19.0.0 (release notes); first release not named.
        (_span(None, "4.18.2.0"),),
        "on a slow network a VM that starts may take an incomplete file of patches and be up 15 to 20 minutes later",
        _START,
        frozenset({Kind.SSVM, Kind.CPVM}) | (ROUTER_KINDS - {Kind.ORPHAN}),
        Effect.WARN,
        "allow for it with sysvm_start_timeout",
        f"{_REPOSITORY}/pull/7953",
    ),
)
