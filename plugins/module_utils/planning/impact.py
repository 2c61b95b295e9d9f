# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade means for users and how long it takes, in words and seconds. Before anything was measured these
seconds are only for orientation and for time limits; while a rollout runs, durations seen replace them."""

from __future__ import annotations

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Kind, Unit, UnitType
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.matrix import RESTARTED_SERVICES
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method

PATCH_S = 60.0  # one live patch: copying the packages (scp), unpacking, restarting services
RESTART_S = 30.0  # re-applying the rules of one network
START_S = 180.0  # deploying and booting one VM from a template


def expected_seconds(unit: Unit, method: Method) -> float:
    """How long one unit takes, from what has to be done to it (0 where nothing is done)."""
    routers = max(1, len(unit.vms))
    if method is Method.LIVE_PATCH:
        if unit.type is UnitType.SYSTEM_VM:
            return PATCH_S
        return routers * PATCH_S + max(1, len(unit.tiers)) * RESTART_S
    if method is Method.RESTART:
        return routers * START_S + RESTART_S
    if method is Method.RECREATE:
        return routers * START_S + max(1, len(unit.tiers)) * RESTART_S
    return 0.0


def impact(unit: Unit, method: Method) -> str:
    """What users notice, in words."""
    if method is Method.LIVE_PATCH:
        services = ", ".join(RESTARTED_SERVICES[unit.kind])
        if unit.kind is Kind.SSVM:
            return f"restarts {services}; running template, ISO and volume transfers of the zone fail"
        if unit.kind is Kind.CPVM:
            return f"restarts {services}; open consoles of the zone drop"
        pair = ", one router after the other" if len(unit.vms) > 1 else ""
        return f"restarts {services}{pair}; load balanced connections drop, DNS and DHCP pause for seconds"
    if method is Method.RESTART:
        return "starts the router again with the new software; the network has had no service from it so far"
    return ""
