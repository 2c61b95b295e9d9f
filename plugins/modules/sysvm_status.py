#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysvm_status
short_description: Show which runs there are below C(sysvm_report_dir), and what they do
version_added: 0.1.0
description:
  - Tells of each run that goes on, since when and where, at which step, how many units are done, what it waits for,
    when it gave the last sign of life and how to steer it; then of the last runs that have ended.
  - A run that was killed is found out, and its report says so from then on. One on this machine is known by its
    process, one on another machine is taken for killed after five minutes without a sign of life.
  - Writes C(index.html) there, the page about all runs. Asks no cloud.
  - An action plugin.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.attributes.action
options: {}
seealso:
  - module: cloudstack.sysvm.sysvm_report
"""

EXAMPLES = r"""
- name: Tell of all runs
  cloudstack.sysvm.sysvm_status:
  vars:
    sysvm_report_dir: /var/lib/sysvm-reports
  register: status
"""

RETURN = r"""
runs:
  description:
    - All runs, the newest first, each with its C(folder) and what it says of itself in C(run.json) there.
    - RV(runs[].state) is V(running), V(waiting), V(stopping) or V(ended), RV(runs[].kind) V(plan) or V(upgrade).
  returned: always
  type: list
  elements: dict
  contains:
    folder:
      description: The folder of the run.
      returned: always
      type: str
      sample: /root/sysvm-report/runs/20261130-231457-k3f9
    kind:
      description: What it was.
      returned: always
      type: str
      sample: upgrade
    state:
      description: What it does.
      returned: always
      type: str
      sample: running
    heartbeat:
      description: When it gave the last sign of life, ISO 8601.
      returned: always
      type: str
      sample: "2026-11-30T22:14:57+00:00"
"""
