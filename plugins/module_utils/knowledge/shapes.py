# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan, result and report as plain data: what modules return, files keep and reports show. Where several have the same
keys, these are a class of their own, whose C(__annotations__) are the keys.

Seconds are numbers in keys that end in C(_s); moments are texts as ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Any, TypedDict

from .drift_shapes import DriftData
from .whatif_shapes import AlternativesData, WhatIfData


class OwnerData(TypedDict):
    account: str | None
    domain: str | None
    project: str | None


class VmFacts(TypedDict, total=False):
    """What is true of a VM; system VMs have an agent, routers scripts. Empty of one that is not there."""

    state: str
    software_version: str | None
    template_version: str | None
    host: str | None
    scripts_version: str | None
    redundant_state: str | None
    agent_state: str | None
    template: str | None


class VmData(VmFacts):
    id: str
    name: str


class ChangedVm(TypedDict):
    id: str
    name: str
    before: VmFacts
    after: VmFacts


class RestartData(TypedDict):
    """The last restart of a network whose end is known; I(why) of one that failed."""

    network_id: str
    job_id: str
    created: str
    succeeded: bool
    why: str


class EndpointData(TypedDict):
    address: str
    port: int
    serves: str


class GapData(TypedDict):
    """A time without an answer; one that has not ended has no end."""

    start: str | None
    end: str | None


# What was seen of an endpoint from outside; no class can spell "from".
SeenEndpoint = TypedDict(
    "SeenEndpoint",
    {
        "address": str,
        "port": int,
        "serves": str,
        "from": str,
        "before": "bool | None",
        "after": "bool | None",
        "longest_gap_s": "float | None",  # None where it did not answer before
        "total_gap_s": "float | None",
        "gaps": list[GapData],
    },
)


class CheckData(TypedDict):
    name: str
    status: str
    seen: str
    remedy: str


class StepData(TypedDict):
    """I(units) are ids."""

    number: int
    name: str
    group: str
    method: str
    canary: bool
    units: list[str]
    span_s: list[float]


class ZoneData(TypedDict):
    """What is to be done in one zone, and after how long it is done; I(kinds) are numbers of units."""

    name: str
    units: int
    kinds: dict[str, int]
    span: str
    span_s: list[float]


class NamedUnit(TypedDict):
    """What everybody tells of a unit."""

    id: str
    name: str
    kind: str
    zone: str
    owner: OwnerData


class LocatedUnit(NamedUnit):
    hypervisor: str | None
    hosts: list[str]


class PredictedData(TypedDict):
    """When a unit starts and ends in the likely play of a rehearsal, in seconds after the run began."""

    start_s: float
    end_s: float


class PlacedUnit(LocatedUnit):
    """What the report takes from the plan as it is."""

    step: int | None
    predicted: PredictedData | None


class DescribedUnit(LocatedUnit):
    """What sysvm_select filters, and hooks see."""

    zone_id: str
    redundant: bool
    sensitive_services: list[str]
    tags: dict[str, str]
    tiers: list[str]
    vms: list[VmData]


class ApprovalData(TypedDict):
    """What was approved for a unit."""

    method: str
    recreates: bool
    destroys: list[str]
    place: str


class UnitData(DescribedUnit, PlacedUnit):
    """A unit of a plan."""

    method: str
    reason: str
    code: str
    conditions: list[dict[str, str]]
    defects: list[str]
    expected_s: float
    expected_span_s: list[float]
    impact: str
    restarts: list[RestartData]
    recreates: bool
    destroys: list[str]
    approved: ApprovalData | None
    endpoints: list[EndpointData]
    without_service_s: list[float]
    night: str | None


class UnitOutcome(TypedDict):
    """What became of a unit."""

    status: str
    reason: str
    code: str
    conditions: list[dict[str, str]]
    job_ids: list[str]
    started: str | None
    finished: str | None
    duration_s: float | None
    vms: list[ChangedVm]


class Measured(TypedDict):
    """What a unit that was touched tells as well."""

    worked_s: float | None
    notes: list[str]
    gap_s: float | None
    endpoints: list[SeenEndpoint]
    restarts: list[RestartData]


class ResultData(NamedUnit, UnitOutcome, Measured):
    """A unit as an acting module returns it."""

    method: str
    recovery: str | None


class ReportedUnit(PlacedUnit, UnitOutcome, Measured):
    """A unit of a report; I(evidence) is the folder with what the server tells about its failure."""

    method: str
    planned: str
    impact: str
    evidence: str | None


class NotHandledData(TypedDict):
    """One thing, or a sort: I(name), I(id) and I(zone) are None where it is not known whether there are any."""

    what: str
    name: str | None
    id: str | None
    zone: str | None
    because: str
    remedy: str


# How many endpoints of how many units are watched, and from where.
ProbesData = TypedDict("ProbesData", {"units": int, "endpoints": int, "serves": dict[str, int], "from": list[str]})


class EstimateData(TypedDict):
    """How long a run will take, as it was rehearsed; I(left) are units that would not be begun by the deadline."""

    span_s: list[float]
    likely_s: float
    span: str
    source: str
    left: int
    words: str


class PreparationData(TypedDict):
    what: str
    state: str
    seen: str
    remedy: str


class ForecastData(TypedDict):
    """What was assumed, what has to be so before, and in I(unknown) what the server's lists do not tell, in words."""

    source: str
    target: str
    prepare: list[PreparationData]
    steps: list[str]
    unknown: list[str]
    documentation: str


class DeviationData(TypedDict):
    """A line of an approved plan that is not as it says."""

    id: str
    name: str
    place: str
    approved: str
    why: str


class UnapprovedData(TypedDict):
    """A unit that needs something and has no line."""

    id: str
    name: str
    why: str


class NightCount(TypedDict):
    """How many units a night has, and how many of them are left to be done."""

    night: str
    units: int
    left: int


class NightData(NightCount):
    """A night of a campaign: also how many units by zone, and when the last one is expected to end."""

    ends_s: float
    zones: dict[str, int]


class CampaignData(TypedDict):
    words: str
    nights: list[NightData]


class LaterUnit(NamedUnit):
    """A unit that is done in another night, and when that begins."""

    method: str
    night: str


class ApprovedData(TypedDict):
    """What became of an approved plan.

    I(nights) are those of its lines; I(later) what is left for other nights, I(next_nights) when the next one begins,
    by zone.
    """

    source: str
    lines: int
    as_approved: int
    differs: list[DeviationData]
    current: list[DeviationData]
    gone: list[DeviationData]
    left_out: list[DeviationData]
    not_approved: list[UnapprovedData]
    nights: list[NightCount]
    later: list[LaterUnit]
    next_nights: dict[str, str]


class PlanData(TypedDict):
    scope: str
    wildcards: dict[str, list[str]]
    cloud: str
    approved: ApprovedData | None
    max_failures: int
    server_notes: list[str]
    deadline: str | None
    forecast: ForecastData | None
    management_server_version: str | None
    steps: list[StepData]
    zones: list[ZoneData]
    units: list[UnitData]
    restarts: list[RestartData]
    not_handled: list[NotHandledData]
    drift: DriftData | None
    probes: ProbesData | None
    estimate: EstimateData | None
    what_if: WhatIfData | None
    alternatives: AlternativesData | None
    campaign: CampaignData | None
    scene: dict[str, Any] | None  # what it takes to rehearse it without a cloud (rehearsal/scene.py)


class CheckedPlan(PlanData, total=False):
    """A plan that is kept for the run, with its checks and when the run began."""

    checks: list[CheckData]
    started: str
    notes: list[str]


class KnownGap(TypedDict):
    """What the next plan wants to know of measured gaps."""

    kind: str
    method: str
    shortest_s: float | None
    longest_s: float | None


class GapSummary(KnownGap):
    """Gaps of all units of a kind and method that were measured; I(units) came back, I(lost) did not."""

    units: int
    median_s: float | None
    p95_s: float | None
    lost: int


class RunFacts(TypedDict, total=False):
    """run.json. Times are ISO 8601 in UTC.

    :ivar kind: PLAN or UPGRADE.
    :ivar cloud: host and port of its endpoint.
    :ivar host: where it runs, with the I(pid) of ansible-playbook there; I(boot) and I(ticks) tell these apart from
        others of the same name and number.
    :ivar worker: the process that is at work at a step, and I(worker_ticks) likewise.
    :ivar heartbeat: when it gave the last sign of life.
    :ivar waiting_for: whom or what, in a few words.
    :ivar step: the number of the step at work, of I(steps).
    :ivar status: and I(summary), I(error), I(next): as in the report.
    :ivar nights: of the campaign that it plans or carries out.
    """

    id: str
    kind: str
    cloud: str
    scope: str
    host: str
    pid: int
    boot: str
    ticks: str
    worker: int
    worker_ticks: str
    since: str
    heartbeat: str
    state: str
    waiting_for: str
    step: int
    steps: int
    status: str
    summary: dict[str, int]
    error: str | None
    next: str | None
    nights: list[NightCount]


class _OfRun(TypedDict, total=False):
    run: RunFacts


class ReportData(_OfRun):
    """I(finished) is None of a run that goes on, which is its I(run)."""

    status: str
    code: str
    error: str | None
    next: str | None
    scope: str | None
    approved: ApprovedData | None
    started: str
    finished: str | None
    management_server_version: str | None
    expected: str | None
    summary: dict[str, int]
    guards: list[str]
    notes: list[str]
    checks: list[CheckData]
    not_handled: list[NotHandledData]
    drift: DriftData | None
    steps: list[StepData]
    gaps: list[GapSummary]
    restarts: list[RestartData]
    units: list[ReportedUnit]
