# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known defects that concern routers."""

from __future__ import annotations

from ...knowledge.vocabulary import Kind
from .row import PATCH, RECREATE, REPOSITORY, ROUTERS, START, VPC, Applicability, Defect, Effect, span

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
        Applicability.LB_IN_SEVERAL_TIERS,
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
        Applicability.TEMPLATE_BELOW_DEBIAN_12,
        on_host=True,
    ),
    Defect(
        "8497-python",
        # Read in the source, reported by nobody, and the documented matrix allows it: since #8497 the scripts import
        # what only Python 3 has (configure.py: urllib.request) and are run by /usr/bin/python, which is Python 2 in
        # Debian 9 and 10 (templates 4.14 and 4.15); packages.ini makes it Python 3 in Debian 11 only.
        (span("4.20.0.0", None),),
        "the new scripts need Python 3 as `python`, which a live patch brings to routers with Debian 11 only: one "
        "with Debian 9 or 10 probably takes no more rules once it is patched",
        PATCH,
        ROUTERS,
        Effect.WARN,
        "recreate it",
        f"{REPOSITORY}/pull/8497",
        Applicability.TEMPLATE_BELOW_DEBIAN_11,
        on_host=True,
    ),
    Defect(
        "10710",
        # In 4.22.0.0 (release notes, ancestry). Its monitorServices.py has `match` statements, which Python below 3.10
        # cannot parse; Debian 11 has 3.9. No other script of a router has any (looked for at 4.20.0.0 to 4.22).
        (span("4.22.0.0", None),),
        "health checks and the monitoring of services no longer run in a router with Debian 11 or older: services "
        "that stop are not started again, and the results that are shown are those of before the live patch",
        PATCH,
        ROUTERS,
        Effect.WARN,
        "recreate it to get monitoring back",
        f"{REPOSITORY}/pull/10710",
        Applicability.TEMPLATE_BELOW_DEBIAN_12,
        on_host=True,
    ),
    Defect(
        "12211",
        # NetworkHelperImpl.checkRouterVersion, by checksum since #5831 (4.17.0.0), the same at 4.22. The issue
        # (4.20.1.0 to 4.20.2.0, closed) does not say what the cause was: no fix is known. What 8497 does leaves routers
        # so.
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
        Applicability.TEMPLATE_BELOW_MINIMUM,
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
        Applicability.SEVERAL_PUBLIC_RANGES,
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
        Applicability.NO_TIER_IMPLEMENTED,
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
        Applicability.LOAD_BALANCING,
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
        Applicability.NO_TIERS,
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
        "live patch it; or raise job.cancel.threshold.minutes and O(start_timeout) before",
        f"{REPOSITORY}/issues/8055",
        Applicability.MANY_TIERS,
    ),
    Defect(
        "8741",
        # In 4.19.1.0 (release notes), in no 4.18.2.x (ancestry). Regression of #6426 (4.18.0.0, release notes): its
        # get_device_info keeps one address of each device. Reported after upgrades to 4.18.1 (issues 8158 and 9687:
        # "all the routers with a shared network that have more than one guest IP range"). No list that is read has the
        # ranges.
        (span("4.18.0.0", "4.19.1.0"),),
        "in a shared network with several IP ranges the router's DHCP server answers for one of them only: instances "
        "in the others get no address",
        PATCH | START,
        frozenset({Kind.NETWORK}),
        Effect.WARN,
        "where there are several ranges, leave the network out with O(exclude_names) until the management server "
        "runs 4.19.1 or newer",
        f"{REPOSITORY}/pull/8741",
        Applicability.SHARED_NETWORK,
        on_host=True,
    ),
    Defect(
        "8354",
        # In 4.19.1.0 (release notes). Accounts may own addresses of another's VPC since #7153 (4.19.0.0, ancestry).
        (span("4.19.0.0", "4.19.1.0"),),
        "a router of a domain's VPC that starts has no static NAT, port forwarding and load balancing rules for "
        "public addresses of accounts other than the VPC's owner",
        START,
        VPC,
        Effect.WARN,
        "where other accounts have addresses in it, live patch it, or upgrade the management server to 4.19.1 first",
        f"{REPOSITORY}/pull/8354",
    ),
    Defect(
        "10366",
        # In 4.19.3.0 and 4.20.1.0 (release notes), not in 4.20.0.0 (ancestry). First release not named; the line is in
        # all from 4.16 on. "Error seen while doing consecutive VPC restarts with cleanup."
        (span(None, "4.19.3.0"), span("4.20.0.0", "4.20.1.0")),
        "the start of the second router of a pair may end with a NullPointerException, seen when a VPC was restarted "
        "with cleanup twice in a row",
        RECREATE,
        ROUTERS,
        Effect.WARN,
        "restart it once only, and run again when its first router is Running: then the second one is made",
        f"{REPOSITORY}/pull/10366",
        Applicability.PAIR,
    ),
    Defect(
        "6921",
        # In 4.17.2.0 (release notes) and its template; issue 6873 names 4.17.0.0 and newer, where #5831 had changed
        # what a router does first.
        (span("4.17.0.0", "4.17.2.0"),),
        "a router of a VPC has no route to a management server in another subnet than its pod's, so it is never set up",
        START,
        VPC,
        Effect.WARN,
        "live patch it, or upgrade the management server to 4.17.2 first, whose template has the route",
        f"{REPOSITORY}/pull/6921",
        hypervisors=frozenset({"VMware", "Hyperv"}),
    ),
    Defect(
        "7982",
        # In 4.18.2.0 and 4.19.0.0 (release notes), as something that scripts leave behind: what counts is what ran in
        # the router when the tier was removed, not the server that patches it. Issue 7968 (4.15.2, redundant VPCs):
        # "cannot define multiple listeners on the same IP:port"; "a VPC restart with cleanup seems to fix it". Routers
        # that are no pair may bind an address that they no longer have (ip_nonlocal_bind). Live patches: 4.17.0.0.
        (span("4.17.0.0", None),),
        "where a tier was removed and made again with the same gateway, the web server of the VPC's routers does not "
        "start, so instances get no user data and passwords, and a live patch does not mend it",
        PATCH,
        VPC,
        Effect.WARN,
        "recreate it where its health check of apache2 fails",
        f"{REPOSITORY}/pull/7982",
        Applicability.OLD_REDUNDANT_VPC,
    ),
    Defect(
        "10067",
        # In 4.19.2.0 and 4.20.1.0 (release notes), not in 4.20.0.0 (ancestry). It fails in Python 3, which the scripts
        # are since #8497 (4.20.0.0); in Python 2 a method is greater than a number. Issues 10073 and 10866: "used to
        # work before update to 4.20".
        (span("4.20.0.0", "4.20.1.0"),),
        "a site-to-site VPN whose customer gateway has split connections is not set up again",
        PATCH | START,
        VPC,
        Effect.WARN,
        "leave such VPCs out with O(exclude_names) until the management server runs 4.20.1",
        f"{REPOSITORY}/pull/10067",
        Applicability.SITE_VPN,
        on_host=True,
    ),
    Defect(
        "10563",
        # In 4.19.3.0 and 4.20.1.0 (release notes), not in 4.20.0.0 (ancestry). The annotation that names two entities
        # is of 2012.
        (span(None, "4.19.3.0"), span("4.20.0.0", "4.20.1.0")),
        "where a project has members, the id of a network that no longer exists may be taken for that of another one",
        PATCH | START,
        ROUTERS | {Kind.INTERNAL_LB},
        Effect.WARN,
        "let nobody remove networks while this runs",
        f"{REPOSITORY}/pull/10563",
    ),
    Defect(
        "11592",
        # #9102 is in 4.21.0.0 and not in 4.20.2.0 (ancestry); CsDhcp.py of 4.22.0.0 has the same lines. Fixed by
        # #12161, merged into the branch 4.22 after 4.22.0.0 (2025-11-30); that 4.22.1.0 (2026-05) has it was inferred.
        (span("4.21.0.0", "4.22.1.0"),),
        "DHCP no longer gives out a tier's gateway as name server: instances of the VPC stop resolving each other's "
        "names when they renew their leases",
        PATCH | START,
        VPC,
        Effect.WARN,
        "where names inside matter, leave the VPC out with O(exclude_names) until management server and KVM hosts "
        "have 4.22.1",
        f"{REPOSITORY}/issues/11592",
        Applicability.TIERS,
        on_host=True,
    ),
    Defect(
        "11965",
        # #11967 describes it: a static route by next hop, which there is since 4.21.0.0 (CreateStaticRouteCmd), has no
        # address of a gateway, which CsAddress.py looks up for private gateways since #10262 (4.20.1.0). Merged by
        # 2025-12-16, not in 4.22.0.0 (source); the release is not known. No list that is read has the routes.
        (span("4.21.0.0", None),),
        "a router of a VPC that has both a private gateway and a static route by next hop cannot be configured: its "
        "VPC does not start, and no more rules are applied",
        PATCH | START,
        VPC,
        Effect.WARN,
        "where the VPC has such a route, leave it out with O(exclude_names), or have the route removed before",
        f"{REPOSITORY}/issues/11965",
        Applicability.PRIVATE_GATEWAY,
        on_host=True,
    ),
    Defect(
        "7433",
        # "4.18, All before 4.18"; fixed by #7877 in 4.18.1.0 (ancestry), which tries one hypervisor after the other.
        (span(None, "4.18.1.0"),),
        "the server picks a hypervisor for a new router before it looks for hosts, and tries no other",
        RECREATE,
        ROUTERS,
        Effect.WARN,
        "have usable hosts of each hypervisor, or set system.vm.default.hypervisor before",
        f"{REPOSITORY}/issues/7433",
        Applicability.SEVERAL_HYPERVISORS,
    ),
)
