# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter: a plan or a report as lines of text for a person."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sysvm_lines
short_description: Show a plan or a report as lines of text
version_added: 0.1.0
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
description:
  - A plan becomes a table of steps and units, followed by the checks that are not ok; a report becomes the counts and
    every unit that is not proven current.
positional: checks
options:
  _input:
    description: A plan or a report.
    type: dict
    required: true
  checks:
    description: The checks that belong to the plan; left out for a report.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ checked.plan | cloudstack.sysvm.sysvm_lines(checked.checks) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.report import plan_text, report_text


def lines(data, checks=None):
    return report_text(data) if checks is None else plan_text(data, checks)


class FilterModule:
    def filters(self):
        return {"sysvm_lines": lines}
