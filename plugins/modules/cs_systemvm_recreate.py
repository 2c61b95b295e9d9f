#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cs_systemvm_recreate
short_description: Recreate secondary storage VMs and console proxy VMs from the new template and prove it
version_added: 0.1.0
description:
  - Replaces secondary storage VMs (SSVM) and console proxy VMs (CPVM), one at a time in each zone, and waits until the
    replacement is Running, its agent is Up with the new version, and its disk is from the new template.
  - Nothing is destroyed before it is sure that the template is ready in the zone and is the one that will be used, that
    the zone is enabled and has a host, and that no setting keeps the server from making a new VM.
  - A VM that already runs the new version from the new template is reported as V(current) and gets no call.
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
  mode:
    description:
      - V(destroy) destroys the VM; the server's capacity scan makes a new one with another id and name.
      - V(restart) stops and starts it in one job. It keeps id, name and addresses, and gets a new disk only at the
        first start after an upgrade that registered a template; the module refuses where it would keep the old one.
    type: str
    choices: [destroy, restart]
    default: destroy
  wait_idle:
    description:
      - How long in seconds to wait until no console is open before a CPVM is destroyed; after that it goes on.
    type: int
    default: 0
seealso:
  - module: cloudstack.sysvm.cs_sysvm_version_check
  - module: cloudstack.sysvm.cs_systemvm_livepatch
"""

EXAMPLES = r"""
- name: Recreate the SSVM of a zone
  cloudstack.sysvm.cs_systemvm_recreate:
    system_vms: s-87-VM

- name: Recreate a CPVM, but give its users half an hour to close their consoles
  cloudstack.sysvm.cs_systemvm_recreate:
    system_vms: v-25-VM
    wait_idle: 1800

- name: Stop and start it instead, so that it keeps its addresses
  cloudstack.sysvm.cs_systemvm_recreate:
    system_vms: s-87-VM
    mode: restart
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

from ..module_utils.entry.arguments import recreate_request
from ..module_utils.entry.module import run
from ..module_utils.entry.upgrade import upgrade


def main():
    run("cs_systemvm_recreate", recreate_request, upgrade)


if __name__ == "__main__":
    main()
