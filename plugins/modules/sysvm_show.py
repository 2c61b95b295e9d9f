#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysvm_show
short_description: Internal - show a plan, a report or lines of text as they are
version_added: 0.1.0
description:
  - Prints for a person to read, without the quotes and commas of P(ansible.builtin.debug#module).
  - Exactly one of O(lines), O(plan) and O(report) is given. An action plugin; nothing is run on the target.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.attributes.action
options:
  lines:
    description: The lines.
    type: list
    elements: str
  plan:
    description: RV(cloudstack.sysvm.cs_sysvm_version_check#module:plan).
    type: dict
  checks:
    description: The checks that belong to O(plan).
    type: list
    elements: dict
    default: []
  report:
    description: A report, as it stands in C(report.json).
    type: dict
  progress:
    description:
      - Where the lines go. V(stderr) and V(none) leave standard output to the callback, such as one that writes JSON.
    type: str
    choices: [stdout, stderr, none]
    default: stdout
seealso:
  - module: ansible.builtin.debug
"""

EXAMPLES = r"""
- name: Show a plan
  cloudstack.sysvm.sysvm_show:
    plan: "{{ checked.plan }}"
    checks: "{{ checked.checks }}"

- name: Show an older report
  cloudstack.sysvm.sysvm_show:
    report: "{{ lookup('ansible.builtin.file', 'report.json') | from_json }}"
"""

RETURN = r"""#"""
