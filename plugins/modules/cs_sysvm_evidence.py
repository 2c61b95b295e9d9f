#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cs_sysvm_evidence
short_description: Read what a support engineer asks for about a unit that failed
version_added: 0.1.0
description:
  - Reads the VMs of each unit as they are now, its jobs, its events and alerts since an hour before it was touched, its
    hosts, the last health check results and the versions of the management servers.
  - Changes nothing, but for the bundles that O(diagnostics) asks for; not in check mode.
  - Only named fields are kept, and no secrets that are in their texts.
  - The role P(cloudstack.sysvm.report#role) calls it for units that failed, and writes what it returns beside the
    report.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.cloudstack.requirements
  - cloudstack.sysvm.attributes
  - cloudstack.sysvm.attributes.info
options: # Made from plugins/module_utils/options by make generate.
  units:
    description:
      - The units to read about, each as it stands in the C(results) of an acting module or in the C(units) of a report.
      - The first 20; the others are left out.
    type: list
    elements: dict
    required: true
  diagnostics:
    description:
      - Whether the evidence about a unit names a bundle of its VMs' log files, which the server makes
        (getDiagnosticsData) and puts on secondary storage.
      - It takes up to 5 minutes for all units together.
    type: bool
    default: false
seealso:
  - module: cloudstack.sysvm.sysvm_report
"""

EXAMPLES = r"""
- name: Patch two system VMs
  cloudstack.sysvm.cs_systemvm_livepatch:
    system_vms: [s-87-VM, v-88-VM]
  register: patched
  ignore_errors: true

- name: See what the server tells about those that failed
  cloudstack.sysvm.cs_sysvm_evidence:
    units: "{{ patched.results | selectattr('status', 'eq', 'failed') }}"
"""

RETURN = r"""
evidence:
  description:
    - For each unit its C(unit), C(vms) (before and after the attempt, and now), C(management_servers), C(jobs),
      C(events), C(alerts), C(hosts), C(health_checks) and C(diagnostics).
    - C(missing) says what could not be read, and what was left out.
  returned: success
  type: list
  elements: dict
  sample:
    - unit: {"kind": "ssvm", "name": "s-87-VM", "status": "failed"}
      jobs: [{"command": "PatchSystemVMCmd", "status": "failed", "errortext": "Failed to patch systemVM s-87-VM"}]
      missing: []
"""

from ..module_utils.entry.failed_units import evidence_request, read_evidence
from ..module_utils.entry.module import run


def main():
    run("cs_sysvm_evidence", evidence_request, read_evidence)


if __name__ == "__main__":
    main()
