# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known defects that concern SSVMs, CPVMs and routers alike."""

from __future__ import annotations

from ...knowledge.vocabulary import Method
from .row import ALL, PATCH, RECREATE, REPOSITORY, START, Applicability, Defect, Effect, span

ROWS = (
    Defect(
        "7953",
        # Fixed in 4.18.2.0 and 4.19.0.0 (release notes); first release not named.
        (span(None, "4.18.2.0"),),
        "on a slow network a VM that starts may take an incomplete file of patches and be up 15 to 20 minutes later",
        START,
        ALL,
        Effect.WARN,
        "allow for it with O(start_timeout)",
        f"{REPOSITORY}/pull/7953",
    ),
    Defect(
        "6853",
        # In 4.17.2.0 (release notes); the line came with #5008 (4.17.0.0, ancestry).
        (span("4.17.0.0", "4.17.2.0"),),
        "a new VM gets a wrong disk offering: storage tags, and whether it lies on local storage, are not those of "
        "the system offering",
        RECREATE,
        ALL,
        Effect.WARN,
        "look where the ROOT volume of the first new VM was made before going on",
        f"{REPOSITORY}/pull/6853",
    ),
    Defect(
        "9197",
        # In 4.19.1.0 (release notes), in no 4.18.2.x (ancestry); VMware is spared (VolumeOrchestrator.switchVolume).
        # First release not named.
        (span(None, "4.19.1.0"),),
        "the old disk of a VM that is started on a new one stays on primary storage until the storage clean-up, and "
        "its volume is listed beside the new one",
        frozenset({Method.RESTART}),
        ALL,
        Effect.WARN,
        "have room for both, or set storage.cleanup.interval lower before",
        f"{REPOSITORY}/pull/9197",
        hypervisors=frozenset({"KVM", "XenServer", "Hyperv", "LXC", "Ovm3"}),
    ),
    Defect(
        "8395",
        # In 4.19.1.0 (release notes), in no 4.18.2.x (ancestry). Issue 8388 (4.18.1) has the error, and that the UI
        # shows such a template as Ready.
        (span(None, "4.19.1.0"),),
        "in a zone that was added later a VM may not start although its template is there ('Template for the VM "
        "instance can not be found in the zone')",
        START,
        ALL,
        Effect.WARN,
        "register the template for all zones; where it is, add its row for the zone to template_zone_ref, as issue "
        "8388 says",
        f"{REPOSITORY}/pull/8395",
    ),
    Defect(
        "6755",
        # New in 4.19.0.0 (ancestry): AsyncJobManagerImpl.checkShutdown refuses the jobs of a running restart's VMs,
        # too. #10417 (4.21.0.0, ancestry) lets those of older jobs go on.
        (span("4.19.0.0", "4.21.0.0"),),
        "while a management server prepares for a shutdown, restarts that run already break off between two steps",
        PATCH | START,
        ALL,
        Effect.WARN,
        "let nobody call prepareForShutdown or triggerShutdown while this runs",
        f"{REPOSITORY}/pull/6755",
    ),
    Defect(
        "10046",
        # In 4.19.2.0 and 4.20.1.0 (release notes), not in 4.20.0.0 (ancestry). From the code: #7874 (4.18.1.0, release
        # notes) no longer makes the template's row for a second store, and then looks for it. Issue 9513: three zones,
        # 4.18 and 4.19 fail, 4.17.2 works, "after manually adding the 4.19.1 systemvm template, issue is resolved".
        (span("4.18.1.0", "4.19.2.0"), span("4.20.0.0", "4.20.1.0")),
        "the upgrade of the management server registers a template for the first zone and fails for the second one",
        frozenset(),
        ALL,
        Effect.PREPARE,
        "register the template in all zones",
        f"{REPOSITORY}/pull/10046",
        Applicability.SEVERAL_ZONES,
    ),
    Defect(
        "12952",
        # In 4.20.3.0 (release notes); those of 4.22.0.1 do not have it, those of 4.22.1.0 were not seen. Since #10289
        # (4.20.1.0, ancestry) registerOrUpdateSystemVmTemplate compares architectures, and only templates for KVM have
        # one; once one of those has to be registered, all are.
        (span("4.20.1.0", "4.20.3.0"), span("4.21.0.0", None)),
        "the upgrade of the management server registers templates only where one for KVM has to be registered",
        frozenset(),
        ALL,
        Effect.PREPARE,
        "register the template in each zone",
        f"{REPOSITORY}/pull/12952",
        Applicability.NO_KVM_TEMPLATE_TO_REGISTER,
        hypervisors=frozenset({"VMware", "XenServer"}),
    ),
)
