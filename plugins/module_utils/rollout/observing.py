# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a unit's VMs again, once or until they prove the upgrade or there is no hope that they will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.verification import (
    Condition,
    Finding,
    Proof,
    verify,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.waits import Pause, Steps

# A report that contradicts the upgrade is read again before it is believed: answers may be a moment old.
REFUTED_READS = 3
REREAD_S = 2.0


@dataclass(frozen=True)
class Observation:
    """A unit's VMs as they were read, and what that proves.

    :ivar waited_s: for how long what was still missing had been waited for.
    :ivar spare: whether nothing replaces a destroyed system VM, as its zone has another.
    """

    vms: Sequence[Vm]
    finding: Finding
    waited_s: float = 0.0
    spare: bool = False

    @property
    def proven(self) -> bool:
        return self.finding.proof is Proof.PROVEN


class Reader:
    """Reads one unit.

    :param unit: the unit with its VMs as read before anything was sent.
    :ivar method: what is done to it.
    """

    def __init__(self, unit: Unit, method: Method, desk: Desk) -> None:
        self._unit = unit
        self.method = method
        self._desk = desk
        self._before = {vm.id: vm for vm in unit.vms}
        self._neighbours: list[Vm] = []  # others of its kind in its zone, as last read

    def read(self, *, pairs: bool = False) -> Observation:
        """Its VMs now; of its kind in its zone only those that are its own or new.

        :param pairs: whether the states of a pair are young enough to count.
        """
        vms = self._desk.server.read(self._unit, self.method)
        if self._unit.kind.is_system_vm or self._unit.kind is Kind.INTERNAL_LB:
            self._neighbours = [vm for vm in vms if vm.id not in self._before and vm.id in self._desk.known_vms]
            vms = [vm for vm in vms if vm not in self._neighbours]
            self._desk.probes.follow(self._unit.id, vms)
        vms = [remember(self._before.get(vm.id), vm) for vm in vms]
        return Observation(vms, verify(self._unit, vms, self._desk.baseline, self.method, pairs=pairs))

    def observe(self, *, failed: bool = False, pairs: bool = False, holds: bool = True) -> Steps[Observation]:
        """Read until there is a proof, or no hope for one.

        :param failed: a job said in plain words that it failed: what a live patch has not done by then will not come.
        :param holds: whether the unit keeps its place meanwhile.
        """
        refuted, awaited, since = 0, Condition.SETTLING, self._desk.clock()
        while True:
            seen = self.read(pairs=pairs)
            finding = seen.finding
            if finding.awaited is not awaited:  # what comes next has a patience of its own
                awaited, since = finding.awaited, self._desk.clock()
            waited = self._desk.clock() - since
            refuted = refuted + 1 if finding.proof is Proof.REFUTED else 0
            if not seen.vms and waited >= self._desk.limits.verify_timeout and self._has_another():
                return Observation((), Finding(Proof.PROVEN), waited, spare=True)
            hopeless = finding.proof is Proof.NOT_YET and waited >= self._patience(awaited, failed)
            if seen.proven or refuted >= REFUTED_READS or hopeless:
                return replace(seen, waited_s=waited)
            yield Pause(self._desk.clock() + REREAD_S, doubtful=refuted > 0, holds=holds)

    def _patience(self, awaited: Condition, failed: bool) -> float:
        limits = self._desk.limits
        if self.method is Method.LIVE_PATCH:
            return 0.0 if failed else limits.verify_timeout
        return {
            Condition.SETTLING: limits.verify_timeout,
            Condition.START: limits.start_timeout,
            Condition.AGENT: limits.agent_timeout,
        }[awaited]

    def _has_another(self) -> bool:
        """Of several system VMs of a kind the server replaces the last one only; the others when load asks for them."""
        up = any(vm.running and vm.agent_state == "Up" for vm in self._neighbours)
        return self.method is Method.RECREATE and self._unit.kind.is_system_vm and up


def remember(before: Vm | None, vm: Vm) -> Vm:
    """Carry over what only the ROOT volume told; a job that keeps the disk keeps it."""
    if before is None:
        return vm
    return replace(
        vm,
        built_from=vm.built_from or before.built_from,
        root_template_id=vm.root_template_id or before.root_template_id,
        root_template=vm.root_template or before.root_template,
        hypervisor=vm.hypervisor or before.hypervisor,
    )
