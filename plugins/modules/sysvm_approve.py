#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysvm_approve
short_description: Internal - ask whether to go on with a run
version_added: 0.1.0
description:
  - Before a step asks at the terminal, where C(sysvm_pause) wants it. Where nobody can answer, as under ansible-runner
    and AWX, it does not wait and the run ends there.
  - Before all steps refuses a plan that is only for a look, and says where the report is. An action plugin.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.attributes.action
options:
  run:
    description: The folder of the run, as C(sysvm_plan) returned it.
    type: path
    required: true
  number:
    description: The number of the step that is to begin; 0 before all steps.
    type: int
    default: 0
seealso:
  - module: cloudstack.sysvm.sysvm_step
"""

EXAMPLES = r"""
- name: Ask whether to go on with the second step
  cloudstack.sysvm.sysvm_approve:
    run: "{{ planned.run }}"
    number: 2
"""

RETURN = r"""
stopped:
  description: Why it does not go on; empty when it does.
  returned: always
  type: str
  sample: jane answered no after step 1 (canary SSVM live patch)
hooks:
  description: The files of C(sysvm_hooks) that are to run now, each with C(moment), C(file) and what it is told.
  returned: always
  type: list
  elements: dict
"""
