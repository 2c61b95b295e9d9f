#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cs_sysvm_version_check
short_description: Plan the upgrade of CloudStack's system VMs and routers and check whether it may start
version_added: 0.1.0
description:
  - Reads the whole cloud, decides for every system VM and router what it was built from, what it runs and what is to be
    done to it, and asks the pre-flight checks. Changes nothing.
  - Fails by default when a check fails, for example when a VM in scope was built from 4.13 or older and so cannot be
    live patched, or when the management server cannot live patch. What it computed is in the failed result too.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.cloudstack
  - cloudstack.sysvm.cloudstack.requirements
  - cloudstack.sysvm.probing
  - cloudstack.sysvm.attributes
  - cloudstack.sysvm.attributes.info
requirements:
  - jmespath (with O(select))
  - netaddr (with O(cidrs))
options: # Made from plugins/module_utils/options by make generate.
  approved_lines:
    description:
      - What was approved, a line for each unit. No other unit is touched, and none by another method than its line
        says, whatever has changed since.
      - Each has C(id) and C(method); where they are told C(recreates), whether the unit may be recreated if its live
        patch fails, and C(destroys), names of left-over routers that may be destroyed. A line of another C(cloud) (the
        host of the API) or C(target_version) is refused. C(place) and C(name) are for messages.
      - The roles take them from C(sysvm_approved_plan).
      - 'If not given: whatever is needed.'
    type: list
    elements: dict
  known_restarts:
    description:
      - What an earlier report tells of the last restart of each network, as it stands in the C(restarts) of its units.
      - The server is not asked how these ended; one that failed counts until a later one of ours has succeeded.
    type: list
    elements: dict
    default: []
    suboptions:
      network_id:
        description:
          - The network, or the VPC that was recreated.
        type: str
        required: true
      job_id:
        description:
          - The job.
        type: str
        required: true
      created:
        description:
          - When it began, as the server wrote it.
        type: str
        required: true
      succeeded:
        description:
          - Whether it is known to have succeeded.
        type: bool
        required: true
      why:
        description:
          - Of one that failed, what is known of that.
        type: str
        default: ''
  known_durations:
    description:
      - What earlier reports tell of how long units took, for how long it will take now.
      - The roles take it from the reports of this cloud in their folder.
    type: list
    elements: dict
    default: []
    suboptions:
      done:
        description:
          - What was done to the unit.
        type: str
        required: true
      ids:
        description:
          - The ids of the unit and of its VMs.
        type: list
        elements: str
        required: true
      seconds:
        description:
          - How long others had to wait for its place.
        type: float
        required: true
  known_gaps:
    description:
      - What an earlier report tells of how long what units serve did not answer, for what the plan says of it.
      - The roles take it from the last report in their folder.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description:
          - The kind of the units.
        type: str
        required: true
      method:
        description:
          - What was done to them.
        type: str
        required: true
      shortest_s:
        description:
          - The shortest gap of a unit in seconds.
        type: float
        required: true
      longest_s:
        description:
          - The longest one.
        type: float
        required: true
  fail_on_checks:
    description:
      - Whether the module fails when a check fails.
    type: bool
    default: true
  method:
    description:
      - 'What is wanted: V(auto) live patches where that is allowed and recreates what a live patch would not cure;
        V(live_patch) refuses to start when a unit in scope cannot be live patched; V(recreate) recreates whatever is
        not from the new template, for security fixes that are only there.'
    type: str
    choices: [auto, live_patch, recreate]
    default: auto
  recreate:
    description:
      - 'What is recreated that otherwise is not: V(unsupported) VMs that the matrix forbids to live patch, because they
        were built from 4.13 or older or from an unknown version; V(failed) units whose live patch failed in a way that
        recreation cures (no space left, VM unreachable, patch script failed); V(degraded) redundant pairs that are not
        one PRIMARY and one BACKUP, when they are to be recreated or restarted.'
      - Without V(unsupported) a check fails for such VMs, and the upgrade does not start. With V(failed) whatever is
        live patched passes the checks of recreation, too; what may succeed later is never recreated. With V(degraded)
        the only working router of a pair may be taken down before the new one is up.
    type: list
    elements: str
    choices: [unsupported, failed, degraded]
    default: []
  kinds:
    description:
      - 'Which kinds of units are in scope: V(ssvm), V(cpvm) and V(router), or of what V(router) means V(network),
        V(vpc), V(internal_lb) and V(orphan_router).'
      - 'If not given: all.'
    type: list
    elements: str
    choices: [ssvm, cpvm, router, network, vpc, internal_lb, orphan_router]
  zones:
    description:
      - Names or ids of zones.
      - 'If not given: all.'
    type: list
    elements: str
  names:
    description:
      - Names or ids of networks, VPCs, system VMs or routers; a router or a tier means its whole unit. In a name V(*)
        stands for any letters and V(?) for any one.
      - The plan shows which units that is. What a unit is really called comes first. A name that fits several units is
        refused, and so is one that fits none.
      - 'A list that is given and comes out empty is refused, too, and so is a number, which may have been another name:
        YAML takes 010 for 8.'
      - 'If not given: all.'
    type: list
    elements: str
  exclude_names:
    description:
      - What to leave out, named as in O(names).
    type: list
    elements: str
  owners:
    description:
      - 'Whose networks, VPCs and routers are in scope: accounts (V(jane), V(ROOT/customers/jane)), projects, and
        domains with all that is below them (V(ROOT/customers)).'
      - 'A name that means several is refused; with a slash at its end it is a domain, with C(project) before it a
        project. Before 4.19.2 servers tell only the names of domains: V(customers) is that domain alone.'
      - 'If not given: all.'
    type: list
    elements: str
  cidrs:
    description:
      - Networks in CIDR notation; a unit with a guest or public address inside one of them is in scope.
      - 'If not given: all.'
    type: list
    elements: str
  select:
    description:
      - A JMESPath expression over a unit of the plan that must be true for it to be in scope, for example
        C(owner.domain == 'ROOT/customers' && redundant).
      - It may ask for C(id), C(name), C(kind), C(zone), C(zone_id), C(hypervisor), C(hosts), C(owner), C(redundant),
        C(sensitive_services), C(tags), C(tiers) and C(vms). A field that units do not have is refused, and so is an
        answer that is neither true nor false.
      - 'If not given: all.'
    type: str
  ignore_checks:
    description:
      - Names of checks that may fail; what they saw is told all the same.
      - Checks behind which data or service may be lost cannot be ignored.
    type: list
    elements: str
    default: []
  canaries:
    description:
      - 'Which units are done before the others: V(true) for one per kind, hypervisor and zone, V(false) for none, or a
        list of units named as in O(names).'
      - A failed canary stops the run.
    type: raw
    default: true
  waves:
    description:
      - Sizes of the waves into which each step but the canaries' is cut, as numbers or percentages of the step, such as
        V(1, 5, 20%); the last one repeats.
      - 'If not given: one wave.'
    type: list
    elements: str
    default: []
  max_failures:
    description:
      - How many units may fail before no further unit is started, as a number or as a percentage such as V(10%) of the
        units to be upgraded.
      - What runs is finished and verified.
    type: str
    default: '0'
  deadline:
    description:
      - 'No unit is started that is not expected to end by then, going by durations seen: a time of day such as
        V(06:00), an ISO 8601 time, or a duration such as V(4h30m).'
      - A time of day is the next one in the local time zone, which the plan shows. YAML wants it in quotes.
    type: str
  rehearse:
    description:
      - 'Whether the plan is played before anything is touched: the scheduler carries it out on an imagined cloud, in
        seconds. The plan then says how long it will take, when each unit starts and ends, and what would be left at the
        deadline.'
      - Jobs take as long in it as they took in earlier runs on this cloud, or as documented.
      - 'Or what goes wrong in one more play, of which the plan then tells, too: V(fail), how many units, such as V(2%);
        V(slow), how many times longer all takes; V(server_restart), how long after the begin the management server
        restarts, such as V(''00:40''); V(host_down), a host. Each may be left out.'
      - With C(rehearse_sysvms) also V(plan), the path of a C(plan.json); then no cloud is asked.
    type: raw
    default: true
  alternatives:
    description:
      - Whether it is also played with other O(parallel), O(per_host) and O(waves), as C(rehearse_sysvms) does.
    type: bool
    default: false
  nights:
    description:
      - 'The window of each night, for a plan of several: V(start) as a time of day, V(length) as a duration, V(days) of
        the week on which it starts (V(mon) to V(sun), all of them if not given), and V(zones) that have another one, by
        name with the same keys.'
      - The plan says how many nights that takes and in which night each unit is done, also in C(plan.csv). Each night
        takes the units in their order, as long as they are expected to end within the window.
      - With an approved plan nothing is touched outside of the window of its zone, and the end of the window is the
        deadline unless O(deadline) says something else.
      - 'If not given: one run.'
    type: dict
  target_version:
    description:
      - Plan as if the management servers ran this version already, such as V(4.22), and say what has to be prepared
        before they are upgraded; only for a look ahead.
      - Nothing is touched; what an older server does not tell is said to be unknown. A version that they run already
        makes the plan as without it.
      - The role P(cloudstack.sysvm.upgrade#role) refuses it while they do not run it. YAML wants it in quotes.
    type: str
  parallel:
    description:
      - How many units are at work at a time.
      - At least V(1).
    type: int
    default: 10
  per_host:
    description:
      - How many units are at work on one hypervisor host at a time; V(0) means no bound.
      - An agent on KVM runs five commands at once, and a patch occupies one of them for minutes.
    type: int
    default: 2
  system_vms_at_once:
    description:
      - How many SSVMs are recreated or restarted at a time in the whole cloud, and CPVMs likewise; never two in a zone.
      - The server makes new ones in its capacity scan, one zone after the other, so with more at a time zones only wait
        longer without one.
      - At least V(1).
    type: int
    default: 1
  soak:
    description:
      - 'How long in seconds the canaries are watched after their proof before they count as done and the many follow.
        One has failed if anything new is wrong with it meanwhile: a VM that is not as it was, an alert, a health check
        that fails or, with O(probe), an address that does not answer for a time.'
      - A module that is used alone watches all its targets.
    type: int
    default: 0
seealso:
  - module: cloudstack.sysvm.cs_systemvm_livepatch
  - module: cloudstack.sysvm.cs_systemvm_recreate
  - module: cloudstack.sysvm.cs_router_restart
  - name: System-VMs and Virtual-Routers
    description: The support matrix that this module applies.
    link: https://docs.cloudstack.apache.org/en/latest/upgrading/
"""

EXAMPLES = r"""
- name: May the upgrade start?
  cloudstack.sysvm.cs_sysvm_version_check:
    api_url: https://cloud.example.com/client/api
    api_key: "{{ cloudstack_key }}"
    api_secret: "{{ cloudstack_secret }}"

- name: See the plan of one zone's routers without failing
  cloudstack.sysvm.cs_sysvm_version_check:
    zones: [Berlin]
    kinds: [router]
    fail_on_checks: false
  register: result

- name: Only a domain's redundant networks
  cloudstack.sysvm.cs_sysvm_version_check:
    select: owner.domain == 'ROOT/customers' && redundant
"""

RETURN = r"""
plan:
  description: What would be done, in which order.
  returned: always, also when a check fails
  type: dict
  contains:
    scope:
      description: The scope in force in one line, for a person.
      type: str
      sample: cloud cloud.example.com (2 zones); everything; method auto; no deadline; none may fail
    cloud:
      description: Host of the API.
      type: str
    approved:
      description:
        - With O(approved_lines), its C(source), how many C(lines) it has and how many are C(as_approved), the others in
          C(differs), C(current), C(gone) and C(left_out); C(not_approved), units that need something and have no line;
          C(later), those of other nights; the campaign's C(nights) and C(next_nights). Null without.
      type: dict
    max_failures:
      description: How many units may fail.
      type: int
    server_notes:
      description: What this release of the server cannot tell, in sentences; empty with O(target_version).
      type: list
      elements: str
    deadline:
      description: The moment that O(deadline) means, ISO 8601 with its time zone; null without one.
      type: str
      sample: "2026-11-23T06:00:00+01:00"
    forecast:
      description:
        - With O(target_version), the C(source) and the C(target), what has to be done to C(prepare) (each with C(what),
          C(state), what was C(seen) and the C(remedy)), the documentation's C(steps) in order, what is C(unknown) of an
          older server, and the page of the C(documentation). Null for the plan of a server as it is.
      type: dict
    not_handled:
      description:
        - What is made from the system VM template in these zones and belongs to no plan, such as shared file systems,
          with C(what), C(name) (null if nobody knows whether there are any), C(id), C(zone), C(because), C(remedy).
      type: list
      elements: dict
    drift:
      description:
        - What runs where in the whole cloud. C(running) has a row for all running VMs with the same C(zone),
          C(hypervisor), C(group), C(software) and C(scripts), with their C(count) by host in C(hosts), and whether the
          checksum is an md5 or a sha512 (C(digest)); C(odd) the routers whose scripts contradict the version that they
          claim, and C(why); C(agents) the KVM hosts by C(zone) and C(version); C(not_running) how many VMs do not run.
      type: dict
    estimate:
      description:
        - How long it will take, without pauses and hooks, as it was rehearsed. C(span_s) are the seconds at least and
          at most, C(likely_s) between them, C(span) in words, C(source) from what durations are known, C(left) how
          many units are not begun by the O(deadline), C(words) all of it. Null where nothing was rehearsed.
      type: dict
      sample: {span_s: [1320.0, 1860.0], likely_s: 1560.0, span: 22 to 31 min, left: 0, source: documented figures}
    what_if:
      description: What comes of what goes wrong with O(rehearse), C(if) and C(words) for people; how units C(ends).
      type: dict
    alternatives:
      description: With O(alternatives), the C(settings) that were played, C(likely_s) and what is C(left) with each.
      type: dict
    scene:
      description: What it takes to rehearse it without a cloud. Null where nothing was rehearsed.
      type: dict
    campaign:
      description: With O(nights), when each of the C(nights) begins and its C(units) by C(zones), and that in C(words).
      type: dict
    management_server_version:
      description: The version to upgrade to; null while the management servers differ.
      type: str
    steps:
      description:
        - The steps in their order, each with C(number), C(name), C(group), C(method), C(canary), the ids of its
          C(units), and C(span_s), the seconds it takes at least and at most.
      type: list
      elements: dict
    units:
      description:
        - Every unit in scope with C(id), C(name), C(kind), C(zone), C(hypervisor), C(hosts), C(owner),
          C(redundant), C(tags), C(tiers), C(vms), C(method), C(reason), C(step), C(impact), C(recreates) (after a live
          patch that failed), C(destroys), what was C(approved), C(expected_s) and C(expected_span_s), the seconds it
          takes at least and at most, and C(predicted), when it starts and ends in the rehearsal (C(start_s) and
          C(end_s), in seconds after the begin), and C(night), when its night begins.
      type: list
      elements: dict
checks:
  description: Every check with C(name), C(status) (V(ok), V(warn) or V(fail)), what was C(seen) and the C(remedy).
  returned: always, also when a check fails
  type: list
  elements: dict
  sample:
    - name: integration.api.port
      status: warn
      seen: the unauthenticated API is open on port 8096
      remedy: Set it to 0 and restart the management server.
summary:
  description: How many units by method.
  returned: always, also when a check fails
  type: dict
  sample: {"live_patch": 57, "none": 3, "skip": 1}
management_server_version:
  description: The version to upgrade to; null while the management servers differ.
  returned: always, also when a check fails
  type: str
  sample: 4.22.0.0
"""

from ..module_utils.entry.check import check_versions
from ..module_utils.entry.check_request import check_request
from ..module_utils.entry.module import run
from ..module_utils.planning.selection import MISSING_LIBRARIES


def main():
    run("cs_sysvm_version_check", check_request, check_versions, missing=MISSING_LIBRARIES)


if __name__ == "__main__":
    main()
