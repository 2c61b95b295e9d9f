# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter: a deadline as a person writes it becomes a moment."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sysvm_deadline
short_description: Make a moment of a time of day, an ISO 8601 time or a duration
version_added: 0.1.0
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
description:
  - A role that runs for hours must not take V(06:00) for another day each time it looks, so it is made a moment once.
options:
  _input:
    description: A time of day such as V(06:00) (the next one), an ISO 8601 time, or a duration such as V(4h30m).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fix the end of the window
  ansible.builtin.set_fact:
    window_ends: "{{ '06:00' | cloudstack.sysvm.sysvm_deadline }}"
"""

RETURN = r"""
_value:
  description: The moment, ISO 8601 with the local time zone.
  type: str
"""

from datetime import datetime

from ansible.errors import AnsibleFilterError

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.bounds import parse_deadline


def moment(text):
    try:
        return parse_deadline(text, datetime.now().astimezone()).isoformat(timespec="seconds")
    except SysvmError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self):
        return {"sysvm_deadline": moment}
