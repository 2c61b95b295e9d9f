# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is new while units are watched after their upgrade; in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.probes import Probes
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Alert
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.soaking import Soak, Soaked
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import Health, HealthCheck
from tests.unit.builders import NEW, SITUATION, TARGET_TEXT, network_unit, pair, version, vm
from tests.unit.rollout.fake import FakeServer
from tests.unit.rollout.schedule import WEB, Schedule, Seen

UNITS = [
    network_unit(name, vm(f"r-{number}-VM", software=TARGET_TEXT, scripts="new-scripts"))
    for number, name in ((1, "a"), (11, "b"))
]
BEGIN = FakeServer([]).clock()


class Watched(FakeServer):
    """To which something happens while it is watched."""

    def __init__(self, units: Sequence[Unit] = UNITS) -> None:
        super().__init__(units)
        self.known: list[Alert] = []
        self.happens: dict[float, Callable[[], object]] = {}

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
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
        self.health[UNITS[0].vms[0].id] = {check: Health.FAILED}

    def alert(self, text: str, after: float) -> None:
        self.known.append(Alert(text, text, BEGIN + after))

    def result(self, job_id: str) -> Job:
        return Job(job_id, JobStatus.SUCCEEDED, created=self.stamp(BEGIN - 90), completed=self.stamp(BEGIN - 30))


@dataclass(frozen=True)
class Watch:
    """How it ended, and what a person was told."""

    end: Soaked
    lines: Sequence[str]

    @property
    def wrong(self) -> dict[str, str]:
        return {unit.name: self.end.wrong[unit.id] for unit in UNITS if unit.id in self.end.wrong}


def watch(server: Watched, seconds: float = 300.0, seen: Seen | None = None, **facts: Any) -> Watch:
    lines: list[str] = []
    watched = {UNITS[0].id: [WEB]} if seen else {}
    probes = Probes(watched, [Schedule(server, seen or [])], patience_s=20, now=server.clock)
    clock: dict[str, Any] = {"clock": server.clock, "sleep": server.sleep}
    soak = Soak(server, UNITS, SITUATION, probes, write=lines.append, **clock, **facts)
    return Watch(soak.run(seconds), [line.split("soak")[1].strip() for line in lines])


def test_nothing_new() -> None:
    found = watch(Watched(), seen=[(0.0, True)])
    assert (found.wrong, found.end.interrupted, found.end.notes) == ({}, False, ())
    assert 300 <= found.end.lasted_s < 310
    assert found.lines == ["2 unit(s) are watched for 5 min", "nothing new"]


def test_a_router_that_stops() -> None:
    server = Watched()
    server.happens = {20.0: lambda: server.vms.update({UNITS[0].id: [replace(UNITS[0].vms[0], state="Stopped")]})}
    found = watch(server)
    assert found.wrong == {"a": "r-1-VM is Stopped"}
    assert found.end.lasted_s < 60, "it ends at once"
    assert found.lines[-1] == "network a: r-1-VM is Stopped"


def test_a_router_that_is_away_for_one_look_is_read_again() -> None:
    class Blinking(Watched):
        def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
            self.looks["all"] = self.looks.get("all", 0) + 1
            return [] if self.looks["all"] == 3 else super().read(unit, new_disks=new_disks)

    assert watch(Blinking()).wrong == {}


def replaced(*routers: Vm) -> Callable[[Watched], object]:
    return lambda server: server.vms.update({UNITS[0].id: list(routers)})


ROUTER = UNITS[0].vms[0]
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


def test_what_its_owner_deleted_is_no_failure() -> None:
    class Deleted(Watched):
        def owner(self, unit: Unit) -> Unit | None:
            return super().owner(unit) if self.vms[unit.id] else None

    server = Deleted()
    server.happens = {20.0: lambda: server.vms.update({UNITS[0].id: []})}
    assert watch(server).wrong == {}


PAIR = network_unit("p", *pair("r", software=TARGET_TEXT))


@pytest.mark.parametrize(
    ("before", "after", "wrong"),
    [
        (["PRIMARY", "BACKUP"], ["BACKUP", "PRIMARY"], False),  # its own failover
        (["PRIMARY", "FAULT"], ["PRIMARY", "FAULT"], False),  # as it was
        (["PRIMARY", "BACKUP"], ["PRIMARY", "FAULT"], True),
    ],
)
def test_a_pair_counts_that_is_not_whole_any_more(before: list[str], after: list[str], wrong: bool) -> None:
    def with_states(states: list[str]) -> list[Vm]:
        return [replace(one, redundant_state=state) for one, state in zip(PAIR.vms, states, strict=True)]

    server = Watched([replace(PAIR, vms=tuple(with_states(before)))])
    server.happens = {20.0: lambda: server.vms.update({PAIR.id: with_states(after)})}
    soak = Soak(server, list(server.units.values()), SITUATION, Probes(), clock=server.clock, sleep=server.sleep)
    assert bool(soak.run(300.0).wrong) is wrong


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
    assert watch(server).wrong == ({about: f"a new alert: {text}"} if about else {})


@pytest.mark.parametrize("health_zones", [frozenset(), frozenset({"id-zone"})])
def test_an_alert_that_comes_again_and_again_says_nothing_new(health_zones: frozenset[str]) -> None:
    """The check "old" has failed before."""
    server, text = Watched(), "Health checks failed: 1 failing checks on router r-1-VM"

    def alert(after: float) -> None:
        server.known.append(Alert(f"at {after}", text, BEGIN + after))

    alert(-700)
    alert(-100)
    server.happens = {100.0: lambda: alert(100)}
    assert watch(server, health_zones=health_zones).wrong == {}


@pytest.mark.parametrize(("sent", "counts"), [(-20.0, True), (-40.0, False)])
def test_an_alert_between_the_upgrade_and_the_watch_is_new(sent: float, counts: bool) -> None:
    """The job of the upgrade ended 30 s before."""
    server = Watched()
    server.alert("router r-1-VM is sick", sent)
    jobs = {UNITS[0].vms[0].id: ["job"]}
    assert bool(watch(server, jobs=jobs).wrong) is counts


def test_health_checks_that_failed_before_are_not_new() -> None:
    zones = frozenset({"id-zone"})
    server = Watched()
    server.happens = {20.0: lambda: server.sicken("dns")}
    assert watch(server, health_zones=zones).wrong == {"a": "r-1-VM fails health checks that it passed before: dns"}
    assert watch(server, health_zones=zones).wrong == {}
    server = Watched()
    server.happens = {20.0: lambda: server.sicken("dns")}
    assert watch(server).wrong == {}, "where they must not be asked for"


@pytest.mark.parametrize("check", ["old", "seen-never-before"])
def test_a_health_check_that_did_not_pass_before_is_not_lost(check: str) -> None:
    server = Watched()
    server.happens = {20.0: lambda: server.sicken(check)}
    assert watch(server, health_zones=frozenset({"id-zone"})).wrong == {}


def test_health_checks_that_a_router_does_not_run_any_more_tell_nothing() -> None:
    server = Watched()
    server.ran_at = server.time
    server.happens = {20.0: lambda: server.sicken("dns")}
    assert watch(server, health_zones=frozenset({"id-zone"})).wrong == {}


def test_with_an_alert_it_says_which_health_check_fails() -> None:
    """Though health checks are run only every two minutes."""
    server = Watched()

    def sicken() -> None:
        server.sicken("dns")
        server.alert("Health checks failed: 1 failing checks on router r-1-VM", 20)

    server.happens = {20.0: sicken}
    found = watch(server, health_zones=frozenset({"id-zone"}))
    assert found.wrong["a"].endswith("; r-1-VM fails health checks that it passed before: dns")
    assert found.end.lasted_s < 60


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ([(0.0, True), (50.0, False)], "203.0.113.7:443 (load balancing: web) does not answer since "),
        ([(0.0, True), (50.3, False), (50.5, True)], "203.0.113.7:443 (load balancing: web) did not answer for 0.2 s"),
    ],
    ids=["outage", "blink"],
)
def test_what_does_not_answer(seen: Seen, words: str) -> None:
    found = watch(Watched(), seen=seen)
    assert found.wrong["a"].startswith(words)
    assert found.end.lasted_s < 60


def test_without_the_right_to_list_alerts() -> None:
    class Forbidden(Watched):
        def alerts(self) -> list[Alert] | None:
            return None

    found = watch(Forbidden())
    assert found.end.notes == ("alerts were not looked at: the account may not call listAlerts",)


def test_it_ends_when_it_is_interrupted() -> None:
    server = Watched()
    found = watch(server, interrupted=lambda: server.time > BEGIN + 40)
    assert found.end.interrupted and found.end.lasted_s < 45
    assert found.lines[-1] == "interrupted"
