# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long things take. Before anything was measured these seconds are only for orientation and for time limits;
while a rollout runs, durations seen replace them. Pure."""

from __future__ import annotations

from ..cloud.model import Unit
from ..knowledge.vocabulary import Method

PATCH_S = 60.0  # one live patch: copying the packages (scp), unpacking, restarting services
RESTART_S = 30.0  # re-applying the rules of one network
START_S = 180.0  # deploying and booting one VM from a template
SCAN_S = 30.0  # secstorage.capacityscan.interval and consoleproxy.capacityscan.interval
HANDOVER_S = 10.0  # what the server waits between the two routers of a pair (RVRHandoverTime)


def expected_seconds(unit: Unit, method: Method, *, twice: bool = False) -> float:
    """How long one unit takes, from what has to be done to it (0 where nothing is done).

    :param twice: whether two live patches are expected.
    """
    routers = max(1, len(unit.vms))
    if method is Method.LIVE_PATCH:
        if unit.kind.is_system_vm:
            return PATCH_S
        patch = routers * PATCH_S + RESTART_S  # one job; then the rules of the other tiers
        return patch * (2 if twice else 1) + max(0, len(unit.tiers) - 1) * RESTART_S
    if method is Method.RESTART:
        return len(unit.owed) * RESTART_S or routers * START_S + RESTART_S
    if method is Method.RECREATE:
        if unit.kind.is_system_vm:
            return SCAN_S + START_S
        pair = HANDOVER_S if unit.redundant else 0.0
        return (2 if unit.redundant else 1) * START_S + pair + max(1, len(unit.tiers)) * RESTART_S
    return 0.0


def pair_settles_s(interval_s: float, pool: float, pairs: int) -> float | None:
    """How long after a job the server has surely looked at a pair again; None where it never does.

    Each interval the server puts every pair into a queue that so many threads work off; one of them looks at 20 pairs
    in a minute, so of many pairs a look may be older than an interval (VirtualNetworkApplianceManagerImpl).

    :param interval_s: the setting router.check.interval.
    :param pool: the setting router.check.poolsize.
    :param pairs: how many there are in the whole cloud.
    """
    if interval_s <= 0:
        return None
    return max(interval_s, 60.0 * pairs / (20.0 * max(1.0, pool))) + max(1.0, interval_s / 6)
