# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.failures import Cure, cure_of, hint_of


@pytest.mark.parametrize(
    ("trouble", "cure"),
    [
        ("", Cure.RECREATE),
        ("Failed to patch systemVM v-25-VM due to patch-sysvms.sh exited with 1", Cure.RECREATE),
        ("Remote scp terminated with error (scp: /tmp/agent.zip: No space left on device)", Cure.RECREATE),
        ("GetSystemVMVersionCmd on 169.254.1.2 failed", Cure.RECREATE),
        ("SystemVM live patch failed due to: Agent is currently unavailable", Cure.LATER),
        ("Failed to patch systemVM s-1-VM due to agent 4 is disconnected", Cure.LATER),
        ("The job ended without a result: the management server was restarted", Cure.LATER),
        ("Operation timed out", Cure.LATER),
        ("Command failed due to Internal Server Error", None),
    ],
)
def test_cure(trouble: str, cure: Cure | None) -> None:
    assert cure_of(trouble, hosts_up=True) is cure
    assert cure_of(trouble, hosts_up=False) is Cure.LATER


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
        ("Failed to restart network", ""),
        ("", ""),
    ],
)
def test_hint(trouble: str, hint: str) -> None:
    assert hint in hint_of(trouble) if hint else hint_of(trouble) == ""
