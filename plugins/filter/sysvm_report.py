# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter: plan and results as one report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sysvm_report
short_description: Combine a plan, its checks and the results of the acting modules into one report
version_added: 0.1.0
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
description:
  - Every unit of the plan appears exactly once, with its result where it has one.
positional: plan, checks, results
options:
  plan:
    description: RV(cloudstack.sysvm.cs_sysvm_version_check#module:plan), or an empty dictionary where there is none.
    type: dict
    required: true
  checks:
    description: RV(cloudstack.sysvm.cs_sysvm_version_check#module:checks).
    type: list
    elements: dict
    required: true
  results:
    description: The results of all acting modules.
    type: list
    elements: dict
    required: true
  started:
    description: When the run began, ISO 8601.
    type: str
    required: true
  finished:
    description: When the run ended, ISO 8601.
    type: str
    required: true
  error:
    description: What broke the run off.
    type: str
"""

EXAMPLES = r"""
- name: Make the report
  ansible.builtin.set_fact:
    report: "{{ plan | cloudstack.sysvm.sysvm_report(checks, results, started=t0, finished=t1) }}"
"""

RETURN = r"""
_value:
  description: The report with C(status), C(summary), C(checks), C(steps) and C(units).
  type: dict
"""

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.report import build_report


class FilterModule:
    def filters(self):
        return {"sysvm_report": build_report}
