# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says of what is going to be probed, and of what was measured before."""

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.endpoints import Endpoint, Probed, Tried
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.catalogue import probes_answer
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import (
    CheckContext,
    CheckStatus,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.impact import Gaps, Impact
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan import decide_all, make_plan
from tests.unit.builders import estate, make_policy, network_unit

WEB = Endpoint("203.0.113.7", 443, "load balancing: web")
SHOP = Endpoint("203.0.113.8", 80, "port forwarding")


@pytest.mark.parametrize(
    ("probed", "status", "words"),
    [
        (None, CheckStatus.OK, "nothing is to be probed"),
        (Probed({}), CheckStatus.OK, "no unit in scope"),
        (Probed({"a": [WEB]}, [Tried("here", 1, ())]), CheckStatus.OK, "1 of 1 addresses answer here"),
        (
            Probed({"a": [WEB, SHOP]}, [Tried("here", 1, (SHOP,))]),
            CheckStatus.WARN,
            "1 of 2 addresses do not answer here",
        ),
        (Probed({"a": [WEB]}, [Tried("here", 0, (WEB,))]), CheckStatus.FAIL, "none of 1 addresses answers here"),
        (Probed({"a": [WEB]}, [Tried("x", 1, ()), Tried("y", 0, (WEB,))]), CheckStatus.FAIL, "answers y"),
    ],
)
def test_a_place_without_a_route_is_said_before_the_run(probed: Probed | None, status: CheckStatus, words: str) -> None:
    answer = probes_answer(probed, ())
    assert (answer.status, words in answer.seen) == (status, True), answer.seen
    assert (status is CheckStatus.OK) or answer.remedy
    if status is CheckStatus.FAIL:
        assert "sysvm_probe_from" in answer.remedy
        assert probes_answer(probed, ("probes",)).status is CheckStatus.IGNORED


def test_the_plan_names_what_is_watched_and_what_was_measured() -> None:
    cloud, policy = estate(network_unit("web"), network_unit("shop")), make_policy(canaries=False)
    probed = Probed({"id-web": [WEB]}, [Tried("here", 1, ())])
    context = CheckContext(cloud, decide_all(cloud, cloud.units, policy), policy, probed)
    units = make_plan(context, gaps={("network", "live_patch"): Gaps(0.8, 2.1)}).as_dict()["units"]
    assert {unit["name"]: unit["endpoints"] for unit in units} == {"web": [WEB.as_dict()], "shop": []}
    assert all(unit["impact"].endswith("(measured here last time: 0.8 s to 2.1 s)") for unit in units)


def test_no_gap_is_said_too() -> None:
    assert str(Impact("restarts DNS", measured=Gaps(0.0, 0.0))) == "restarts DNS (measured here last time: no gap)"
