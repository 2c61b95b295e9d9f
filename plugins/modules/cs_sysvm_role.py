#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cs_sysvm_role
short_description: Make the CloudStack role that upgrades need and that may do nothing else
version_added: 0.1.0
description:
  - Makes a role of type Admin with one rule for each API command that the collection sends, and a last one that denies
    all else.
  - A role that it made is completed when more is wanted; nothing is taken away from it. A role with other rules is not
    changed. The module then fails if the role lacks a command, and says which rule denies it.
  - Give the role to an account in the domain ROOT; this module makes no accounts.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.cloudstack.requirements
  - cloudstack.sysvm.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the rules of the role in their order, before and after.
  idempotent:
    support: full
options: # Made from plugins/module_utils/options by make generate.
  name:
    description:
      - The name of the role.
    type: str
    required: true
  uses:
    description:
      - What the role is for. Each use has also what V(check) needs, as it begins with a plan.
      - With V(check) alone nothing can be changed; the check C(permissions) says what an upgrade would lack.
      - The commands of each are in docs/permissions.md of the collection.
    type: list
    elements: str
    choices: [check, live_patch, restart, recreate, health_checks, probe, soak, evidence, diagnostics]
    default: [check, live_patch, restart, recreate, health_checks, evidence]
  optional:
    description:
      - Whether to allow also commands that are not indispensable, whose absence is only told of.
    type: bool
    default: true
seealso:
  - module: cloudstack.sysvm.cs_sysvm_version_check
"""

EXAMPLES = r"""
- name: A role for upgrades by all methods
  cloudstack.sysvm.cs_sysvm_role:
    name: sysvm-upgrade

- name: A role that may only look
  cloudstack.sysvm.cs_sysvm_role:
    name: sysvm-check
    uses: [check]

- name: What the role lacks, without changing it
  cloudstack.sysvm.cs_sysvm_role:
    name: operations
  check_mode: true
"""

RETURN = r"""
role:
  description: The role. Its C(id) is null when it would be made in check mode.
  returned: always, also when the role lacks something
  type: dict
  sample: {"id": "7c8df72a-ac01-4feb-8dfa-c2942c0187a7", "name": "sysvm-upgrade", "type": "Admin"}
commands:
  description: The API commands that the uses need.
  returned: always, also when the role lacks something
  type: list
  elements: str
  sample: [listZones, patchSystemVm]
lacking:
  description: What the role does not allow, and why; in check mode as it is before the change.
  returned: always, also when the role lacks something
  type: list
  elements: dict
  sample: [{"command": "patchSystemVm", "reason": "rule 3 denies it (deny patch*)"}]
"""

from ..module_utils.entry.module import run
from ..module_utils.entry.role import make_role, role_request


def main():
    run("cs_sysvm_role", role_request, make_role)


if __name__ == "__main__":
    main()
