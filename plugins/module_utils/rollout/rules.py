# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of a unit's networks: which restarts have applied them, and restarts without cleanup that do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Restart, Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import hint_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.calling import (
    Caller,
    Failed,
    RulesRefusedError,
    began,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.observing import Reader
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server_messages import (
    RULES_MISSING,
    not_the_servers,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.waits import Steps
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import apply_rules, restart_vpc

# A restart that was lost with its server is sent once more.
TRIES = 2
Debts = dict[str, "float | None"]
"""Networks whose rules have to be applied, and since when that is so by the server's clock, None where nobody knows."""


class Rules:
    """One unit's.

    :ivar restarts: the last restart of each of its networks that is known to have applied its rules.
    :ivar reader: of its VMs, by the method that it is done by now.
    """

    reader: Reader

    def __init__(self, unit: Unit, caller: Caller, desk: Desk, note: Callable[[str], None]) -> None:
        self.restarts: dict[str, Restart] = {}
        self._unit = unit
        self._caller = caller
        self._desk = desk
        self._note = note

    def debts_after_others(self) -> Debts:
        """All networks, but for those that jobs of others restarted for sure."""
        began_last = self._settle_by_others()
        return {network: began_last for network in self._unit.network_ids if network not in self.restarts}

    def _settle_by_others(self) -> float | None:
        """Remember which networks the jobs of others that were waited for have restarted for sure.

        Which of several jobs it was may be unknown; when all that it may have been succeeded, it did. The success of a
        job on a whole VPC says nothing, but for a recreation: the server drops how its tiers came off.

        :returns: when the last of these jobs began.
        """
        results = [(job.resource_ids, self._desk.server.result(job.job_id)) for job in self._caller.after_others]
        whole = self._unit.vpc is not None and any(self._unit.id in ids for ids, dummy in results)
        listing = self.reader.method is Method.RECREATE
        for network_id in self._unit.network_ids:
            of_it = [result for ids, result in results if network_id in ids or self._unit.id in ids]
            if of_it and (listing or not whole) and all(result.error() is None for result in of_it):
                self.settle(network_id, max(of_it, key=began))
            elif of_it:
                self.restarts.pop(network_id, None)
        return max((began(result) for dummy, result in results), default=None)

    def apply(self, network_id: str, since: float | None, overcome: Sequence[str]) -> Steps[None]:
        """Restart one network without cleanup; what was patched is of no use before that has succeeded.

        :param since: a restart that somebody sent for the same purpose counts if it began then or later.
        """
        call = apply_rules(network_id)
        for left in reversed(range(TRIES)):
            if (yield from self._caller.until_free(call, self.reader)):
                self._settle_by_others()
                if network_id in self.restarts:
                    return
            ended = yield from self._caller.carry_out(call, partial(_began_by, since))
            if ended.trouble is None and ended.job:
                self.settle(network_id, ended.job)
                return
            if not left or not ended.trouble or not ended.trouble.lost or ended.job is None:
                break
            self._note(f"a restart that applies rules was lost and is sent once more ({ended.trouble.text})")
            since = None
        said = ended.trouble.text if ended.trouble else ""
        seen = self.reader.read()
        refused_before = overcome or self._unit.owed  # by the job of a patch as well: it was not for this one network
        failed = ended.job is not None and ended.trouble is not None and not ended.trouble.lost
        minimum = self._refused_below(seen.vms) if failed and refused_before else None
        meant = RULES_MISSING if minimum is None else not_the_servers(self._unit, minimum)
        parts = [f"patched, rules not applied in {self._name(network_id)}: {said}", hint_of(said), meant]
        if overcome:
            parts.append(f"Before that: {' '.join(overcome)}")
        kind = Failed if minimum is None else RulesRefusedError
        raise kind(" ".join(part for part in parts if part), seen)

    def _refused_below(self, vms: Sequence[Vm]) -> Version | None:
        """The version of their template below which the server may refuse rules to these routers."""
        minimum = self._desk.server.checked_minimum(self._unit.zone_id)
        old = [vm for vm in vms if minimum and vm.is_router and vm.built_from and vm.built_from < minimum]
        return minimum if old else None

    def apply_what_is_marked(self) -> Steps[None]:
        """In the end the server must not want a restart (restartrequired) of what was upgraded."""
        marked = self._desk.marked_for_restart(self._unit, self._caller.over_at)
        for identity in sorted(marked):
            self._note(f"the server had marked {self._name(identity)} as in need of a restart")
            call = restart_vpc(identity) if self._unit.vpc and identity == self._unit.id else apply_rules(identity)
            yield from self._caller.until_free(call, self.reader)
            ended = yield from self._caller.carry_out(call, partial(_began_by, None))
            if ended.trouble is None and ended.job:
                self.settle(identity, ended.job)
        if marked and (left := self._desk.marked_for_restart(self._unit, self._desk.clock())):
            listing = ", ".join(self._name(identity) for identity in sorted(left))
            raise Failed(f"patched, rules not applied: the server still wants a restart of {listing}. {RULES_MISSING}")

    def settle(self, network_id: str, job: Job) -> None:
        self.restarts[network_id] = Restart(network_id, job.id, job.created, True)

    def _name(self, identity: str) -> str:
        """A network's or VPC's name."""
        names = {self._unit.id: self._unit.label, **{tier.id: f"tier {tier.name}" for tier in self._unit.tiers}}
        return names.get(identity, f"network {identity}")


def _began_by(since: float | None, job: Job) -> bool:
    """Whether a job began at this moment of the server's clock or later; None is a moment that nobody knows."""
    return since is not None and began(job) >= since
