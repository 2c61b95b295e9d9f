# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A unit that is watched after its proof: what is new and wrong meanwhile makes it fail; in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Alert
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.probes import Probes
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.surroundings import Rollout
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import apply_rules
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import Health, HealthCheck
from tests.unit.builders import NEW, TARGET_TEXT, network_unit, pair, system_vm_unit, version, vm
from tests.unit.rollout.fake import FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, roll
from tests.unit.rollout.schedule import WEB, Schedule, Seen

CURRENT = [
    network_unit(name, vm(f"r-{number}-VM", software=TARGET_TEXT, scripts="new-scripts"))
    for number, name in ((1, "a"), (11, "b"))
]
OLD = [network_unit(name, vm(f"r-{number}-VM", built_from="4.20.1")) for number, name in ((1, "a"), (11, "b"))]
BEGIN = FakeServer([]).clock()
SOAK_S = 300.0
ZONES = frozenset({"id-zone"})


class Watched(FakeServer):
    """To which something happens while it is watched.

    :ivar happens: what, by seconds since the rollout began.
    """

    def __init__(self, units: Sequence[Unit] = CURRENT, faults: Any = None) -> None:
        super().__init__(units, faults)
        self.known: list[Alert] = []
        self.happens: dict[float, Callable[[], object]] = {}

    def _settle(self) -> None:
        super()._settle()
        for after in [after for after in self.happens if self.time >= BEGIN + after]:
            self.happens.pop(after)()

    def alerts(self) -> list[Alert] | None:
        return self.known

    def health_checks(self, vm: Vm) -> dict[str, HealthCheck] | None:
        states = {"old": Health.FAILED, "dns": Health.PASSED, **(self.health.get(vm.id) or {})}
        return {
            name: HealthCheck(state, self.time if self.ran_at is None else self.ran_at)
            for name, state in states.items()
        }

    def sicken(self, check: str) -> None:
        self.health[CURRENT[0].vms[0].id] = {check: Health.FAILED}

    def alert(self, text: str, after: float) -> None:
        self.known.append(Alert(f"{text} at {after}", text, BEGIN + after))


@dataclass(frozen=True)
class Watch:
    """How it ended, and what a person was told."""

    end: Rollout
    lines: Sequence[str]
    lasted_s: float

    @property
    def wrong(self) -> dict[str, str]:
        """What made units fail, by name."""
        failed = [each for each in self.end.results if each.status is UnitStatus.FAILED]
        return {each.unit.name: each.reason.removeprefix("proven, and then: ") for each in failed}

    def of(self, name: str) -> UnitResult:
        return next(each for each in self.end.results if each.unit.name == name)


def watch(server: Watched, seen: Seen | None = None, **facts: Any) -> Watch:
    units = list(server.units.values())
    watched = {units[0].id: [WEB]} if seen else {}
    probes = Probes(watched, [Schedule(server, seen)] if seen else [], patience_s=20, now=server.clock)
    lines: list[str] = []
    limits = replace(LIMITS, max_failures=0, **{name: facts.pop(name) for name in [*facts] if hasattr(LIMITS, name)})
    looks: dict[str, Any] = {"looks_inside": True} if "health_zones" in facts else {}
    end = roll(server, units, limits, probes=probes, lines=lines, soak_s=SOAK_S, **looks, **facts)
    return Watch(end, lines, server.time - BEGIN)


def test_nothing_new() -> None:
    """It counts as done only then; what is current already is watched, too."""
    for units, status in ((CURRENT, UnitStatus.CURRENT), (OLD, UnitStatus.UPGRADED)):
        found = watch(Watched(units), seen=[(0.0, True)])
        assert [each.status for each in found.end.results] == [status] * 2
        assert SOAK_S <= found.lasted_s < SOAK_S + 30
        assert sum("it is watched for 5 min before it counts as done" in line for line in found.lines) == 2
        ready = next(each for each in found.of("a").conditions if each.type.value == "Ready")
        assert (ready.status.value, ready.reason) == ("True", "LongEnough")
        started = [line for line in found.lines if " start " in line]
        assert len(started) == 2


def test_a_router_that_stops() -> None:
    server = Watched()
    server.happens = {20.0: lambda: server.vms.update({CURRENT[0].id: [replace(ROUTER, state="Stopped")]})}
    found = watch(server)
    assert found.wrong == {"a": "r-1-VM is Stopped"}
    assert found.of("a").code == "Changed"
    assert found.lasted_s < 60, "it ends at once, for the others, too"
    assert found.of("b").status is UnitStatus.CURRENT and "watched for" in found.of("b").reason
    assert server.log == [], "nothing is sent"


def test_a_router_that_is_away_for_one_look_is_read_again() -> None:
    class Blinking(Watched):
        def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
            self.looks["all"] = self.looks.get("all", 0) + 1
            return [] if self.looks["all"] == 7 else super().read(unit, new_disks=new_disks)

    server = Blinking()
    assert watch(server).wrong == {} and server.looks["all"] > 20


def replaced(*routers: Vm) -> Callable[[Watched], object]:
    return lambda server: server.vms.update({CURRENT[0].id: list(routers)})


ROUTER = CURRENT[0].vms[0]
ANEW = vm("r-2-VM", **NEW)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (replaced(), "1 router expected, there: none"),
        (replaced(replace(ROUTER, state="Error")), "r-1-VM is Error"),
        (replaced(replace(ROUTER, software=version("4.18.1.0"))), "r-1-VM reports 4.18.1.0"),
        (replaced(ANEW), ""),  # its owner restarted it with cleanup
        (replaced(replace(ROUTER, host_id="h9")), ""),  # it was migrated
        (replaced(replace(ROUTER, state="Expunging"), ANEW), ""),
    ],
)
def test_what_others_change_counts_only_if_it_is_not_as_it_should_be(
    change: Callable[[Watched], object], words: str
) -> None:
    server = Watched()
    server.happens = {20.0: lambda: change(server)}
    found = watch(server).wrong
    assert (list(found), words in found.get("a", "")) == (["a"] if words else [], True)
    assert server.log == []


def test_an_agent_that_goes_away() -> None:
    unit = system_vm_unit(vm("v-2-VM", Kind.CPVM, software=TARGET_TEXT))
    server = Watched([unit])
    server.happens = {20.0: lambda: server.vms.update({unit.id: [replace(unit.vms[0], agent_state="Down")]})}
    assert watch(server).wrong == {"v-2-VM": "the agent of v-2-VM is Down"}


def test_what_its_owner_deleted_is_no_failure() -> None:
    class Deleted(Watched):
        def owner(self, unit: Unit) -> Unit | None:
            return super().owner(unit) if self.vms[unit.id] else None

    server = Deleted()
    server.happens = {20.0: lambda: server.vms.update({CURRENT[0].id: []})}
    found = watch(server)
    assert found.wrong == {} and found.of("a").status is UnitStatus.GONE


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.FAILED])
def test_rules_that_a_job_of_somebody_else_put_in_doubt_are_applied_again(fault: Fault) -> None:
    """And it is watched until it has been proven for long enough."""
    server = Watched()
    server.happens = {20.0: lambda: server.start(CURRENT[0], apply_rules(CURRENT[0].network_ids[0]), fault)}
    found = watch(server)
    assert found.wrong == {} and found.lasted_s >= SOAK_S
    assert len(server.log) == (fault is Fault.FAILED)


PAIR = network_unit("p", *pair("r", software=TARGET_TEXT, scripts="new-scripts"))


@pytest.mark.parametrize(
    ("after", "wrong"), [(["BACKUP", "PRIMARY"], False), (["PRIMARY", "FAULT"], True), (["PRIMARY", "PRIMARY"], True)]
)
def test_a_pair_counts_that_is_not_whole_any_more(after: list[str], wrong: bool) -> None:
    states = [replace(one, redundant_state=state) for one, state in zip(PAIR.vms, after, strict=True)]
    server = Watched([PAIR])
    server.happens = {20.0: lambda: server.vms.update({PAIR.id: states})}
    found = watch(server)
    assert bool(found.wrong) is wrong
    assert found.of("p").code == ("NotWhole" if wrong else "Done")


def test_a_pair_that_elects_for_a_moment_is_whole() -> None:
    server = Watched([PAIR])
    broken = [replace(one, redundant_state="BACKUP") for one in PAIR.vms]
    server.happens = {
        20.0: lambda: server.vms.update({PAIR.id: broken}),
        60.0: lambda: server.vms.update({PAIR.id: list(PAIR.vms)}),
    }
    assert watch(server).wrong == {}


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("Health checks failed: 1 failing checks on router r-1-VM", "a"),
        ("(id-r-11-VM) is sick", "b"),
        ("network id-a is in need of a look", "a"),
        ("router r-1-VM just switch from UNKNOWN", None),
        ("Redundant virtual router r-1-VM just switch from UNKNOWN to PRIMARY", None),
        ("Redundant virtual router r-1-VM just switch from BACKUP to PRIMARY", None),
        ("More than one redundant virtual router is in PRIMARY state! Router r-1-VM and router r-2-VM", "a"),
        ("Agent of r-1-VM is up in zone Berlin", None),
        ("host h-1 is down", None),
        ("r-1-VM-old or xr-1-VM is sick", None),
    ],
)
def test_alerts(text: str, about: str | None) -> None:
    server = Watched()
    server.alert("router r-1-VM was sick long ago", -3600)
    server.happens = {30.0: lambda: server.alert(text, 30)}
    found = watch(server)
    assert found.wrong == ({about: f"a new alert: {text}"} if about else {})
    assert about is None or found.of(about).code == "Alerted"


@pytest.mark.parametrize("units", [CURRENT, OLD])
@pytest.mark.parametrize("health_zones", [frozenset(), ZONES])
def test_an_alert_that_comes_again_and_again_says_nothing_new(
    health_zones: frozenset[str], units: Sequence[Unit]
) -> None:
    """The check "old" has failed before."""
    server, text = Watched(units), "Health checks failed: 1 failing checks on router r-1-VM"
    server.known = [Alert(f"at {after}", text, BEGIN + after) for after in (-700, -100)]
    server.happens = {100.0: lambda: server.known.append(Alert("at 100", text, BEGIN + 100))}
    assert watch(server, health_zones=health_zones).wrong == {}


@pytest.mark.parametrize(("sent", "counts"), [(20.0, True), (-40.0, False)])
def test_an_alert_between_the_upgrade_and_the_watching_is_new(sent: float, counts: bool) -> None:
    """It is there when the alerts are first read, after the upgrade."""
    server = Watched(OLD)
    server.alert("router r-1-VM is sick", sent)
    assert bool(watch(server).wrong) is counts


def test_health_checks_that_failed_before_are_not_new() -> None:
    server = Watched()
    server.happens = {20.0: lambda: server.sicken("dns")}
    found = watch(server, health_zones=ZONES)
    assert found.wrong == {"a": "health checks fail that passed before (r-1-VM: dns)"}
    assert found.of("a").code == "Worse" and found.lasted_s < 150
    assert watch(server, health_zones=ZONES).wrong == {}
    server = Watched()
    server.happens = {20.0: lambda: server.sicken("dns")}
    assert watch(server).wrong == {}, "where they must not be asked for"


def test_health_checks_are_run_once_more_in_the_end() -> None:
    server = Watched()
    server.happens = {260.0: lambda: server.sicken("dns")}
    assert watch(server, health_zones=ZONES).of("a").code == "Worse"


@pytest.mark.parametrize("check", ["old", "seen-never-before"])
def test_a_health_check_that_did_not_pass_before_is_not_lost(check: str) -> None:
    server = Watched()
    server.happens = {20.0: lambda: server.sicken(check)}
    assert watch(server, health_zones=ZONES).wrong == {}


def test_health_checks_that_a_router_does_not_run_any_more_tell_nothing() -> None:
    server = Watched()
    server.ran_at = server.time
    server.happens = {20.0: lambda: server.sicken("dns")}
    assert watch(server, health_zones=ZONES).wrong == {}


def test_with_an_alert_it_says_which_health_check_fails() -> None:
    """Though health checks are run only every two minutes."""
    server = Watched()

    def sicken() -> None:
        server.sicken("dns")
        server.alert("Health checks failed: 1 failing checks on router r-1-VM", 20)

    server.happens = {20.0: sicken}
    found = watch(server, health_zones=ZONES)
    assert found.wrong["a"].endswith("; health checks fail that passed before (r-1-VM: dns)")
    assert found.lasted_s < 60


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ([(0.0, True), (50.0, False)], "203.0.113.7:443 (load balancing: web) does not answer since "),
        ([(0.0, True), (50.3, False), (50.5, True)], "203.0.113.7:443 (load balancing: web) did not answer for 0.2 s"),
    ],
    ids=["outage", "blink"],
)
@pytest.mark.parametrize("units", [CURRENT, OLD])
def test_what_does_not_answer(units: Sequence[Unit], seen: Seen, words: str) -> None:
    found = watch(Watched(units), seen=seen)
    assert found.wrong["a"].startswith(words)
    assert found.of("a").code == "Silent" and found.lasted_s < 90


def test_a_gap_of_the_upgrade_itself_is_no_failure() -> None:
    assert watch(Watched(OLD), seen=[(0.0, True), (1.0, False), (2.5, True)]).wrong == {}


def test_without_the_right_to_list_alerts() -> None:
    class Forbidden(Watched):
        def alerts(self) -> list[Alert] | None:
            return None

    found = watch(Forbidden())
    assert "alerts were not looked at: the account may not call listAlerts" in found.of("a").notes


@pytest.mark.parametrize("units", [CURRENT, OLD])
@pytest.mark.parametrize(
    ("ends", "code"),
    [({}, "Interrupted"), ({"wait_when_interrupted": True}, "Interrupted"), ({"deadline": BEGIN + 100}, "Deadline")],
)
def test_what_ends_a_run_ends_the_watching_of_what_is_proven(
    ends: dict[str, Any], code: str, units: Sequence[Unit]
) -> None:
    server = Watched(units)
    asked = (lambda: False) if "deadline" in ends else (lambda: server.time > BEGIN + 100)
    found = watch(server, interrupted=asked, **ends)
    assert {each.status for each in found.end.results} <= {UnitStatus.CURRENT, UnitStatus.UPGRADED}
    assert found.of("a").code == code and "; network a was watched for " in found.of("a").reason
    assert found.lasted_s < 120


def test_a_router_that_stops_before_the_run_is_stopped_has_failed() -> None:
    server = Watched(OLD)
    stopped = replace(OLD[0].vms[0], state="Stopped")
    server.happens = {98.0: lambda: server.vms.update({OLD[0].id: [stopped]})}
    found = watch(server, interrupted=lambda: server.time > BEGIN + 112, wait_when_interrupted=True)
    assert list(found.wrong) == ["a"]


@pytest.mark.parametrize("ends", [{"wait_when_interrupted": True}, {"deadline": BEGIN + 100}])
def test_what_is_no_more_watched_is_looked_at_once_more(ends: dict[str, Any]) -> None:
    """What is known of it may be some seconds old by then."""
    server = Watched()
    server.happens = {99.0: lambda: server.vms.update({CURRENT[0].id: [replace(ROUTER, state="Stopped")]})}
    asked = (lambda: False) if "deadline" in ends else (lambda: server.time > BEGIN + 100)
    assert watch(server, interrupted=asked, **ends).wrong == {"a": "r-1-VM is Stopped"}


@pytest.mark.parametrize("heals", [False, True])
def test_a_pair_that_is_not_whole_when_the_watching_ends_is_no_success(heals: bool) -> None:
    """It may be electing; whether it is whole again is waited for."""
    server = Watched([PAIR])
    broken = [replace(one, redundant_state="FAULT") for one in PAIR.vms]
    server.happens = {80.0: lambda: server.vms.update({PAIR.id: broken})}
    if heals:
        server.happens[130.0] = lambda: server.vms.update({PAIR.id: list(PAIR.vms)})
    found = watch(server, deadline=BEGIN + 100)
    assert bool(found.wrong) is not heals
    assert found.of("p").code == ("Deadline" if heals else "NotWhole")


def test_a_job_of_somebody_else_that_runs_when_the_watching_ends_is_waited_for() -> None:
    server = Watched()
    server.happens = {90.0: lambda: server.start(CURRENT[0], apply_rules(CURRENT[0].network_ids[0]))}
    server.seconds = {CURRENT[0].id: 40.0}
    found = watch(server, deadline=BEGIN + 100)
    assert found.wrong == {} and found.lasted_s > 125
