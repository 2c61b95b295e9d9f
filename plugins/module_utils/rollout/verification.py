# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof: what the server reports of a unit's VMs now, compared with what it reported before. Pure.

A job's own word is not part of it: restartNetwork and restartVPC succeed although a patch failed, and a job may fail
although the work is done.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm, is_healthy_pair, pair_states
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import (
    SETTLING_STATES,
    Baseline,
)


class Proof(enum.Enum):
    PROVEN = "proven"
    NOT_YET = "not yet"  # may still come: an agent that reconnects, a pair that elects
    REFUTED = "refuted"  # the server's report contradicts it


class Condition(enum.Enum):
    """What a proof that is not there yet waits for; each has a time limit of its own."""

    SETTLING = "settling"
    START = "start"
    AGENT = "agent"


@dataclass(frozen=True)
class Finding:
    proof: Proof
    reason: str = ""
    awaited: Condition = Condition.SETTLING


def verify(unit: Unit, after: Sequence[Vm], baseline: Baseline, method: Method, *, pairs: bool = True) -> Finding:
    """Whether `after` proves that the unit now runs the target.

    :param unit: the unit with its VMs as read before anything was sent.
    :param after: its VMs as read now; after a recreation also the old ones, as long as they are there.
    :param pairs: whether the states of a pair count: the server renews them only when it looks after its routers.
    :returns: the finding; the reason names what is missing, REFUTED before NOT_YET.
    """
    if method is Method.RECREATE:
        findings = [*_replacement(unit, after), *(finding for vm in after for finding in _new_vm(unit, vm, baseline))]
    else:
        findings = [
            *_members(unit, after),
            *(finding for vm in after for finding in _same_vm(unit, vm, baseline, method)),
        ]
    if pairs:
        findings += _redundancy(unit, after)
    for proof in (Proof.REFUTED, Proof.NOT_YET):
        weakest = [finding for finding in findings if finding.proof is proof]
        if weakest:
            return Finding(proof, "; ".join(finding.reason for finding in weakest), weakest[0].awaited)
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


def _replacement(unit: Unit, after: Sequence[Vm]) -> list[Finding]:
    """New ones and only new ones, as many as there should be."""
    old_ids = {vm.id for vm in unit.vms}
    left = [vm for vm in after if vm.id in old_ids]
    new = [vm for vm in after if vm.id not in old_ids]
    if unit.kind.is_system_vm or unit.kind is Kind.INTERNAL_LB:
        if left and left[0].running:
            return [Finding(Proof.REFUTED, f"{left[0].name} is still there")]
        if left:
            return [Finding(Proof.NOT_YET, f"{left[0].name} is still {left[0].state}", Condition.START)]
        if not new:
            what = unit.kind.value.upper() if unit.kind.is_system_vm else "internal LB VM"
            return [Finding(Proof.NOT_YET, f"no new {what} in zone {unit.zone} yet", Condition.START)]
        return []
    findings = [Finding(Proof.REFUTED, f"{vm.name} is still there ({vm.state})") for vm in left]
    expected = 2 if unit.redundant else 1
    if len(new) != expected:
        listing = ", ".join(vm.name for vm in new) or "none"
        findings.append(Finding(Proof.REFUTED, f"{expected} new router(s) expected, there: {listing}"))
    return findings


def _same_vm(unit: Unit, vm: Vm, baseline: Baseline, method: Method) -> list[Finding]:
    before = next((old for old in unit.vms if old.id == vm.id), None)
    findings = _software(vm, baseline)
    if not vm.is_router and method is Method.RESTART:
        findings += _template(unit, vm, baseline)
    if findings or not vm.is_router:
        return findings
    carrier = f"host {vm.host}" if vm.host else "its host"
    if baseline.left_old_scripts(before, vm):
        findings.append(
            Finding(
                Proof.REFUTED,
                f"{vm.name} reports {baseline.target}, but its scripts are still those of the older version: "
                f"{carrier} delivered an old package, or the server kept a stale checksum",
            )
        )
    elif baseline.has_wrong_scripts(vm):
        findings.append(
            Finding(
                Proof.REFUTED,
                f"{vm.name} reports {baseline.target}, but not with the scripts of most routers that do: {carrier} "
                "delivered another package, the server kept a stale checksum, or the others are from another build",
            )
        )
    return findings


def _new_vm(unit: Unit, vm: Vm, baseline: Baseline) -> list[Finding]:
    if vm.id in {old.id for old in unit.vms}:
        return []
    findings = [*_software(vm, baseline), *_template(unit, vm, baseline)]
    if not findings and vm.is_router and vm.scripts in baseline.old_scripts:
        # At a start the host pushes its own package, and the server notes its own version all the same.
        findings.append(
            Finding(
                Proof.REFUTED,
                f"{vm.name} is new and reports {baseline.target}, but its scripts are those of the older version: "
                f"{f'host {vm.host}' if vm.host else 'its host'} has an old package",
            )
        )
    return findings


def _template(unit: Unit, vm: Vm, baseline: Baseline) -> list[Finding]:
    template = baseline.template(vm)
    if not vm.running or template is None:
        return []
    carries = template.carries(vm)
    if carries is None and vm.id not in {old.id for old in unit.vms}:
        carries = vm.next_template_id not in template.listed - template.ids  # a new VM still has the one it was made of
    if carries is not False:
        return []  # what nobody can tell refutes nothing
    made_from = vm.root_template or vm.built_from or "an unknown template"
    return [Finding(Proof.REFUTED, f"{vm.name} was made from {made_from}, not from {template.name}")]


def _software(vm: Vm, baseline: Baseline) -> list[Finding]:
    """State and software of one VM, whatever was done to it."""
    target = baseline.target
    if vm.state in SETTLING_STATES:
        return [Finding(Proof.NOT_YET, f"{vm.name} is {vm.state}", Condition.START)]
    if not vm.running:
        return [Finding(Proof.REFUTED, f"{vm.name} is {vm.state}")]
    if not vm.is_router:
        # The agent connects some seconds after the patch or the start and only then brings its version.
        if vm.agent_state != "Up":
            reason = f"the agent of {vm.name} is {vm.agent_state or 'not connected'}"
            return [Finding(Proof.NOT_YET, reason, Condition.AGENT)]
        if vm.software != target:
            reason = f"the agent of {vm.name} still reports {vm.software or 'no version'}"
            return [Finding(Proof.NOT_YET, reason, Condition.AGENT)]
        return []
    if vm.internal_lb:
        return []  # what the server keeps of it means nothing; its template or checksum proves it
    if vm.software != target:
        return [Finding(Proof.REFUTED, f"{vm.name} still reports {vm.software or 'no software version'}, not {target}")]
    return []


def _redundancy(unit: Unit, after: Sequence[Vm]) -> list[Finding]:
    if not unit.elects:
        return []
    before = {vm.id: vm.redundant_state for vm in unit.vms}
    now = {vm.id: vm.redundant_state for vm in after}
    unchanged = now == before and all(vm.running for vm in unit.vms)
    if unchanged or is_healthy_pair(after):
        return []
    return [Finding(Proof.NOT_YET, f"the pair is not one PRIMARY and one BACKUP ({pair_states(after)})")]
