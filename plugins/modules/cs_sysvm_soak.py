#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cs_sysvm_soak
short_description: Look after system VMs and routers for a while after their upgrade
version_added: 0.1.0
description:
  - Watches units for some time and fails as soon as something is wrong that was not when it began. A VM is not Running
    any more or not with the new software, a pair is none, the server alerts people to one of them, a health check
    fails, or, with O(probe), an address that they serve does not answer for a time.
  - Changes nothing.
  - The role P(cloudstack.sysvm.upgrade#role) calls it after the canaries, with C(sysvm_soak).
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.cloudstack.requirements
  - cloudstack.sysvm.probing
  - cloudstack.sysvm.attributes
  - cloudstack.sysvm.attributes.info
options: # Made from plugins/module_utils/options by make generate.
  system_vms:
    description:
      - Names or ids of system VMs.
    type: list
    elements: str
    default: []
  routers:
    description:
      - Names or ids of routers; each means the whole unit that it belongs to.
    type: list
    elements: str
    default: []
  jobs:
    description:
      - The ids of the jobs that upgraded a VM, by its id. Alerts about it since their end count as new, too.
    type: dict
  duration:
    description:
      - How long they are watched, in seconds.
    type: int
    required: true
  health_checks:
    description:
      - Whether to have the server run the health checks of the routers, when it begins, every two minutes and in the
        end.
      - Only in zones where the settings C(router.health.checks.enabled) is true and
        C(router.health.checks.failures.to.recreate.vr) is empty.
    type: bool
    default: true
  stop_file:
    description:
      - A path; as soon as a file is there, nothing new is started, as if the run were interrupted.
      - C(touch) it to end a rollout without an error. It is not removed.
    type: path
  log:
    description:
      - A file to which one line is appended when a unit starts and when it ends, for C(tail -f).
      - It is on the host that runs the module. Where a play of the roles has several hosts, each has its own,
        C(log-HOST). Its last line says how the run of the roles ended.
    type: path
seealso:
  - module: cloudstack.sysvm.cs_router_restart
  - module: cloudstack.sysvm.cs_systemvm_livepatch
"""

EXAMPLES = r"""
- name: Watch a router and a console proxy for ten minutes
  cloudstack.sysvm.cs_sysvm_soak:
    routers: [r-10-VM]
    system_vms: [v-2-VM]
    duration: 600
    probe: true
"""

RETURN = r"""
results:
  description: One entry for each unit, with C(id), C(name), the ids of its C(vms), what is C(wrong) and C(endpoints).
  returned: always, also when something is wrong
  type: list
  elements: dict
  sample:
    - id: 9d37cf27-d4cf-4112-8696-782fbdfcd1c8
      name: web
      vms: [82a911af-ab25-4c64-8db4-4c0dcc04f309]
      wrong: ""
      endpoints: []
lasted_s:
  description: How long they were watched, in seconds.
  returned: always, also when something is wrong
  type: float
  sample: 900.2
interrupted:
  description: Whether it was ended by the stop file.
  returned: always, also when something is wrong
  type: bool
  sample: false
notes:
  description: What could not be looked at.
  returned: always, also when something is wrong
  type: list
  elements: str
  sample: []
"""

from ..module_utils.entry.module import run
from ..module_utils.entry.soak import soak, soak_request


def main():
    run("cs_sysvm_soak", soak_request, soak, required_one_of=[("system_vms", "routers")])


if __name__ == "__main__":
    main()
