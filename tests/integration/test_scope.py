# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Never more than meant: what a run may touch is said before it begins, and a scope that is missed stops it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.estates import estate
from tests.support.runner import CHECK, UPGRADE, Cloud, Run

pytestmark = pytest.mark.slow

TWO_ZONES = estate(
    zones=[{"name": "Berlin"}, {"name": "Hamburg, Nord"}],
    networks=[{"name": "web"}, {"name": "net", "zone": "Hamburg, Nord"}],
    vpcs=[{"name": "shop", "tiers": ["web", "db"]}],
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(TWO_ZONES, tmp_path_factory.mktemp("scope")) as cloud:
        yield cloud


def assert_refused(run: Run, *says: str) -> None:
    assert run.rc != 0, run.output
    assert run.journal == []
    assert "Traceback" not in run.output and "Run again" not in run.output
    for part in says:
        assert part in run.output


@pytest.mark.parametrize(
    ("playbook", "variable", "says"),
    [
        (UPGRADE, "sysvm_zone=Berlin", "sysvm_zone: did you mean sysvm_zones?"),
        (CHECK, "sysvm_zones: Berlin", "sets nothing"),
    ],
)
def test_d2_d8_m6_what_is_not_read_or_not_meant(cloud: Cloud, playbook: str, variable: str, says: str) -> None:
    """Before the cloud is asked anything."""
    before = cloud.simulator.requests()["total"]
    assert_refused(cloud.playbook(playbook, "-e", variable), says)
    assert cloud.simulator.requests()["total"] == before


def test_d4_an_expression_that_would_select_everything(cloud: Cloud) -> None:
    assert_refused(cloud.upgrade(select='zone != "Berlin"'), "sysvm_select")


def test_d5_a_name_that_fits_several_units(cloud: Cloud) -> None:
    run = cloud.upgrade(names="web")
    assert_refused(run, "sysvm_names is ambiguous", cloud.id_of("web"), cloud.id_of("shop"))


def test_d3_d7_the_scope_is_the_first_that_is_said(cloud: Cloud) -> None:
    run = cloud.check(
        "-e",
        "sysvm_zones=Berlin",
        "-e",
        "sysvm_deadline=23:59",
        "-e",
        "sysvm_max_failures=50%",
        env={"TZ": "Europe/Berlin"},
    )
    assert run.rc == 0
    shown = [line for line in run.stdout.splitlines() if line.startswith(("Scope: ", "Upgrade to", "Step "))]
    assert shown[0].startswith("Scope: cloud 127.0.0.1:") and "(2 zones); zones Berlin; method auto; until " in shown[0]
    assert " 23:59 (CE" in shown[0] and "(50%)" in shown[0]


def test_w7_an_empty_scope_is_no_success(cloud: Cloud) -> None:
    run = cloud.upgrade(zones="Berlin", names="net")
    assert_refused(run, "No unit is in scope", "zones Berlin, names net")
    assert run.report["status"] == "empty"


@pytest.mark.parametrize(
    ("playbook", "arguments"),
    [
        (UPGRADE, ["-e", "sysvm_hosts=typo"]),
        (CHECK, ["--limit", "other"]),
        (UPGRADE, ["-e", "sysvm_hosts=control", "--limit", "other"]),
    ],
)
def test_w6_nothing_done_is_no_success(cloud: Cloud, playbook: str, arguments: list[str]) -> None:
    inventory = cloud.folder / "inventory"
    local = "ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'"
    inventory.write_text(f"control {local}\nother {local}\n", encoding="utf-8")
    run = cloud.playbook(playbook, "-i", str(inventory), *arguments)
    assert run.rc != 0 and run.journal == []
    assert "sysvm_hosts" in run.output and "Traceback" not in run.output


def test_w6_no_tag_leaves_out_the_plan(tmp_path: Path) -> None:
    with Cloud(estate(networks=[{"name": "net"}]), tmp_path) as cloud:
        run = cloud.playbook(UPGRADE, "-t", "upgrade", "-e", "sysvm_kinds=router")
    assert (run.rc, run.counts) == (0, {"upgraded": 1})


def test_w8_w9_forms_of_a_survey(tmp_path: Path) -> None:
    """Unanswered questions, a textarea, and all else as text."""
    answers = {
        **dict.fromkeys(("sysvm_names", "sysvm_deadline", "sysvm_parallel", "sysvm_canary", "sysvm_method"), ""),
        **dict.fromkeys(("sysvm_kinds", "sysvm_job_timeout", "sysvm_steps", "sysvm_select", "sysvm_before_step"), ""),
        **dict.fromkeys(("sysvm_api_url", "sysvm_validate_certs", "sysvm_hosts", "sysvm_on_interrupt"), ""),
        "sysvm_zones": "Berlin\n",
        "sysvm_exclude_names": "s-1-VM\r\nv-2-VM",
        "sysvm_max_failures": "1",
        "sysvm_allow_degraded": "no",
    }
    with Cloud(estate(networks=[{"name": "net"}, {"name": "other"}]), tmp_path) as cloud:
        run = cloud.playbook(UPGRADE, "-e", json.dumps(answers))
    assert (run.rc, run.statuses) == (0, {"net": "upgraded", "other": "upgraded"}), run.output


def test_variables_of_ones_own_are_let_through(cloud: Cloud) -> None:
    assert cloud.check("-e", "sysvm_my_ticket=42").rc == 0


def test_d6_two_hosts_with_one_cloud(tmp_path: Path) -> None:
    with Cloud(estate(networks=[{"name": "net"}]), tmp_path) as cloud:
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        inventory = tmp_path / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"clouds": {"hosts": {"a": local, "b": local}}}), encoding="utf-8")
        for strategy in ("linear", "free"):
            run = cloud.playbook(
                UPGRADE, "-i", str(inventory), "-e", "sysvm_hosts=clouds", env={"ANSIBLE_STRATEGY": strategy}
            )
            assert run.rc != 0 and "have the same endpoint" in run.output
            if strategy == "linear":
                assert run.journal == []
            else:
                assert set(cloud.patches().values()) <= {0, 1}, "one of them is refused, whatever the other does"
