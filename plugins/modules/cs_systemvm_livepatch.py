#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cs_systemvm_livepatch
short_description: Live patch secondary storage VMs and console proxy VMs and prove it
version_added: 0.1.0
description:
  - Brings the software of secondary storage VMs (SSVM) and console proxy VMs (CPVM) to the version of the management
    server without rebooting them, many at a time.
  - A VM counts as upgraded only when its agent has reconnected and reports the new version, whatever the job said.
  - A VM that already runs the version is reported as V(current) and gets no call. A VM that the support matrix forbids
    to live patch (built from 4.13 or older) is refused before anything is touched.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.cloudstack.requirements
  - cloudstack.sysvm.probing
  - cloudstack.sysvm.rollout
  - cloudstack.sysvm.attributes
  - cloudstack.sysvm.attributes.acting
options: # Made from plugins/module_utils/options by make generate.
  system_vms:
    description:
      - Names or ids of the system VMs.
    type: list
    elements: str
    required: true
    aliases: [names, name, id]
  forced:
    description:
      - Patch even if the VM has the new scripts already.
      - This restarts its agent for nothing; only for repair.
    type: bool
    default: false
  fallback:
    description:
      - What becomes of a unit whose live patch failed in a way that recreation cures (no space left, VM unreachable,
        patch script failed).
      - One that may succeed later is never recreated.
      - With V(recreate) whatever is live patched passes the checks of recreation, too.
    type: str
    choices: [none, recreate]
    default: none
seealso:
  - module: cloudstack.sysvm.cs_sysvm_version_check
  - module: cloudstack.sysvm.cs_router_restart
"""

EXAMPLES = r"""
- name: Live patch one system VM
  cloudstack.sysvm.cs_systemvm_livepatch:
    system_vms: s-87-VM

- name: Live patch several, two at a time, and follow it in a file
  cloudstack.sysvm.cs_systemvm_livepatch:
    system_vms:
      - s-87-VM
      - v-25-VM
      - s-91-VM
    parallel: 2
    log: /var/log/sysvm-upgrade.log
"""

RETURN = r"""
results:
  description:
    - One entry per target unit, in the order of the targets, each as in
      RV(cloudstack.sysvm.cs_router_restart#module:results). Its C(kind) is V(ssvm) or V(cpvm).
  returned: always, also when the module fails after it has read the cloud
  type: list
  elements: dict
notes:
  description: What is worth knowing of the rollout as a whole.
  returned: always, also when the module fails after it has read the cloud
  type: list
  elements: str
  sample: []
guard:
  description:
    - What keeps a call from being carried out twice. V(job ids) are ids that say what a job is for and that the server
      takes once each; V(events) where it does not know them, then events and the state of the VMs tell; V(unknown) when
      nothing was sent.
  returned: always, also when the module fails after it has read the cloud
  type: str
  sample: job ids
summary:
  description: How many units by status.
  returned: always, also when the module fails after it has read the cloud
  type: dict
  sample: {"upgraded": 3, "current": 1}
management_server_version:
  description: The version of the management servers, to which the VMs are upgraded.
  returned: always, also when the module fails after it has read the cloud
  type: str
  sample: 4.22.0.0
"""

from ..module_utils.entry.arguments import live_patch_request
from ..module_utils.entry.module import run
from ..module_utils.entry.upgrade import upgrade


def main():
    run("cs_systemvm_livepatch", live_patch_request, upgrade)


if __name__ == "__main__":
    main()
