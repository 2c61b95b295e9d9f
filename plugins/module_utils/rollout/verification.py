# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof: what the server reports of a unit's VMs now, compared with what it reported before. Pure.

A job's own word is not part of it: restartNetwork and restartVPC succeed although a patch failed.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import SETTLING_STATES, Situation


class Proof(enum.Enum):
    PROVEN = "proven"
    NOT_YET = "not yet"  # may still come: an agent that reconnects, a pair that elects
    REFUTED = "refuted"  # the server's report contradicts it


@dataclass(frozen=True)
class Finding:
    proof: Proof
    reason: str = ""


def verify(unit: Unit, after: Sequence[Vm], situation: Situation) -> Finding:
    """Whether I(after) proves that the unit now runs the target.

    :param unit: the unit with its VMs as read before anything was sent.
    :param after: its VMs as read now.
    :returns: the finding; the reason names what is missing, REFUTED before NOT_YET.
    """
    findings = [*_members(unit, after), *(finding for vm in after for finding in _one_vm(unit, vm, situation))]
    findings += _redundancy(unit, after)
    for proof in (Proof.REFUTED, Proof.NOT_YET):
        reasons = [finding.reason for finding in findings if finding.proof is proof]
        if reasons:
            return Finding(proof, "; ".join(reasons))
    return Finding(Proof.PROVEN)


def _members(unit: Unit, after: Sequence[Vm]) -> list[Finding]:
    before_ids = {vm.id for vm in unit.vms}
    gone = [vm.name for vm in unit.vms if vm.id not in {other.id for other in after}]
    extra = [vm.name for vm in after if vm.id not in before_ids]
    findings = []
    if gone:
        findings.append(Finding(Proof.REFUTED, f"{', '.join(gone)} is gone"))
    if extra:
        findings.append(Finding(Proof.REFUTED, f"{', '.join(extra)} was not there before"))
    return findings


def _one_vm(unit: Unit, vm: Vm, situation: Situation) -> list[Finding]:
    before = next((old for old in unit.vms if old.id == vm.id), None)
    target = situation.target
    if vm.state in SETTLING_STATES:
        return [Finding(Proof.NOT_YET, f"{vm.name} is {vm.state}")]
    if not vm.running:
        return [Finding(Proof.REFUTED, f"{vm.name} is {vm.state}")]
    if not vm.is_router:
        # The agent reconnects some seconds after the patch and only then brings its version.
        if vm.agent_state != "Up":
            return [Finding(Proof.NOT_YET, f"the agent of {vm.name} is {vm.agent_state or 'not connected'}")]
        if vm.software != target:
            return [Finding(Proof.NOT_YET, f"the agent of {vm.name} still reports {vm.software or 'no version'}")]
        return []
    if vm.software != target:
        return [Finding(Proof.REFUTED, f"{vm.name} still reports {vm.software or 'no software version'}, not {target}")]
    findings = []
    was_behind = before is not None and before.software != target
    changed = before is None or vm.scripts != before.scripts
    if vm.scripts in situation.old_scripts or (was_behind and not changed and vm.scripts not in situation.new_scripts):
        findings.append(
            Finding(
                Proof.REFUTED,
                f"{vm.name} reports {target}, but its scripts are still those of the older version: the host that "
                "carries it delivered an old package, or the server kept a stale checksum",
            )
        )
    if vm.health_failed and before is not None and before.health_failed is False:
        findings.append(Finding(Proof.NOT_YET, f"{vm.name} fails health checks that it passed before"))
    return findings


def _redundancy(unit: Unit, after: Sequence[Vm]) -> list[Finding]:
    if not unit.redundant:
        return []
    before = {vm.id: vm.redundant_state for vm in unit.vms}
    now = {vm.id: vm.redundant_state for vm in after}
    unchanged = now == before and all(vm.running for vm in unit.vms)
    if unchanged or sorted(str(state) for state in now.values()) == ["BACKUP", "PRIMARY"]:
        return []
    told = ", ".join(f"{vm.name} {vm.redundant_state}" for vm in after)
    return [Finding(Proof.NOT_YET, f"the pair is not one PRIMARY and one BACKUP ({told})")]
