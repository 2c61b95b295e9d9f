#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysvm_step
short_description: Internal - carry out one step of a plan
version_added: 0.1.0
description:
  - Chooses and runs the module that does the step, with the variables of the role P(cloudstack.sysvm.upgrade#role), and
    keeps the report true while it runs, so that also a run that is killed leaves one.
  - Asks before it where C(sysvm_pause) wants that and M(cloudstack.sysvm.sysvm_approve) has not asked yet. It is
    skipped once something has ended the run.
  - Does not fail when units fail; RV(stopped) says whether the run must end. An action plugin.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.attributes.action
options:
  run:
    description: The folder of the run, as C(sysvm_plan) returned it.
    type: path
    required: true
  number:
    description: The number of the step in the plan, from 1.
    type: int
    required: true
attributes:
  diff_mode:
    support: full
    details:
      - Shows the software version of each VM before and after.
  action_group:
    description: Use C(group/cloudstack.sysvm.cloudstack) in C(module_defaults) to set the connection once.
    support: full
    membership:
      - cloudstack.sysvm.cloudstack
seealso:
  - module: cloudstack.sysvm.sysvm_plan
"""

EXAMPLES = r"""
- name: Carry out the first step
  cloudstack.sysvm.sysvm_step:
    run: "{{ planned.run }}"
    number: 1
"""

RETURN = r"""
summary:
  description: How many units by status.
  returned: always
  type: dict
  sample: {"upgraded": 3}
failures:
  description: How many units failed; one more when the module itself broke off.
  returned: always
  type: int
  sample: 0
stopped:
  description: What ends the run after this step; empty when nothing does.
  returned: always
  type: str
  sample: the failure budget is used up after step 1 (canary router live patch)
hooks:
  description: The files of C(sysvm_hooks) that are to run now, each with C(moment), C(file) and what it is told.
  returned: always
  type: list
  elements: dict
"""
