# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is seen from outside of what a unit serves, before anything is sent and after the proof."""

from __future__ import annotations

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.calling import Failed
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.observing import Observation
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server_messages import UNREACHABLE
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.waits import Pause, Steps

# How often to look for the first result of a probe, and for the one after the proof.
FIRST_LOOK_S, REACH_S = 0.05, 0.2


class Outside:
    """One unit's."""

    def __init__(self, unit_id: str, desk: Desk) -> None:
        self._unit_id = unit_id
        self._desk = desk

    def look(self) -> Steps[None]:
        """Watch what it serves; only what answers before the first call counts."""
        probes, clock = self._desk.probes, self._desk.clock
        probes.watch(self._unit_id)
        began = clock()
        while not probes.knows(self._unit_id) and clock() - began < probes.wait_s:
            yield Pause(clock() + FIRST_LOOK_S)
        probes.call(self._unit_id)

    def check(self, seen: Observation) -> Steps[None]:
        """What answered before answers again, or the unit has not been upgraded as promised.

        :raises Failed: when it does not.
        """
        probes, clock = self._desk.probes, self._desk.clock
        probes.confirm(self._unit_id)
        began = clock()
        while missing := probes.unconfirmed(self._unit_id):
            lost = [each.silence for each in missing if each.lost_since is not None]
            if clock() - began >= max(probes.patience_s, probes.first_s):
                if not lost:
                    return  # no answer, and no failure: nothing is known
                raise Failed(f"proven by the server, but {'; '.join(lost)}. {UNREACHABLE}", seen)
            yield Pause(clock() + REACH_S, doubtful=bool(lost), holds=False)
