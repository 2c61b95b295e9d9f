#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysvm_report
short_description: Internal - make the report of plan, checks and results, show it and write its files
version_added: 0.1.0
description:
  - Writes C(report.json), C(report.html) and C(report.md) into the folder of the run in C(sysvm_report_dir), and shows
    every unit that is not proven current.
  - Plan and results are those of a run (O(run)), or are given as data by a play that uses the modules alone.
  - Of a run (O(run)) it also reads evidence about what failed, M(cloudstack.sysvm.cs_sysvm_evidence), and leaves it in
    a folder for each unit in C(evidence) beside the report, unless C(sysvm_evidence) is C(none).
  - An action plugin.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.attributes.action
options:
  run:
    description: >-
      The folder of the run, as M(cloudstack.sysvm.sysvm_plan) returned it. Without it and O(plan) there was no plan.
    type: path
  plan:
    description: RV(cloudstack.sysvm.cs_sysvm_version_check#module:plan).
    type: dict
  checks:
    description: RV(cloudstack.sysvm.cs_sysvm_version_check#module:checks).
    type: list
    elements: dict
  results:
    description: The C(results) of all module calls, in their order.
    type: list
    elements: dict
  started:
    description: When the run began, ISO 8601.
    type: str
  error:
    description: What broke the run off.
    type: str
  folder:
    description: The folder to write to instead of a new one in C(sysvm_report_dir).
    type: str
attributes:
  action_group:
    description: Use C(group/cloudstack.sysvm.cloudstack) in C(module_defaults) to set the connection once.
    support: full
    membership:
      - cloudstack.sysvm.cloudstack
seealso:
  - module: cloudstack.sysvm.cs_sysvm_evidence
  - module: cloudstack.sysvm.sysvm_show
"""

EXAMPLES = r"""
- name: Report what single modules did
  cloudstack.sysvm.sysvm_report:
    plan: "{{ checked.plan }}"
    checks: "{{ checked.checks }}"
    results: "{{ patched.results }}"
    folder: reports/today
"""

RETURN = r"""
status:
  description: How it ended, V(success), V(incomplete), V(refused), V(empty) or V(error).
  returned: always
  type: str
  sample: success
summary:
  description: How many units by status.
  returned: always
  type: dict
  sample: {"upgraded": 57}
next:
  description: What to do now; null if nothing is left.
  returned: always
  type: str
scope:
  description: The scope in one line.
  returned: always
  type: str
files:
  description: The paths of what was written; empty if the folder cannot be.
  returned: always
  type: list
  elements: str
artifact:
  description: The result for who comes next, bounded in size; the role leaves it as C(sysvm_upgrade) with C(set_stats).
  returned: always
  type: dict
hooks:
  description: The files of C(sysvm_hooks) that are to run now, each with C(moment), C(file) and what it is told.
  returned: always
  type: list
  elements: dict
"""
