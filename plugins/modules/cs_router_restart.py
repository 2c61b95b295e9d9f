#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cs_router_restart
short_description: Live patch, restart or recreate virtual routers and prove it
version_added: 0.1.0
description:
  - Brings the software of virtual routers to the version of the management server, many networks and VPCs at a time.
    What is acted on is the whole unit, a network with its router or redundant pair or a VPC with all its tiers.
  - A unit counts as upgraded only when the server reports the new version and new scripts for each of its routers,
    whatever the job said; the job of a restart succeeds although the patch failed.
  - A VPC is live patched through one tier and its other tiers are restarted without patching, so that each router is
    patched once instead of once per tier.
  - A unit that already runs the version is reported as V(current) and gets no call. One that the support matrix forbids
    to live patch (built from 4.13 or older) is refused before anything is touched.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.cloudstack.requirements
  - cloudstack.sysvm.probing
  - cloudstack.sysvm.rollout
  - cloudstack.sysvm.attributes
  - cloudstack.sysvm.attributes.acting
options: # Made from plugins/module_utils/options by make generate.
  networks:
    description:
      - Names or ids of isolated or shared networks. A VPC tier is not a unit, name its VPC in O(vpcs).
    type: list
    elements: str
  vpcs:
    description:
      - Names or ids of VPCs.
    type: list
    elements: str
  routers:
    description:
      - Names or ids of routers; each means the whole unit that it belongs to.
    type: list
    elements: str
  mode:
    description:
      - V(live_patch) patches running routers without a reboot, and starts those that are stopped or missing.
      - V(restart) stops and starts the routers, one half of a pair after the other, and starts stopped ones. A start
        always brings the new software, and a new template only after an upgrade that registered one.
      - V(recreate) restarts the networks and VPCs with cleanup, so that new routers are made from the new template.
    type: str
    choices: [live_patch, restart, recreate]
    default: live_patch
  fallback:
    description:
      - What becomes of a unit whose live patch failed in a way that recreation cures (no space left, VM unreachable,
        patch script failed).
      - One that may succeed later is never recreated.
      - With V(recreate) whatever is live patched passes the checks of recreation, too.
    type: str
    choices: [none, recreate]
    default: none
  allow_degraded:
    description:
      - Whether a redundant pair that is not one PRIMARY and one BACKUP may be recreated or restarted.
      - Its only working router may be taken down before the new one is up.
    type: bool
    default: false
seealso:
  - module: cloudstack.sysvm.cs_sysvm_version_check
  - module: cloudstack.sysvm.cs_systemvm_livepatch
"""

EXAMPLES = r"""
- name: Live patch the routers of a network and of a VPC
  cloudstack.sysvm.cs_router_restart:
    networks:
      - web
    vpcs:
      - shop

- name: Live patch the unit of one router, see what would happen first
  cloudstack.sysvm.cs_router_restart:
    routers: r-23-VM
  check_mode: true
  diff: true

- name: Recreate the routers of a VPC from the new template
  cloudstack.sysvm.cs_router_restart:
    vpcs: shop
    mode: recreate

- name: Start a stopped router with the new software
  cloudstack.sysvm.cs_router_restart:
    routers: r-42-VM
    mode: restart
"""

RETURN = r"""
results:
  description:
    - One entry per target unit, in the order of the targets.
  returned: always, also when the module fails after it has read the cloud
  type: list
  elements: dict
  contains:
    id:
      description: The id of the unit.
      type: str
      sample: 9d37cf27-d4cf-4112-8696-782fbdfcd1c8
    name:
      description: Its name.
      type: str
      sample: web
    kind:
      description: What the unit is, V(network), V(vpc), V(internal_lb) or V(orphan_router).
      type: str
      sample: network
    zone:
      description: The name of its zone.
      type: str
      sample: Berlin
    owner:
      description: Whose it is; the values of a system VM's are null.
      type: dict
      sample: {"account": "acme", "domain": "ROOT/customers", "project": null}
    method:
      description: What was done, V(none) for a unit that was current and V(skip) for one that must not be touched.
      type: str
      sample: live_patch
    status:
      description:
        - One of V(upgraded), V(current), V(gone), V(failed), V(degraded), V(skipped), V(not_started), V(left_running).
      type: str
      sample: upgraded
    reason:
      description: Why, in words.
      type: str
      sample: "proven: runs 4.22.0.0"
    recovery:
      description:
        - What helps a unit whose live patch failed, V(later) for another try or V(recreate); null otherwise.
      type: str
      sample: recreate
    notes:
      description: What else is worth knowing, such as a call that was sent once more, or what could not be looked at.
      type: list
      elements: str
      sample: ["the live patch showed no effect and is sent once more (the job succeeded)"]
    job_ids:
      description: The jobs that worked on it.
      type: list
      elements: str
      sample: ["79729686-13a8-4997-b303-9b15fb15a926"]
    restarts:
      description:
        - The last restart of each network of the unit that was sent here and succeeded. With it the next plan need not
          ask the server how these ended.
      type: list
      elements: dict
      sample:
        - network_id: 9d37cf27-d4cf-4112-8696-782fbdfcd1c8
          job_id: 79729686-13a8-4997-b303-9b15fb15a926
          created: "2026-11-23T02:00:00+0000"
          succeeded: true
    started:
      description: When work on it began, ISO 8601 in UTC; null when nothing was done.
      type: str
      sample: "2026-11-23T02:00:00+00:00"
    finished:
      description: When it was proven or given up.
      type: str
      sample: "2026-11-23T02:01:12+00:00"
    duration_s:
      description: Seconds between the two.
      type: float
      sample: 72.0
    worked_s:
      description: Seconds of these in which it kept others from starting.
      type: float
      sample: 70.5
    gap_s:
      description:
        - The longest time in seconds in which an address of the unit did not answer from outside, V(0) for none; null
          when nothing was measured.
      type: float
      sample: 1.2
    endpoints:
      description: What was seen from outside of each address of the unit; empty where nothing is probed.
      type: list
      elements: dict
      sample:
        - address: 203.0.113.7
          port: 443
          serves: "load balancing: web"
          from: control.example.com
          before: true
          after: true
          longest_gap_s: 1.2
          total_gap_s: 1.2
          gaps: [{"start": "2026-11-23T02:00:31.100+00:00", "end": "2026-11-23T02:00:32.300+00:00"}]
    vms:
      description: Each VM of the unit with RV(results[].vms[].before) and RV(results[].vms[].after).
      type: list
      elements: dict
      contains:
        id:
          description: The id of the VM.
          type: str
          sample: 82a911af-ab25-4c64-8db4-4c0dcc04f309
        name:
          description: The name of the VM.
          type: str
          sample: r-10-VM
        before:
          description: What the server reported before anything was done.
          type: dict
          sample: {"software_version": "4.18.1.0", "state": "Running"}
        after:
          description: What the server reported last.
          type: dict
          sample: {"software_version": "4.22.0.0", "state": "Running"}
notes:
  description: What is worth knowing of the rollout as a whole.
  returned: always, also when the module fails after it has read the cloud
  type: list
  elements: str
  sample: []
guard:
  description:
    - What keeps a call from being carried out twice. V(job ids) are ids that say what a job is for and that the server
      takes once each; V(events) where it does not know them, then events and the state of the VMs tell; V(unknown) when
      nothing was sent.
  returned: always, also when the module fails after it has read the cloud
  type: str
  sample: job ids
summary:
  description: How many units by status.
  returned: always, also when the module fails after it has read the cloud
  type: dict
  sample: {"upgraded": 3, "current": 1}
management_server_version:
  description: The version of the management servers, to which the VMs are upgraded.
  returned: always, also when the module fails after it has read the cloud
  type: str
  sample: 4.22.0.0
"""

from ..module_utils.entry.arguments import ROUTER_TARGETS, router_request
from ..module_utils.entry.module import run
from ..module_utils.entry.upgrade import upgrade


def main():
    run("cs_router_restart", router_request, upgrade, required_one_of=[ROUTER_TARGETS])


if __name__ == "__main__":
    main()
