# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server_messages import (
    Recovery,
    hint_of,
    recovery_of,
)


@pytest.mark.parametrize(
    ("trouble", "cure"),
    [
        ("", Recovery.RECREATE),
        ("Failed to patch systemVM v-25-VM due to patch-sysvms.sh exited with 1", Recovery.RECREATE),
        ("Remote scp terminated with error (scp: /tmp/agent.zip: No space left on device)", Recovery.RECREATE),
        ("GetSystemVMVersionCmd on 169.254.1.2 failed", Recovery.RECREATE),
        ("SystemVM live patch failed due to: Agent is currently unavailable", Recovery.LATER),
        ("Failed to patch systemVM s-1-VM due to agent 4 is disconnected", Recovery.LATER),
        ("The job ended without a result: the management server was restarted", Recovery.LATER),
        ("Operation timed out", Recovery.LATER),
        ("Command failed due to Internal Server Error", None),
    ],
)
def test_cure(trouble: str, cure: Recovery | None) -> None:
    assert recovery_of(trouble, hosts_up=True) is cure
    assert recovery_of(trouble, hosts_up=False) is Recovery.LATER


@pytest.mark.parametrize(
    ("trouble", "hint"),
    [
        ("Remote scp terminated with error (scp: /tmp/agent.zip: No space left on device)", "disk is full"),
        ("Unable to send command. Router requires upgrade", "issue 12211"),
        ("cidr is not formatted correctly: 192.168.2.0/24,160.0.0.0/24", "issue 12621"),
        ("Resource [DataCenter:1] is unreachable: Can't find all necessary running routers!", "with cleanup"),
        ("Can't find at least one router!", "with cleanup"),
        ('Unable to create a deployment for VM instance {"id":9}', "free capacity"),
        ("Simulator does not implement command of type com.cloud.agent.api.PatchSystemVmCommand", "recreate"),
        ("There are 0 SRs with name XenServer Tools or XCP-ng Tools or Citrix Hypervisor Tools", "issue 6148"),
        ("Failed to restart network", ""),
        ("", ""),
    ],
)
def test_hint(trouble: str, hint: str) -> None:
    assert hint in hint_of(trouble) if hint else hint_of(trouble) == ""
