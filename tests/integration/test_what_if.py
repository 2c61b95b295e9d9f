# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that rehearses a run, also with other settings and with what goes wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.estates import estate
from tests.support.runner import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.nightly]
REHEARSE = "cloudstack.sysvm.rehearse_sysvms"


def test_a_night_is_rehearsed_with_what_might_go_wrong_and_nothing_is_sent(tmp_path: Path) -> None:
    with Cloud(estate(networks=[{"name": f"net{number}"} for number in range(4)]), tmp_path) as cloud:
        what = {"sysvm_rehearse": {"fail": "25%", "server_restart": "00:01"}, "sysvm_deadline": "3h"}
        run = cloud.playbook(REHEARSE, "-e", json.dumps(what))
        assert (run.rc, run.journal, cloud.simulator.journal()) == (0, [], [])
        told = json.loads((tmp_path / "sysvm-report/latest/plan.json").read_text(encoding="utf-8"))
        assert told["what_if"]["ends"]["failed"] >= 1
        assert f"What if {told['what_if']['if']}: {told['what_if']['words']}" in run.stdout
        rows = told["alternatives"]["settings"]
        assert [(row["parallel"], row["per_host"]) for row in rows if row["present"]] == [(10, 2)]
        assert {tuple(row["waves"]) for row in rows} == {(), ("50%",)}  # in ("1", "20%") the same go together
        assert {row["left"] for row in rows} == {0} and all(row["failed"] for row in rows)
        assert "PARALLEL  PER HOST  WAVES" in run.stdout and "as it is set" in run.stdout
        page = (tmp_path / "sysvm-report/latest/plan.html").read_text(encoding="utf-8")
        linked = re.findall('href="(plan-[^"]*)"', page)
        assert "plan-what-if.html" in linked and len(linked) == len(rows)
        assert {*linked} == {path.name for path in (tmp_path / "sysvm-report/latest").glob("plan-*.html")}

        refused = cloud.playbook(REHEARSE, "-e", '{"sysvm_rehearse": {"host_down": "berlin-kvm-host-01"}}')
        assert refused.rc == 2 and not refused.journal
        assert "sysvm_rehearse has host_down: 'berlin-kvm-host-01', and there is no such host" in refused.stdout
        assert "Did you mean 'Berlin-kvm-host-001'" in refused.stdout

        refused = cloud.playbook(REHEARSE, "-e", "sysvm_rehearse=false")
        assert refused.rc == 2 and "sysvm_rehearse is false, so nothing would be rehearsed." in refused.stdout


def test_with_a_plan_it_needs_no_cloud(tmp_path: Path) -> None:
    told = "sysvm-report/latest/plan.json"
    with Cloud(estate(networks=[{"name": f"net{number}"} for number in range(4)]), tmp_path) as cloud:
        assert cloud.check().rc == 0
        nowhere = dict.fromkeys(cloud.simulator.environment(), "")
        (tmp_path / "plan.json").write_text((tmp_path / told).read_text(encoding="utf-8"), encoding="utf-8")
        made = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
        run = cloud.playbook(REHEARSE, "-e", "sysvm_rehearse=plan=plan.json,fail=1", env=nowhere)
        assert run.rc == 0, run.output
        again = json.loads((tmp_path / told).read_text(encoding="utf-8"))
        assert again["estimate"] == made["estimate"] and again["what_if"]["ends"]["failed"] == 1
        assert "Rehearsed from" in run.stdout and "No cloud was asked." in run.stdout
        page = (tmp_path / "sysvm-report/latest/plan.html").read_text(encoding="utf-8")
        assert "plan-what-if.html" in page and "No cloud was asked." in page

        refused = cloud.playbook(REHEARSE, "-e", "sysvm_rehearse=plan=plam.json", env=nowhere)
        assert refused.rc == 2 and "plam.json cannot be read: No such file" in refused.output
        refused = cloud.playbook("cloudstack.sysvm.check_sysvms", "-e", "sysvm_rehearse=plan=plan.json")
        assert refused.rc == 2 and "sysvm_rehearse names a plan, and this asks the cloud for it" in refused.output
