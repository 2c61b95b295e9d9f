# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known defects that concern SSVMs and CPVMs."""

from __future__ import annotations

from ...knowledge.vocabulary import Kind
from .row import PATCH, RECREATE, REPOSITORY, START, SYSTEM_VMS, Applicability, Defect, Effect, span

ROWS = (
    Defect(
        "9086",
        # Fixed by #9900 in 4.19.2.0 and 4.20.1.0 (release notes). The patch script removes the agent's folder with its
        # keystore since there is one (4.17.0.0); reported with 4.19.1.2.
        (span("4.17.0.0", "4.19.2.0"), span("4.20.0.0", "4.20.1.0")),
        "a live patch resets the keystore: an SSVM then cannot download templates, ISOs and volumes from HTTPS sites "
        "whose certificates are not among the few left",
        PATCH,
        frozenset({Kind.SSVM}),
        Effect.WARN,
        "recreate the SSVM where downloads over HTTPS matter, also one that was patched already",
        f"{REPOSITORY}/issues/9086",
        on_host=True,
    ),
    Defect(
        "8303",
        # Fixed by #8369 in 4.18.2.0 and 4.19.1.0 (release notes; not in 4.19.0.0). Reported with the template 4.18.1.
        (span("4.18.0.0", "4.18.2.0"), span("4.19.0.0", "4.19.1.0")),
        "a CPVM that starts has no firewall rules, as the port of the VNC server is not filled in",
        START,
        frozenset({Kind.CPVM}),
        Effect.WARN,
        "live patch the CPVM, which does not set up its firewall anew; or wait for a release with the fix",
        f"{REPOSITORY}/issues/8303",
        on_host=True,
    ),
    Defect(
        "11557",
        # #11245 broke BridgeVifDriver of the KVM agent; 4.21.0.0 has that without the fix, 4.20.2.0 and 4.22.0.0 both
        # (release notes, ancestry). Reported with 4.21 (issues 11552 and 11611: "SSVM unable to create"). Where storage
        # traffic has IP ranges of its own without a VLAN, the NIC has no broadcast URI (StorageNetworkGuru); no list
        # that is read tells of them.
        (span("4.21.0.0", "4.22.0.0"),),
        "an SSVM on KVM whose zone has a storage network without VLAN does not start (NullPointerException)",
        START,
        frozenset({Kind.SSVM}),
        Effect.OTHER_METHOD,
        "live patch it; where the storage network has a VLAN or there is none, it can be destroyed by hand",
        f"{REPOSITORY}/pull/11557",
        hypervisors=frozenset({"KVM"}),
        on_host=True,
    ),
    Defect(
        "7144",
        # In 4.18.1.0 (release notes); reported after an upgrade to 4.17.0.1 (issue 6698, whose comments have the
        # conditions). 4.15.2 to 4.18.0 have the same code (IpAddressManagerImpl.listAvailablePublicIps).
        (span(None, "4.18.1.0"),),
        "no address is found for a new SSVM or CPVM where public ranges are dedicated both to system VMs and to the "
        "ROOT domain, and system.vm.public.ip.reservation.mode.strictness is true",
        RECREATE,
        SYSTEM_VMS,
        Effect.WARN,
        "where that is so, live patch it, or release the ROOT domain's range before",
        f"{REPOSITORY}/pull/7144",
    ),
    Defect(
        "13021",
        # Merged in 2026-04 or later; the release is not known. ConsoleProxyManagerImpl.isPoolReadyForScan asks for all
        # zones in every release that was looked at, 4.14.1.0 to 4.22.0.0. A start does not go through it.
        (span(None, None),),
        "while a CPVM of any zone is Starting or Stopping, no zone gets a new one, so recreations in several zones "
        "wait for each other",
        RECREATE,
        frozenset({Kind.CPVM}),
        Effect.WARN,
        "allow for it with O(start_timeout), and let nobody restart CPVMs of other zones while this runs",
        f"{REPOSITORY}/pull/13021",
        Applicability.OTHER_ZONES,
    ),
    Defect(
        "8089",
        # In 4.18.2.0 and 4.19.0.0 (release notes). The description is about agents that change between management
        # servers; that a patched VM's agent meets it was inferred. First release not named.
        (span(None, "4.18.2.0"),),
        "an agent that connects anew, as after a live patch or when a management server was restarted, may stay Alert "
        "or Disconnected although it runs",
        PATCH | START,
        SYSTEM_VMS,
        Effect.WARN,
        "restart the service cloud in the VM if its agent does not come back",
        f"{REPOSITORY}/pull/8089",
    ),
)
