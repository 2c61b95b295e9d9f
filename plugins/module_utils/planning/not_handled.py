# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made from the system VM template and outside of every plan: named, with why and what to do. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..cloud.infrastructure import Cloud, SharedFileSystem, UnlistedVm
from ..knowledge.shapes import NotHandledData
from ..knowledge.vocabulary import Kind
from ..units.allowed import LOOK_AT_IT, ORPHANED

SHARED_FILE_SYSTEM = "shared file system"


def not_handled(cloud: Cloud, zones: Collection[str]) -> list[NotHandledData]:
    """Everything of its sort in these zones, whatever else the scope leaves out.

    :param zones: ids of zones.
    """
    return list(_found(cloud, frozenset(zones)))


def _found(cloud: Cloud, zones: frozenset[str]) -> Iterator[NotHandledData]:
    if cloud.shared_file_systems is None:
        yield _entry(
            SHARED_FILE_SYSTEM,
            None,
            None,
            None,
            "unknown here whether there are any, as this account may not call listSharedFileSystems",
            "Allow the command in the account's role.",
        )
    for shared in cloud.shared_file_systems or ():
        if shared.zone_id in zones:
            yield _shared_file_system(shared)
    for vm in cloud.unlisted_vms:
        if vm.zone_id in zones:
            yield _unlisted(vm)
    for going in cloud.going:
        if going.zone_id in zones:
            yield _entry(
                "VM that is being removed",
                going.name,
                going.id,
                going.zone,
                f"it is {going.state}, so it belongs to nothing any more",
                "Plan again in some minutes; if it is still there, see the management server's log for what keeps it, "
                "mostly its storage.",
            )
    for unit in cloud.units:
        if unit.kind is Kind.ORPHAN and unit.zone_id in zones:
            remedy = f"{LOOK_AT_IT[0].upper()}{LOOK_AT_IT[1:]}. If nobody needs it, destroyRouter removes it."
            yield _entry("router", unit.name, unit.id, unit.zone, ORPHANED, remedy)


def _entry(
    what: str, name: str | None, identity: str | None, zone: str | None, because: str, remedy: str
) -> NotHandledData:
    return {"what": what, "name": name, "id": identity, "zone": zone, "because": because, "remedy": remedy}


def _shared_file_system(shared: SharedFileSystem) -> NotHandledData:
    """Its VM is of type User, so an upgrade leaves its templateid alone, patchSystemVm and restoreVirtualMachine refuse
    it, a start copies no scripts into it, and restartSharedFileSystem with cleanup duplicates its ROOT volume with the
    template that this has (StorageVmSharedFSLifeCycle.reDeploySharedFS, VolumeOrchestrator.allocateDuplicateVolume)."""
    made_from = f", made from {shared.template}" if shared.template else ""
    return _entry(
        SHARED_FILE_SYSTEM,
        shared.name,
        shared.id,
        shared.zone,
        f"its VM is a guest to CloudStack{made_from}, and no command gives it another template or patches it",
        "For what is only in the new template create a new one and copy the data; restartSharedFileSystem with cleanup "
        "makes its disk anew from the template that it has, so keep that one.",
    )


def _unlisted(vm: UnlistedVm) -> NotHandledData:
    made_from = f" (made from {vm.template})" if vm.template else ""
    if vm.elastic_lb:
        return _entry(
            "elastic load balancer VM",
            vm.name,
            vm.id,
            vm.zone,
            f"no list of the API shows what runs in it, only its disk{made_from}",
            "Delete its load balancer rules, which releases their address; wait until the server has destroyed the "
            "unused VM (network.loadbalancer.basiczone.elb.gc.interval.minutes, twice); make the rules again: that VM "
            "is from the new template.",
        )
    return _entry(
        f"unlisted {vm.type}",
        vm.name,
        vm.id,
        vm.zone,
        f"no list of the API shows it, only its disk{made_from}",
        "Plan again: it may have come or gone meanwhile. If it stays, look on the hosts whether it runs, and in the "
        "management server's log for what became of it.",
    )
