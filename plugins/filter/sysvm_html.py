# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter: a report as an HTML page."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sysvm_html
short_description: Show a report as an HTML page
version_added: 0.1.0
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
description:
  - The outcome, what is not done and why, the checks that are not ok, a timeline and a table of all units.
  - The page is one file and loads nothing, neither from the network nor from beside it.
options:
  _input:
    description: A report as made by P(cloudstack.sysvm.sysvm_report#filter).
    type: dict
    required: true
seealso:
  - plugin: cloudstack.sysvm.sysvm_markdown
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.copy:
    content: "{{ report | cloudstack.sysvm.sysvm_html }}"
    dest: report.html
    mode: "0640"
"""

RETURN = r"""
_value:
  description: The page.
  type: str
"""

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.html_report import html_report


class FilterModule:
    def filters(self):
        return {"sysvm_html": html_report}
