# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks in docs/examples do what they say; what is a placeholder there is filled in as a user would."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.estates import VERSION, estate
from tests.support.runner import Cloud, Run, extra_vars

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/examples"
PLAYBOOKS = sorted(path.name for path in EXAMPLES.glob("*.yml"))
ACME = {"account": "acme", "domain": "Customers/Acme"}
SHOP = {"account": "shop", "domain": "Customers/Shop"}


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_each_says_what_it_is_for(name: str) -> None:
    opening = (EXAMPLES / name).read_text(encoding="utf-8").partition("\n\n")[0]
    for words in ("\n# For whom: ", "\n# What: ", "\n# Call: ", "ansible-playbook ", f" {name}"):
        assert words in opening
    assert f"| [`{name}`]({name}) |" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


def copied(folder: Path, **tasks: list[dict[str, Any]]) -> None:
    """The examples as somebody has copied them and written tasks of their own."""
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    for name, content in tasks.items():
        path = folder / "tasks" / f"{name}.yml"
        assert path.exists(), "the example does not include it"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")


def note(path: Path, line: str) -> dict[str, Any]:
    """A task that appends a line to a file."""
    return {
        "name": "Note",
        "ansible.builtin.shell": {"cmd": "cat >> {{ path | quote }}", "stdin": line},
        "vars": {"path": str(path)},
    }


@pytest.mark.slow
@pytest.mark.nightly
def test_a_whole_upgrade_in_order(tmp_path: Path) -> None:
    said = tmp_path / "said"

    def upgrade(**more: bool) -> dict[str, Any]:
        address = "{{ lookup('ansible.builtin.env', 'CLOUDSTACK_ENDPOINT') | urlsplit('netloc') }}"
        body = {"version": VERSION, **more}
        options = {"url": f"http://{address}/_simulator/upgrade", "method": "POST", "body_format": "json", "body": body}
        return {"name": "Upgrade", "ansible.builtin.uri": options}

    here = {"connection": "local", "python_interpreter": sys.executable}
    call = ["-i", "inventory/cloudstack_upgrade.yml", "-e", "cloudstack_version=4.22", "cloudstack_upgrade.yml"]
    call += ["-e", json.dumps({f"ansible_{name}": value for name, value in here.items()})]
    nets = [{"name": "net"}, {"name": "pair", "redundant": True}]
    with Cloud(estate(server={"version": "4.20.1.0"}, networks=nets), tmp_path) as cloud:
        copied(tmp_path)
        run = cloud.playbook(call[0], *call[1:])
        assert run.rc == 2 and "Write in tasks/stop_management_server.yml how" in run.output
        copied(
            tmp_path,
            stop_management_server=[note(said, "stop {{ inventory_hostname }}")],
            upgrade_management_server=[note(said, "server {{ inventory_hostname }}"), upgrade()],
            upgrade_agent=[note(said, "agent {{ inventory_hostname }}"), upgrade(hosts=True)],
            notify=[note(said, "{{ sysvm_report.status }} {{ sysvm_report.summary | to_json }}")],
        )
        run = cloud.playbook(call[0], *call[1:])
        assert run.rc == 0, run.output
        assert "Forecast: as if the management server ran 4.22; it runs 4.20.1.0" in run.stdout
        assert run.counts == {"upgraded": 4}
        assert set(run.targets) == set(run.units)
    lines = said.read_text(encoding="utf-8").splitlines()
    servers = [f"{name}.example.com" for name in ("mgmt-1", "mgmt-2")]
    assert sorted(lines[:2]) == [f"stop {name}" for name in servers], "both before the first is upgraded"
    assert lines[2:4] == [f"server {name}" for name in servers]
    assert sorted(lines[4:-1]) == [f"agent kvm-0{number}.example.com" for number in (1, 2, 3)]
    assert lines[-1] == 'success {"upgraded": 4}'


@pytest.mark.slow
@pytest.mark.nightly
def test_zone_after_zone_and_none_after_one_that_failed(tmp_path: Path) -> None:
    copied(tmp_path)
    zones = [{"name": "Amsterdam"}, {"name": "Zürich"}]
    nets = [{"name": "first", "zone": "Amsterdam"}, {"name": "second", "zone": "Zürich"}]
    fault = {"kind": "silent_patch_failure", "match": {"name": "first"}, "times": 2}
    routers = extra_vars({"kinds": "router"})
    with Cloud(estate(zones=zones, networks=nets, faults=[fault]), tmp_path) as cloud:
        run = cloud.playbook("zones.yml", *routers)
        assert (run.rc, {*run.targets}) == (2, {"first"}), run.output
        run = cloud.playbook("zones.yml", *routers)
        assert (run.rc, run.targets) == (0, ["first", "second"]), run.output
    for zone in ("Amsterdam", "Zürich"):
        report = json.loads((tmp_path / "sysvm-report" / zone / "latest/report.json").read_text(encoding="utf-8"))
        assert report["status"] == "success"
        assert f"zones {zone}," in report["scope"] and "; until " in report["scope"]


@pytest.mark.slow
@pytest.mark.nightly
def test_two_clouds_at_once(tmp_path: Path) -> None:
    west_folder = tmp_path / "west"
    west_folder.mkdir()
    with (
        Cloud(estate(networks=[{"name": "net-e"}]), tmp_path) as east,
        Cloud(estate(networks=[{"name": "net-w"}]), west_folder) as west,
    ):
        copied(tmp_path)
        clouds = {"east": east.simulator, "west": west.simulator}
        env = {name: "" for name in east.simulator.environment()}
        for name, cloud in clouds.items():
            env |= {f"{name.upper()}_KEY": cloud.key, f"{name.upper()}_SECRET": cloud.secret}
        # Theirs are elsewhere.
        urls = {"clouds": {"hosts": {name: {"sysvm_api_url": cloud.url} for name, cloud in clouds.items()}}}
        (tmp_path / "urls.yml").write_text(yaml.safe_dump(urls), encoding="utf-8")
        inventories = ["-i", "inventory/two_clouds.yml", "-i", "urls.yml"]
        run = east.playbook("two_clouds.yml", *inventories, *extra_vars({"kinds": "router"}), env=env)
        assert run.rc == 0, run.output
        assert [run.targets, [call["target"] for call in west.simulator.journal()]] == [["net-e"], ["net-w"]]
    for name in clouds:
        report = json.loads((tmp_path / "sysvm-report" / name / "latest/report.json").read_text(encoding="utf-8"))
        assert report["status"] == "success"


@pytest.mark.slow
@pytest.mark.nightly
def test_one_customer_and_nobody_else(tmp_path: Path) -> None:
    copied(tmp_path)
    below = {"account": "lab", "domain": "Customers/Acme/Lab"}
    alike = {"account": "other", "domain": "Customers/Acme2"}
    nets = [{"name": "a1", **ACME}, {"name": "a2", **below}, {"name": "b", **SHOP}, {"name": "c", **alike}]
    with Cloud(estate(networks=nets, vpcs=[{"name": "a3", "tiers": 1, **ACME}]), tmp_path) as cloud:
        run = cloud.playbook("one_customer.yml")
        assert (run.rc, run.journal) == (2, []), "nobody is named"
        assert "customer" in run.output
        run = cloud.playbook("one_customer.yml", "-e", "customer=ROOT/Customers/Acme")
        assert run.rc == 0, run.output
        assert run.counts == {"upgraded": 3}
        assert {*run.targets} == {"a1", "a2", "a3-tier1"}


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("options", "why"),
    [({}, "sysvm_approved_plan is empty"), ({"approved_plan": "gone.csv"}, "gone.csv, which cannot be read")],
)
def test_a_night_without_its_plan_does_nothing_and_says_so_at_its_end(
    options: dict[str, str], why: str, tmp_path: Path
) -> None:
    copied(tmp_path)
    with Cloud(estate(networks=[{"name": "net"}]), tmp_path) as cloud:
        run = cloud.playbook("nightly.yml", *extra_vars(options))
    assert (run.rc, run.journal) == (2, []) and why in run.errors[-1], run.output


@pytest.mark.slow
@pytest.mark.nightly
def test_a_night_that_began_on_the_day_before_tells_of_the_one_that_begins_today(tmp_path: Path) -> None:
    """Cron was late, or somebody begins it by hand after midnight."""
    told = tmp_path / "told"
    copied(tmp_path, tell_owner=[note(told, "{{ owner.account }} {{ campaign_tomorrow }}")])
    coming = datetime.now() + timedelta(hours=1)
    windows = {"start": f"{coming:%H:%M}", "length": "24h"}
    with Cloud(estate(networks=[{"name": "a", **ACME}, {"name": "b", **SHOP}]), tmp_path) as cloud:
        assert cloud.check(kinds="router", nights=windows).rc == 0
        planned = (tmp_path / "sysvm-report/latest/plan.csv").read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(planned)))
        nights = {"a": f"{coming - timedelta(days=1):%Y-%m-%d %H:%M}", "b": f"{coming:%Y-%m-%d %H:%M}"}
        with (tmp_path / "plan.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows({**row, "night": nights[row["name"]]} for row in rows)
        run = cloud.playbook(
            "nightly.yml", *extra_vars({"kinds": "router", "nights": windows, "approved_plan": "plan.csv"})
        )
    assert (run.rc, run.targets) == (0, ["a"]), run.output
    assert told.read_text(encoding="utf-8").splitlines() == [f"shop {nights['b'][:10]}"]


@pytest.mark.slow
@pytest.mark.nightly
def test_a_campaign_of_several_nights(tmp_path: Path) -> None:
    """Each night does its part of the approved plan and what was left before, and tells the owners of tomorrow's."""
    told = tmp_path / "told"
    line = "{{ owner.account }}: {{ owner_units | map(attribute='name') | sort | join(' ') }}"
    copied(tmp_path, tell_owner=[note(told, line)])
    nets = [{"name": "a1", **ACME}, {"name": "a2", **ACME}, {"name": "b1", **SHOP}, {"name": "c", **SHOP}]
    fault = {"kind": "silent_patch_failure", "match": {"name": "b1"}, "times": 2}
    start = datetime.now() - timedelta(minutes=2)
    windows = {"start": f"{start:%H:%M}", "length": "3h"}
    nights = [f"{start + timedelta(days=number):%Y-%m-%d %H:%M}" for number in range(3)]
    with Cloud(estate(networks=nets, faults=[fault]), tmp_path) as cloud:

        def night(of: dict[str, str], **more: Any) -> tuple[Run, list[str]]:
            """What is left of the campaign in the nights from now on, and what owners were told."""
            rows = list(csv.DictReader(io.StringIO(planned)))
            with (tmp_path / "plan.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows({**row, "night": of[row["name"]]} for row in rows)
            told.unlink(missing_ok=True)
            options = {"kinds": "router", "nights": windows, "approved_plan": "plan.csv", **more}
            run = cloud.playbook("nightly.yml", *extra_vars(options))
            return run, sorted(told.read_text(encoding="utf-8").splitlines()) if told.exists() else []

        checked = cloud.check(kinds="router", nights=windows)
        assert checked.rc == 0, checked.output
        assert "Nights: 1 night, " in checked.stdout
        latest = tmp_path / "sysvm-report/latest"
        planned = (latest / "plan.csv").read_text(encoding="utf-8")
        assert {row["night"][:10] for row in csv.DictReader(io.StringIO(planned))} == {nights[1][:10]}

        first = dict.fromkeys(("a1", "a2", "b1"), nights[1]) | {"c": nights[2]}
        before, owners = night(first)
        assert (before.rc, before.journal) == (0, []), before.output
        assert owners == ["acme: a1 a2", "shop: b1"]

        tonight = dict.fromkeys(("a1", "a2", "b1"), nights[0]) | {"c": nights[1]}
        # Nothing is known of durations yet, so there is no time for any: no failure, and told again.
        short, owners = night(tonight, deadline="20s")
        assert (short.rc, short.journal, short.counts) == (0, [], {"not_started": 3}), short.output
        assert owners == ["acme: a1 a2", "shop: b1 c"]
        assert "Campaign: 4 of 4 left" in short.stdout

        failed, owners = night(tonight, max_failures=1)
        assert (failed.rc, failed.statuses["b1"]) == (2, "failed"), failed.output
        assert "c" not in failed.targets
        assert owners[-1] in ("shop: b1 c", "shop: c")

        last, owners = night(dict.fromkeys(first, nights[0]))
        assert (last.rc, owners) == (0, []), last.output
        assert "Campaign: 0 of 4 left" in last.stdout
        index = (tmp_path / "sysvm-report/index.html").read_text(encoding="utf-8")
        assert "Nights of " in index
        patches = {net["name"]: cloud.patches()[cloud.vms_of(net["name"])[0]] for net in nets}
        assert patches == {"a1": 1, "a2": 1, "b1": 3, "c": 1}, "the first two of b1 had no effect"
