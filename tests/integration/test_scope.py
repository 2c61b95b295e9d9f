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
from tests.support.sampling import sampled

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
    sampled(
        1,
        [
            (UPGRADE, "sysvm_zone=Berlin", "sysvm_zone: did you mean sysvm_zones? No variable"),
            (CHECK, "sysvm_zones: Berlin", "sets nothing"),
        ],
    ),
)
def test_a_variable_that_nobody_reads_or_means_is_refused(
    cloud: Cloud, playbook: str, variable: str, says: str
) -> None:
    """Before the cloud is asked anything."""
    before = cloud.simulator.requests()["total"]
    assert_refused(cloud.playbook(playbook, "-e", variable), says)
    assert cloud.simulator.requests()["total"] == before


@pytest.mark.nightly
def test_an_expression_that_would_select_everything_is_refused(cloud: Cloud) -> None:
    assert_refused(cloud.upgrade(select='zone != "Berlin"'), "sysvm_select")


@pytest.mark.nightly
def test_a_name_that_fits_several_units_is_refused(cloud: Cloud) -> None:
    run = cloud.upgrade(names="web")
    assert_refused(run, "sysvm_names is ambiguous", cloud.id_of("web"), cloud.id_of("shop"))


def test_the_scope_is_said_first(cloud: Cloud) -> None:
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


def test_an_empty_scope_is_no_success(cloud: Cloud) -> None:
    run = cloud.upgrade(zones="Berlin", names="net")
    assert_refused(run, "No unit is in scope", "zones Berlin, names net")
    assert run.report["status"] == "empty"


LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


@pytest.mark.nightly
@pytest.mark.parametrize(("inventory", "limit"), [(True, ()), (True, ("--limit", "other")), (False, ())])
def test_hosts_that_are_not_there_are_refused(cloud: Cloud, inventory: bool, limit: tuple[str, ...]) -> None:
    """Ansible would pass over the play and end with 0."""
    hosts = cloud.folder / "inventory.yml"
    hosts.write_text(yaml.safe_dump({"all": {"hosts": {"control": LOCAL, "other": LOCAL}}}), encoding="utf-8")
    run = cloud.playbook(UPGRADE, *(["-i", str(hosts)] if inventory else []), *limit, "-e", "sysvm_clouds=typo")
    assert_refused(run, "sysvm_clouds (typo) has no host in the inventory")


SITE = """
- {{hosts: "mgmt,localhost", gather_facts: false, tags: [packages], tasks: [{{name: Packages, debug: {{msg: one}}}}]}}
- import_playbook: cloudstack.sysvm.{playbook}
  tags: [sysvm]
- {{hosts: mgmt, gather_facts: false, tags: [monitoring], tasks: [{{name: Monitoring, debug: {{msg: three}}}}]}}
"""


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ([], True),
        (["--tags", "packages"], False),
        (["--tags", "always"], False),
        (["--tags", "sysvm"], True),
        (["--tags", "packages,sysvm"], True),
        (["--skip-tags", "sysvm"], False),
        (["--skip-tags", "packages"], True),
        (["--limit", "mgmt"], False),
        (["--limit", "mgmt1,localhost"], True),
        (["--limit", "mgmt", "--tags", "sysvm"], False),
        (["--limit", "localhost", "--tags", "packages"], False),
        (["--start-at-task", "Packages"], True),
        (["--start-at-task", "Monitoring"], False),
    ],
)
@pytest.mark.parametrize("playbook", ["upgrade_sysvms", "check_sysvms"])
def test_in_a_site_the_play_does_what_is_meant(
    playbook: str, arguments: list[str], meant: bool, tmp_path: Path
) -> None:
    """d1: tags, limits and the task to start at are the site's; what they leave out is passed over."""
    with Cloud(estate(networks=[{"name": "net"}]), tmp_path) as cloud:
        site, hosts = tmp_path / "site.yml", tmp_path / "inventory.yml"
        site.write_text(SITE.format(playbook=playbook), encoding="utf-8")
        inventory = {"mgmt": {"hosts": {"mgmt1": LOCAL, "mgmt2": LOCAL}}, "ungrouped": {"hosts": {"localhost": LOCAL}}}
        hosts.write_text(yaml.safe_dump({"all": {"children": inventory}}), encoding="utf-8")
        run = cloud.playbook(str(site), "-i", str(hosts), *arguments, "-e", "sysvm_kinds=router")
        assert run.rc == 0, run.output
        assert bool(run.journal) is (meant and playbook == "upgrade_sysvms"), run.output
        assert ("Scope: " in run.stdout) is meant


@pytest.mark.parametrize("part", sampled(1, ["Upgrade step by step", "Report, whatever happened"]))
def test_a_part_of_the_run_alone_touches_nothing(cloud: Cloud, part: str) -> None:
    run = cloud.playbook(UPGRADE, "--start-at-task", part)
    assert run.rc != 0 and run.journal == []
    assert "there is no plan to carry out" in run.output and "leave out --start-at-task" in run.output


@pytest.mark.nightly
def test_what_was_refused_is_not_carried_out_where_errors_are_ignored(tmp_path: Path) -> None:
    """A control file from before is refused when the run begins, after the plan."""
    parts = [
        {"name": part, "ansible.builtin.include_role": {"name": f"cloudstack.sysvm.{part}"}}
        for part in ("preflight", "upgrade", "report")
    ]
    with Cloud(estate(networks=[{"name": "net"}]), tmp_path) as cloud:
        tmp_path.joinpath("sysvm-report").mkdir()
        tmp_path.joinpath("sysvm-report/control").write_text("parallel: 3", encoding="utf-8")
        play = {"hosts": "localhost", "gather_facts": False, "ignore_errors": True, "tasks": parts}
        run = cloud.playbook(str(cloud.write_playbook(play)))
        assert run.journal == [] and "Traceback" not in run.output
        assert run.report["status"] == "refused" and "control" in run.report["error"], run.report["error"]


@pytest.mark.nightly
@pytest.mark.parametrize("inventory", [(), ("-i", "localhost,"), ("-i", "clouds,")])
def test_the_syntax_can_be_checked_with_and_without_an_inventory(cloud: Cloud, inventory: tuple[str, ...]) -> None:
    run = cloud.playbook(
        UPGRADE, "--syntax-check", *inventory, "-e", "sysvm_clouds=clouds" if "clouds," in inventory else "sysvm_my_x=1"
    )
    assert run.rc == 0, run.output
    assert cloud.playbook(UPGRADE, "--syntax-check", "-e", "sysvm_clouds=clouds").rc == 0


@pytest.mark.parametrize(
    ("variable", "given"),
    sampled(
        1,
        [("names", []), ("select", " "), ("names", [None]), ("names", ","), ("zones", [""]), ("exclude_names", [None])],
    ),
)
def test_a_list_that_comes_out_empty_is_refused(cloud: Cloud, variable: str, given: object) -> None:
    run = cloud.playbook(UPGRADE, "-e", json.dumps({f"sysvm_{variable}": given}))
    assert_refused(run, f"sysvm_{variable} is given, but names nothing")


def test_a_playbook_may_leave_a_variable_out_by_omit(cloud: Cloud) -> None:
    """As an empty text, which is refused, was used for."""
    optional = {"sysvm_names": "{{ mine | default(omit) }}", "sysvm_kinds": "{{ my_kinds | default(omit) }}"}
    role = {"ansible.builtin.include_role": {"name": "cloudstack.sysvm.preflight"}, "vars": optional}
    play = cloud.write_playbook({"hosts": "localhost", "gather_facts": False, "tasks": [role]})
    run = cloud.playbook(str(play), "-e", "my_kinds=router")
    assert run.rc == 0 and "kinds router;" in run.stdout, run.output


def test_what_a_shell_variable_leaves_that_is_not_set_is_refused(cloud: Cloud) -> None:
    """It would be the whole cloud, without an approval."""
    assert_refused(cloud.playbook(UPGRADE, "-e", "sysvm_approved_plan="), "sysvm_approved_plan is given, but")


@pytest.mark.nightly
def test_a_name_that_awx_makes_a_number_of_is_refused(tmp_path: Path) -> None:
    """AWX writes answers as !unsafe texts, which ansible-core 2.19 and newer types again: 010 would be network 8."""
    with Cloud(estate(networks=[{"name": "010"}, {"name": "8"}]), tmp_path) as cloud:
        answers = tmp_path / "answers.yml"
        for text, refused in (("010", True), ("010,", False)):
            answers.write_text(f"!unsafe 'sysvm_names': !unsafe '{text}'\n", encoding="utf-8")
            run = cloud.playbook(UPGRADE, "-e", f"@{answers}")
            patched = [name for name, count in cloud.patches().items() if count]
            assert [cloud.vms()[name]["network"] for name in patched] == ([] if refused and run.rc else ["010"])


@pytest.mark.nightly
def test_a_survey_may_give_text_for_lists_numbers_and_flags(tmp_path: Path) -> None:
    """Unanswered questions, a textarea, and all else as text."""
    answers = {
        **dict.fromkeys(("sysvm_names", "sysvm_deadline", "sysvm_parallel", "sysvm_canaries", "sysvm_method"), ""),
        **dict.fromkeys(("sysvm_kinds", "sysvm_timeouts", "sysvm_waves", "sysvm_select", "sysvm_hooks"), ""),
        **dict.fromkeys(("sysvm_api_url", "sysvm_validate_certs", "sysvm_clouds", "sysvm_on_interrupt"), ""),
        "sysvm_zones": "Berlin\n",
        "sysvm_exclude_names": "s-1-VM\r\nv-2-VM",
        "sysvm_max_failures": "1",
        "sysvm_recreate": [],
        "awx_job_id": 7,
    }
    with Cloud(estate(networks=[{"name": "net"}, {"name": "other"}]), tmp_path) as cloud:
        run = cloud.playbook(UPGRADE, "-e", json.dumps(answers))
    assert (run.rc, run.statuses) == (0, {"net": "upgraded", "other": "upgraded"}), run.output


@pytest.mark.nightly
def test_variables_of_ones_own_are_let_through(cloud: Cloud) -> None:
    assert cloud.check("-e", "sysvm_my_ticket=42").rc == 0


def test_two_hosts_with_one_cloud_are_refused(tmp_path: Path) -> None:
    with Cloud(estate(networks=[{"name": "net"}]), tmp_path) as cloud:
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        inventory = tmp_path / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"clouds": {"hosts": {"a": local, "b": local}}}), encoding="utf-8")
        for strategy in ("linear", "free"):
            run = cloud.playbook(
                UPGRADE, "-i", str(inventory), "-e", "sysvm_clouds=clouds", env={"ANSIBLE_STRATEGY": strategy}
            )
            assert run.rc != 0 and "have the same endpoint" in run.output
            if strategy == "linear":
                assert run.journal == []
            else:
                assert set(cloud.patches().values()) <= {0, 1}, "one of them is refused, whatever the other does"
