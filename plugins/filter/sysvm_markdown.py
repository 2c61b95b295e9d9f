# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter: a report as Markdown."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sysvm_markdown
short_description: Show a report as Markdown for a ticket
version_added: 0.1.0
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
description:
  - The outcome, the units that are not proven current and why, the checks that are not ok, and a table of all units.
  - A table ends after 200 rows, with a note.
options:
  _input:
    description: A report as made by P(cloudstack.sysvm.sysvm_report#filter).
    type: dict
    required: true
seealso:
  - plugin: cloudstack.sysvm.sysvm_html
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the text for the ticket
  ansible.builtin.copy:
    content: "{{ report | cloudstack.sysvm.sysvm_markdown }}"
    dest: report.md
    mode: "0640"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.markdown_report import markdown_report


class FilterModule:
    def filters(self):
        return {"sysvm_markdown": markdown_report}
