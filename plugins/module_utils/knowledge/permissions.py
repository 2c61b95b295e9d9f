# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every API command that the collection sends, by what it is needed for. Pure; docs/permissions.md is made from it.

The tests compare it with the code, and with what a server is asked in each use.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass

REMEDY = (
    "Allow them in the account's role, above any rule that denies them: the playbook cloudstack.sysvm.create_role makes"
    " such a role, or says what one lacks (docs/permissions.md). Or use the keys of a root admin."
)


class Use(str, enum.Enum):
    """What an operator does with the collection. All but ROLE begin with a plan, and so need what CHECK needs."""

    CHECK = "check"
    LIVE_PATCH = "live_patch"
    RESTART = "restart"
    RECREATE = "recreate"
    HEALTH_CHECKS = "health_checks"
    PROBE = "probe"
    SOAK = "soak"
    EVIDENCE = "evidence"
    DIAGNOSTICS = "diagnostics"
    ROLE = "create_role"


@dataclass(frozen=True)
class Needs:
    """What a use sends.

    :ivar words: what it is, for the page.
    :ivar required: the commands without which it is refused before anything is touched.
    :ivar optional: those whose absence is only told of.
    """

    words: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


NEEDS: Mapping[Use, Needs] = {
    Use.CHECK: Needs(
        "the plan and its checks, with `sysvm_target_version` a forecast: `check_sysvms`, and what each other use"
        " begins with",
        required=(
            "listApis",
            "listAsyncJobs",
            "listCapacity",
            "listConfigurations",
            "listEvents",
            "listHosts",
            "listImageStores",
            "listInternalLoadBalancerVMs",
            "listLoadBalancerRules",
            "listManagementServers",
            "listNetworks",
            "listPrivateGateways",
            "listRemoteAccessVpns",
            "listRouters",
            "listServiceOfferings",
            "listStoragePools",
            "listSystemVms",
            "listTemplates",
            "listVPCs",
            "listVolumes",
            "listVpnGateways",
            "listZones",
            "queryAsyncJobResult",
        ),
        # The first is what a server before 4.12 is asked; the second and the third tell where new VMs may be put; the
        # last, since 4.20, what is not handled.
        optional=("listCapabilities", "listClusters", "listPods", "listSharedFileSystems"),
    ),
    Use.LIVE_PATCH: Needs(
        "`upgrade_sysvms` as far as VMs are live patched, or started where nothing is to patch, and rules applied",
        required=(
            "destroyRouter",
            "patchSystemVm",
            "rebootRouter",
            "restartNetwork",
            "restartVPC",
            "startInternalLoadBalancerVM",
        ),
    ),
    Use.RESTART: Needs(
        "`upgrade_sysvms` as far as VMs are stopped and started: internal LB VMs, stopped routers",
        required=(
            "destroyRouter",
            "rebootRouter",
            "rebootSystemVm",
            "restartNetwork",
            "restartVPC",
            "startInternalLoadBalancerVM",
        ),
    ),
    Use.RECREATE: Needs(
        "`upgrade_sysvms` as far as VMs are made anew from the new template",
        required=("destroyRouter", "destroySystemVm", "restartNetwork", "restartVPC"),
    ),
    Use.HEALTH_CHECKS: Needs(
        "`health_checks` of the acting modules: the routers' own checks and their gateway, before and after",
        optional=("getRouterHealthCheckResults", "runDiagnostics"),
    ),
    Use.PROBE: Needs(
        "`sysvm_probe`: what answers from outside, before and after; the addresses with `sysvm_probe_ports`",
        required=("listPortForwardingRules", "listPublicIpAddresses"),
    ),
    Use.SOAK: Needs(
        "`sysvm_soak`: canaries are watched for a while", optional=("getRouterHealthCheckResults", "listAlerts")
    ),
    Use.EVIDENCE: Needs(
        "`sysvm_evidence`: what is left about a unit that failed",
        optional=("getRouterHealthCheckResults", "listAlerts"),
    ),
    Use.DIAGNOSTICS: Needs(
        "`sysvm_evidence: diagnostics`: bundles of the log files of VMs that failed", optional=("getDiagnosticsData",)
    ),
    Use.ROLE: Needs(
        "`create_role`; by a root admin, and in no role that it makes",
        required=(
            "createRole",
            "createRolePermission",
            "listConfigurations",
            "listRolePermissions",
            "listRoles",
            "updateRolePermission",
        ),
    ),
}
# What a role may be made for. Who may make roles may do anything.
OFFERED = tuple(use for use in Use if use is not Use.ROLE)
UPGRADE = (Use.LIVE_PATCH, Use.RESTART, Use.RECREATE)
USUAL = (Use.CHECK, *UPGRADE, Use.HEALTH_CHECKS, Use.EVIDENCE)  # what the playbooks do unless they are told otherwise


def commands_of(uses: Collection[Use], *, optional: bool) -> tuple[str, ...]:
    """The commands that these uses send, each once, in the order of their names.

    :param optional: also those that are not indispensable.
    """
    wanted = set(uses) | ({Use.CHECK} if set(uses) - {Use.ROLE} else set())
    found: set[str] = set()
    for use in wanted:
        found.update(NEEDS[use].required)
        if optional:
            found.update(NEEDS[use].optional)
    return tuple(sorted(found))


DECLARED = frozenset(commands_of(tuple(Use), optional=True))
