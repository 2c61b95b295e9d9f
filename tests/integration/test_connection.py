# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the cloud is reached: several management servers, and files that people have already."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.estates import estate
from tests.support.runner import Cloud

pytestmark = [pytest.mark.slow]

NETS = estate(networks=[{"name": "net-1"}, {"name": "net-2"}])


@pytest.mark.nightly
def test_an_upgrade_goes_on_where_the_first_management_server_is_away(tmp_path: Path) -> None:
    with Cloud(NETS, tmp_path) as cloud, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        away = f"127.0.0.1:{taken.getsockname()[1]}"
        urls = f"http://{away}/client/api,{cloud.simulator.url}"
        run = cloud.upgrade(env={"CLOUDSTACK_ENDPOINT": urls}, kinds="router")
    assert run.rc == 0, run.output
    assert sorted(run.targets) == ["net-1", "net-2"], "each was sent once"
    assert f"The management server {away} was away" in run.output
    assert f"cloud {away}" in run.report["scope"], "the first one names the cloud"


def test_a_profile_of_cmk_is_a_connection(tmp_path: Path) -> None:
    """Its path is one from where the playbook was started; Ansible runs modules in the folder of the playbook."""
    with Cloud(NETS, tmp_path) as cloud:
        (tmp_path / "config").write_text(
            "profile = test\n\n[test]\n"
            f"url = {cloud.simulator.url}\napikey = {cloud.simulator.key}\nsecretkey = {cloud.simulator.secret}\n",
            encoding="utf-8",
        )
        nothing = dict.fromkeys(("CLOUDSTACK_ENDPOINT", "CLOUDSTACK_KEY", "CLOUDSTACK_SECRET"), "")
        run = cloud.check("-vvv", env={**nothing, "CLOUDSTACK_CONFIG": "config"}, kinds="router")
        assert run.rc == 0, run.output
        assert cloud.simulator.secret not in run.output
    assert "2 to live patch" in run.output
