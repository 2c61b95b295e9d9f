# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known defects that concern routers."""

from __future__ import annotations

from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.defects.model import (
    PATCH,
    RECREATE,
    REPOSITORY,
    ROUTERS,
    START,
    VPC,
    Condition,
    Defect,
    Effect,
    span,
)

ROWS = (
    Defect(
        "8745",
        # Fixed by #8881 in 4.18.2.0 and 4.19.1.0 (release notes). The issue names 4.18 and 4.19; since #5580 (4.16.0.0)
        # several tiers may balance load, and 4.16.0 and 4.17.0 have the same code (finalizeNetworkRulesForNetwork).
        (span("4.16.0.0", "4.18.2.0"), span("4.19.0.0", "4.19.1.0")),
        "a router of a VPC that starts has the load balancing rules of one tier only",
        START,
        VPC,
        Effect.APPLY_RULES_AFTER,
        # LoadBalancingRules sends the rules of the whole VPC since #5580.
        "one tier that balances load is restarted without cleanup afterwards, which sends the rules of all tiers",
        f"{REPOSITORY}/issues/8745",
        Condition.LB_IN_SEVERAL_TIERS,
    ),
    Defect(
        "10962",
        # Regression of #9900, which came with 4.19.2.0 and 4.20.1.0; fixed in 4.20.2.0 and 4.22.0.0 (release notes).
        # 4.19.3.0 and 4.21.0.0 contain #9900 and not #10962 (ancestry); 4.20.0.0 contains neither.
        (span("4.19.2.0", "4.20.0.0"), span("4.20.1.0", "4.20.2.0"), span("4.21.0.0", "4.22.0.0")),
        "after a live patch the server keeps the checksum of the old scripts, so a router looks unpatched and, if its "
        "template is below the minimum, takes no more commands (12211)",
        PATCH,
        ROUTERS,
        Effect.SECOND_PATCH,
        # Where the new checksum cannot be read, the server stores what the VM had before the patch: the second patch
        # finds the new one there (PatchSystemVmCommand wrappers; routers are patched with force). Inferred.
        "the second one stores the right checksum",
        f"{REPOSITORY}/pull/10962",
        on_host=True,
    ),
    Defect(
        "8497",
        # #8497 (4.20.0.0, ancestry; the same at 4.22) has the patch script install two packages where the template is
        # Debian 11 (packages.ini), not silenced. The wrappers of PatchSystemVmCommand take the checksum from the output
        # only if there is exactly one colon in it, else the one of before. What apt prints was inferred; the packages
        # are there at the second patch, which prints nothing.
        (span("4.20.0.0", None),),
        "the first live patch of a router with Debian 11 installs packages, so the server may keep the old checksum "
        "and the job end with 530 'Failed to restart network', although the router is patched",
        PATCH,
        ROUTERS,
        Effect.SECOND_PATCH,
        "the second one stores the right checksum, and a 530 before it is no failure",
        f"{REPOSITORY}/pull/8497",
        Condition.TEMPLATE_BELOW_DEBIAN_12,
        on_host=True,
    ),
    Defect(
        "8497-python",
        # Read in the source, reported by nobody, and the documented matrix allows it: since #8497 the scripts import
        # what only Python 3 has (configure.py: urllib.request) and are run by /usr/bin/python, which is Python 2 in
        # Debian 9 and 10 (templates 4.14 and 4.15); packages.ini makes it Python 3 in Debian 11 only.
        (span("4.20.0.0", None),),
        "the new scripts need Python 3 as `python`, which a live patch brings to routers with Debian 11 only: one with "
        "Debian 9 or 10 probably takes no more rules once it is patched",
        PATCH,
        ROUTERS,
        Effect.WARN,
        "recreate it",
        f"{REPOSITORY}/pull/8497",
        Condition.TEMPLATE_BELOW_DEBIAN_11,
        on_host=True,
    ),
    Defect(
        "10710",
        # In 4.22.0.0 (release notes, ancestry). Its monitorServices.py has `match` statements, which Python below 3.10
        # cannot parse; Debian 11 has 3.9. No other script of a router has any (looked for at 4.20.0.0 to 4.22).
        (span("4.22.0.0", None),),
        "health checks and the monitoring of services no longer run in a router with Debian 11 or older: services that "
        "stop are not started again, and the results that are shown are those of before the live patch",
        PATCH,
        ROUTERS,
        Effect.WARN,
        "recreate it to get monitoring back",
        f"{REPOSITORY}/pull/10710",
        Condition.TEMPLATE_BELOW_DEBIAN_12,
        on_host=True,
    ),
    Defect(
        "12211",
        # NetworkHelperImpl.checkRouterVersion, by checksum since #5831 (4.17.0.0), the same at 4.22. The issue
        # (4.20.1.0 to 4.20.2.0, closed) does not say what the cause was: no fix is known.
        (span("4.17.0.0", None),),
        "a live patched router built from a template below the minimum takes commands only while the checksum the "
        "server stored is that of the server's own scripts; otherwise 'Router requires upgrade', and instances of the "
        "network cannot be started",
        PATCH,
        ROUTERS,
        Effect.WARN,
        "compare the scripts' checksum afterwards; upgrade the KVM hosts' cloudstack-agent first; where it differs, "
        "live patch again, else restart or recreate the router",
        f"{REPOSITORY}/issues/12211",
        Condition.TEMPLATE_BELOW_MINIMUM,
    ),
    Defect(
        "12621",
        # The maintainer's words: a regression of #11249, which is in 4.21.0.0 and not in 4.20.2.0 (ancestry). Fixed by
        # #12622, merged; the release notes up to 4.20.3.0 and 4.22.0.1 do not have it, those of 4.22.1.0 were not seen.
        (span("4.21.0.0", None),),
        "a restart of a VPC with cleanup fails with 'cidr is not formatted correctly' if a public range of another "
        "VLAN was added to the zone",
        RECREATE,
        VPC,
        Effect.WARN,
        "live patch it; or have broadcast_uri, gateway and cidr of the Public network set to NULL in the database, as "
        "the issue says",
        f"{REPOSITORY}/issues/12621",
        Condition.SEVERAL_PUBLIC_RANGES,
    ),
    Defect(
        "7958",
        # Fixed in 4.18.2.0 and 4.19.0.0 (release notes); live patching exists since 4.17.0.0.
        (span("4.17.0.0", "4.18.2.0"),),
        "a live patch reaches no router of a VPC none of whose tiers is Implemented",
        PATCH,
        VPC,
        Effect.OTHER_METHOD,
        "recreate it",
        f"{REPOSITORY}/pull/7958",
        Condition.NO_TIER_IMPLEMENTED,
    ),
    Defect(
        "9582",
        # Reported with 4.19.1.1, closed; neither a first release nor a fix is named. The router's configuration is made
        # from the database whenever a rule is applied, in all releases.
        (span(None, None),),
        "changes made by hand in a router's haproxy.cfg (such as time-outs) get lost",
        PATCH | START,
        ROUTERS,
        Effect.WARN,
        "have the owner's changes ready to be made again",
        f"{REPOSITORY}/issues/9582",
        Condition.LOAD_BALANCING,
    ),
    Defect(
        "8729",
        # Fixed by #8787 in 4.18.2.0 and 4.19.1.0 (release notes; not in 4.19.0.0). Reported with 4.19.0, first release
        # not named.
        (span(None, "4.18.2.0"), span("4.19.0.0", "4.19.1.0")),
        "a router of a VPC without tiers starts without firewall rules on its public address",
        START,
        VPC,
        Effect.WARN,
        "leave the VPC alone until the management server is upgraded, or add a tier with an instance",
        f"{REPOSITORY}/issues/8729",
        Condition.NO_TIERS,
        on_host=True,
    ),
    Defect(
        "8055",
        # Sped up by #8385 in 4.18.2.0 and 4.19.1.0 (release notes); seen from 4.17.2 to 4.18.1, 61 minutes for ten
        # tiers, 9 with the change. First release not named.
        (span(None, "4.18.2.0"), span("4.19.0.0", "4.19.1.0")),
        "the start of a router of a VPC with many tiers and rules takes up to an hour, and the server cancels its job",
        START,
        VPC,
        Effect.WARN,
        "live patch it; or raise job.cancel.threshold.minutes and sysvm_start_timeout before",
        f"{REPOSITORY}/issues/8055",
        Condition.MANY_TIERS,
    ),
)
