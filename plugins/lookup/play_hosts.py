# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: play_hosts
short_description: The hosts of a play, refused where there are none
version_added: 0.1.0
description:
  - For C(hosts) of a play. Ansible passes over a play without hosts and ends with exit status 0; here a name that no
    host has ends it.
  - A C(--limit) to other hosts is no mistake. Without an inventory the play runs on C(localhost), and it is the first
    task that refuses the name.
  - From here on the run outlives the reader of its output, such as C(head).
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
options:
  _terms:
    description: Names and patterns of hosts, or lists of these.
    type: list
    elements: raw
    required: true
"""

EXAMPLES = r"""
- name: Upgrade the clouds of the inventory
  hosts: "{{ lookup('cloudstack.sysvm.play_hosts', sysvm_clouds | default('localhost', true)) }}"
  gather_facts: false
  roles:
    - cloudstack.sysvm.preflight
"""

RETURN = r"""
_raw:
  description: The pattern for C(hosts).
  type: list
  elements: str
  sample: ["east,west"]
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

from ..plugin_utils.screen import outlive_all

outlive_all()


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        wanted = ",".join(str(name) for name in self._flatten(terms))
        names = lookup_loader.get("ansible.builtin.inventory_hostnames", loader=self._loader, templar=self._templar)
        if names.run([wanted], variables=variables):
            return [wanted]
        if names.run(["all"], variables=variables):
            raise AnsibleError(
                f"sysvm_clouds ({wanted}) has no host in the inventory, so nothing would be done. "
                "Name hosts that are there."
            )
        return ["localhost"]
