# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever one list lacks, on whichever release: nothing more is recreated for it, and it is said."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy
from tests.simulator.releases import BEFORE, estate_of
from tests.support.examples import examples
from tests.support.virtual import VirtualSimulator

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

Params = dict[str, Any]

# Which of the answers come short.
WHEN: dict[str, Callable[[Params], bool]] = {
    "every answer": lambda params: True,
    "lists, not what is asked for by its id": lambda params: not {"id", "virtualmachineid"} & params.keys(),
    "what is asked for with projects": lambda params: "projectid" in params,
    "what is asked for without projects": lambda params: "projectid" not in params,
    "the second page": lambda params: params.get("page") == 2,
}


@dataclass
class Relay:
    """Between here and the server: takes rows out of the answers of one command."""

    command: str = ""
    rows: Collection[str] = ()
    when: str = "every answer"
    times: float = float("inf")
    keeps_count: bool = False

    def pass_on(self, command: str, params: Params, answer: dict[str, Any]) -> dict[str, Any]:
        items = rows_of(answer)
        kept = [item for item in items if name_of(item) not in self.rows]
        if command != self.command or len(kept) == len(items) or not self.times or not WHEN[self.when](params):
            return answer
        self.times -= 1
        count = answer["count"] if self.keeps_count else answer["count"] - len(items) + len(kept)
        return {name: kept if value is items else value for name, value in answer.items()} | {"count": count}


def rows_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return next((value for value in answer.values() if isinstance(value, list)), [])


def name_of(item: dict[str, Any]) -> str:
    return str(item.get("id") or item.get("name") or item.get("jobid"))


class RelayedClient(Client):
    """What the server once answered is not asked for again: nothing changes here."""

    def __init__(self, simulator: VirtualSimulator, relay: Relay, answers: dict[str, dict[str, Any]]) -> None:
        connection = Connection(simulator.url, simulator.key, simulator.secret)
        super().__init__(connection, sleep=simulator.sleep, clock=simulator.clock.time)
        self._relay, self._answers = relay, answers

    def _call(self, command: str, params: Any, **more: Any) -> dict[str, Any]:
        asked = f"{command} {sorted(params.items())}"
        if asked not in self._answers:
            self._answers[asked] = super()._call(command, params, **more)
        return self._relay.pass_on(command, params, self._answers[asked])


@dataclass
class Planned:
    """A plan, as far as it matters here; or the refusal to make one.

    :ivar told: all that a person reads of what is wrong.
    """

    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: str = ""
    refused: bool = False

    def loses(self) -> set[str]:
        """Units of which something would be destroyed, and what a person is told to destroy."""
        return {
            unit["id"]
            for unit in self.units.values()
            if unit["method"] == "recreate" or "destroy" in unit["reason"].replace("was destroyed", "")
        }

    def acts(self) -> set[tuple[str, str]]:
        """What is done to which unit."""
        units = self.units.values()
        return {(unit["id"], unit["method"]) for unit in units if unit["method"] not in ("none", "skip")}


def planned(
    simulator: VirtualSimulator, method: WantedMethod, relay: Relay, answers: dict[str, dict[str, Any]]
) -> Planned:
    policy = Policy(strategy=Strategy(method=method))
    with RelayedClient(simulator, relay, answers) as client:
        try:
            values = check_versions(client, CheckRequest(policy, False)).values
        except SysvmError as refusal:
            return Planned(told=f"{refusal} {refusal.remedy}", refused=True)
    plan, checks = values["plan"], [each for each in values["checks"] if each["status"] != "ok"]
    units = {unit["id"]: unit for unit in plan["units"]}
    told = [
        *(f"{each['name']}: {each['seen']}" for each in checks),
        *(f"{each['name']}: {each['because']}" for each in plan["not_handled"]),
        *(f"{unit['name']}: {unit['reason']}" for unit in units.values() if unit["method"] != "none"),
        *plan["server_notes"],
    ]
    return Planned(units, "\n".join(told))


def words_for(unit: dict[str, Any]) -> set[str]:
    """One of these has to be told where a unit is not in the plan that is there."""
    words = {unit["id"], unit["name"], *(vm["name"] for vm in unit["vms"])}
    kind = {"ssvm": "SSVM", "cpvm": "CPVM"}.get(unit["kind"])
    return words | ({f"zone {unit['zone']} has no {kind}"} if kind else {"of a VM that its own list leaves out"})


def releases() -> st.SearchStrategy[str]:
    return st.sampled_from(list(BEFORE))


@given(data=st.data())
@settings(examples(25), suppress_health_check=list(HealthCheck))
def test_what_a_list_lacks_makes_nothing_be_recreated_and_is_said(data: st.DataObject) -> None:
    release = data.draw(releases(), "release")
    spec = estate_of(release)
    for section in ("networks", "vpcs"):
        spec[section] = data.draw(st.lists(st.sampled_from(spec[section]), unique_by=lambda each: each["name"]))
    if data.draw(st.booleans(), "is upgraded"):
        spec["defaults"]["version"] = ".".join(release.split(".")[:3])
    spec["settings"] = {"default.page.size": data.draw(st.sampled_from(["500", "3"]), "page size")}
    method = data.draw(st.sampled_from(WantedMethod), "method")
    answers: dict[str, dict[str, Any]] = {}
    with VirtualSimulator(spec) as simulator:
        right = planned(simulator, method, Relay(), answers)
        assert not right.refused, right.told
        rows: dict[str, set[str]] = {}
        for asked, answer in answers.items():
            rows.setdefault(asked.split()[0], set()).update(map(name_of, rows_of(answer)))
        command = data.draw(st.sampled_from(sorted(each for each in rows if rows[each])), "list")
        relay = Relay(
            command,
            data.draw(st.sets(st.sampled_from(sorted(rows[command])), min_size=1), "rows"),
            data.draw(st.sampled_from(list(WHEN)), "when"),
            data.draw(st.sampled_from([1, float("inf")]), "times"),
            data.draw(st.booleans(), "keeps count"),
        )
        found = planned(simulator, method, relay, answers)
    note(found.told)
    assert found.loses() <= right.loses()
    if release != "4.17.2.0":  # no list of disks shows there that a network has its router
        assert found.acts() <= right.acts()
    for identity in () if found.refused else right.units.keys() - found.units.keys():
        assert any(words in found.told for words in words_for(right.units[identity])), right.units[identity]["label"]
