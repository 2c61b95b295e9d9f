# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that rehearses a run, also with other settings and with what goes wrong."""

from __future__ import annotations

import json
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
        assert len(rows) == 6 and {row["left"] for row in rows} == {0}
        assert "PARALLEL  PER HOST  TIME" in run.stdout and "as it is set" in run.stdout
        page = (tmp_path / "sysvm-report/latest/plan.html").read_text(encoding="utf-8")
        assert "With sysvm_parallel 20, sysvm_per_host 2: about" in page

        refused = cloud.playbook(REHEARSE, "-e", '{"sysvm_rehearse": {"host_down": "berlin-kvm-host-01"}}')
        assert refused.rc == 2 and not refused.journal
        assert "sysvm_rehearse has host_down: 'berlin-kvm-host-01', and there is no such host" in refused.stdout
        assert "Did you mean 'Berlin-kvm-host-001'" in refused.stdout

        refused = cloud.playbook(REHEARSE, "-e", "sysvm_rehearse=false")
        assert refused.rc == 2 and "sysvm_rehearse is false, so nothing would be rehearsed." in refused.stdout
