# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What management servers say, as they say it: examples for each row of what is known of their words."""

from __future__ import annotations

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import Meaning

# What patchSystemVm puts around the words of a host (ManagementServerImpl.patchSystemVm). Of a router's patch the
# server drops them: restartNetwork says no more than "Failed to restart network".
_PATCH_FAILED = "Failed to patch systemVM v-1-VM due to "
_NOT_SENT = "SystemVM live patch failed due to: "
_CLASS = "class com.cloud.agent.api."

# By what it means.
SAID = {
    Meaning.NOT_NOW: (
        f"{_NOT_SENT}Resource [Host:5] is unreachable: Host 5: Host with specified id is not in the right state: Alert",
        f"{_NOT_SENT}Resource [Host:5] is unreachable: Host 5: The link to the agent kvm-5 has been closed",
        f"{_NOT_SENT}Resource [Host:5] is unreachable: Host 5: Channel is closed",
        f"{_NOT_SENT}Commands 7566047373982433280 to Host 5 timed out after 1200 secs",
        f"{_PATCH_FAILED}Timed out in waiting for SSH execution exit status",
        'Unable to patch SystemVM: VM instance {"id":125,"instanceName":"v-125-VM","state":"Stopped",'
        '"type":"ConsoleProxy","uuid":"caff43a5-78f6-4fca-8c5f-25d8ba888caf"} as it is not in Running state.',
        "A shutdown has been triggered. Can not accept new jobs",
        "Maintenance or Shutdown has been initiated on this management server. Can not accept new jobs",
        'Unable to lock network Network {"id": 204, "name": "web", "uuid": "2da977c8-8f41-40cf-8603-317aecc8643b", '
        '"networkofferingid": 31}',
        'Unable to lock vpc VPC {"id":3,"name":"shop","uuid":"ee4929e4-6aed-4132-ac18-bf2adb9f0538"}',
    ),
    Meaning.REFUSED: ("Network is not in the right state to be restarted. Correct states are: Implemented, Setup",),
    Meaning.MEND_HOST: (
        f"{_PATCH_FAILED}Failed to scp files to system VM due to, /usr/share/cloudstack-common/vms/agent.zip "
        "(No such file or directory)",
        "Unable to find cloudScripts path, cannot update SystemVM r-5-VM",
        f"{_CLASS}UnsupportedAnswer cannot be cast to {_CLASS}PatchSystemVmAnswer",
        f"{_CLASS}Answer cannot be cast to {_CLASS}PatchSystemVmAnswer",
        f"{_PATCH_FAILED}callHostPlugin failed for cmd: runPatchScriptInDomr with args domrip: 169.254.3.2,  due to "
        "There was a failure communicating with the plugin.",
        "There are 0 SRs with name XenServer Tools or XCP-ng Tools or Citrix Hypervisor Tools",
    ),
    Meaning.VM_BROKEN: (
        f"{_PATCH_FAILED}Failed to scp files to system VM due to, Remote scp terminated with error (scp: "
        "/var/cache/cloud//agent.zip: No space left on device).",
        f"{_PATCH_FAILED}GetSystemVMVersionCmd failed due to com.cloud.utils.exception.CloudRuntimeException: "
        "GetSystemVMVersionCmd on 169.254.3.2 failed, message ssh: connect to host 169.254.3.2 port 3922: No route to "
        "host",
        f"{_PATCH_FAILED}Failed to scp files to system VM due to, Connection refused (Connection refused)",
        f"{_PATCH_FAILED}There was a problem while connecting to 169.254.3.2:3922",
        f"{_PATCH_FAILED}Failed to authentication SSH user root on host 169.254.3.2",
        "Failed to patch systemVM v-25-VM due to patch-sysvms.sh exited with 1",
    ),
    Meaning.RULES: ("Resource [VirtualRouter:5] is unreachable: Unable to send command. Router requires upgrade",),
    Meaning.NO_ROOM: (
        'Unable to create a deployment for VM instance {"id":88,"instanceName":"r-88-VM","state":"Starting",'
        '"type":"DomainRouter","uuid":"080f6d27-b81f-47c3-9cff-6e3679fd19d8"}',
        "Zone Berlin has no KVM host which has enough capacity",
        "Insufficient address capacity",
    ),
    Meaning.OTHER: (
        "Resource [DataCenter:1] is unreachable: Can't find all necessary running routers!",
        "Resource [DataCenter:1] is unreachable: Can't find at least one router!",
        "Resource [DataCenter:1] is unreachable: Can't find at least one running router!",
        "cidr is not formatted correctly: 192.168.2.0/24,160.0.0.0/24",
    ),
    Meaning.UNCHANGED: ("No change in the scripts checksum, not patching systemVM v-25-VM",),
    Meaning.GOOD_NEWS: (
        "Management server node 127.0.0.1 is up",
        "Console proxy up in zone [zim1], proxy [v-108-VM], public IP [192.168.1.2], private IP [172.16.6.18].",
        "Redundant virtual router r-157-VM just switch from UNKNOWN to PRIMARY",
        "Redundant virtual router r-157-VM just switch from BACKUP to PRIMARY",
        "Redundant virtual router r-157-VM just switch from PRIMARY to BACKUP",
    ),
}
WORDS = [(meaning, said) for meaning, some in SAID.items() for said in some]
