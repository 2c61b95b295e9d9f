#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysvm_plan
short_description: Internal - read the variables of the roles, plan, check and show the plan
version_added: 0.1.0
description:
  - Reads every variable of the roles of this collection from the play, and refuses one that nobody reads, one that
    cannot be meant, and those that contradict each other, before the cloud is asked anything. Then it runs
    M(cloudstack.sysvm.cs_sysvm_version_check) and shows its plan.
  - Says in RV(refused) why an upgrade may not begin; the role fails with it. Nothing is changed.
  - This is what the role P(cloudstack.sysvm.preflight#role) consists of. An action plugin.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.attributes.action
options: {}
attributes:
  action_group:
    description: Use C(group/cloudstack.sysvm.cloudstack) in C(module_defaults) to set the connection once.
    support: full
    membership:
      - cloudstack.sysvm.cloudstack
seealso:
  - module: cloudstack.sysvm.cs_sysvm_version_check
"""

EXAMPLES = r"""
- name: Plan and check
  cloudstack.sysvm.sysvm_plan:
  vars:
    sysvm_zones: [Berlin]
  register: planned
"""

RETURN = r"""
refused:
  description: Why there is no plan, or why it may not be carried out; empty if it may.
  returned: always
  type: str
  sample: Nothing was touched. new_template failed; see the plan above for what was seen and what to do about it.
run:
  description: The folder in which plan and results are passed on to the other actions; it is removed when Ansible ends.
  returned: when there is a plan
  type: str
  sample: /root/.ansible/tmp/ansible-local-1/sysvm-abc
steps:
  description: The steps in their order, each with C(number), C(name), C(kind), C(method), C(canary) and C(count).
  returned: when there is a plan
  type: list
  elements: dict
scope:
  description: The scope in force in one line.
  returned: when there is a plan
  type: str
  sample: cloud cloud.example.com (2 zones); everything; method auto; no deadline; none may fail
forecast:
  description: With C(sysvm_target_version), the C(source) and C(target) of the forecast that the plan is.
  returned: when there is a plan
  type: dict
  sample: null
drift:
  description: Whether only what runs where was to be shown (C(sysvm_drift)), instead of the plan.
  returned: when there is a plan
  type: bool
  sample: false
summary:
  description: How many units by method.
  returned: when there is a plan
  type: dict
  sample: {"live_patch": 57}
report:
  description: Where the report of the run will be; empty in check mode.
  returned: when there is a plan
  type: str
  sample: /root/sysvm-report/runs/20261130-231457-k3f9/report.html
artifact:
  description: The plan for an approver, bounded in size; the role leaves it as C(sysvm_check) with C(set_stats).
    Without a plan its C(status) is V(error), and C(error) says why.
  returned: always
  type: dict
"""
