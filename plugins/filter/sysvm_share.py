# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter: a number or a percentage of a total."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sysvm_share
short_description: Make a number of a number or a percentage
version_added: 0.1.0
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
description:
  - V(3) stays 3; V(10%) of 57 is 5.
positional: total
options:
  _input:
    description: A number, or a percentage such as V(10%).
    type: str
    required: true
  total:
    description: What a percentage is of.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: How many may fail?
  ansible.builtin.set_fact:
    budget: "{{ '10%' | cloudstack.sysvm.sysvm_share(57) }}"
"""

RETURN = r"""
_value:
  description: The number.
  type: int
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.bounds import parse_share


def share(text, total):
    try:
        return parse_share(text, total, "sysvm_max_failures")
    except SysvmError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self):
        return {"sysvm_share": share}
