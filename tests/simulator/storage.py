# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary and primary storage, and what of it a new system VM needs."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulator.entities import Cluster, Entity, SystemVm, Vm, Zone
from tests.simulator.world import World

TERABYTE = 1 << 40
LOCAL = "HOST"
"""The scope of local storage."""


@dataclass(eq=False, kw_only=True)
class ImageStore(Entity):
    kind = "imagestore"
    zone: Zone
    readonly: bool = False
    total: int | None = None
    used: int | None = None
    """In bytes. The server has sizes only once an SSVM has told; as recorded there are none."""


@dataclass(eq=False, kw_only=True)
class StoragePool(Entity):
    kind = "storagepool"
    zone: Zone
    cluster: Cluster | None
    path: str
    scope: str = "CLUSTER"
    state: str = "Up"
    type: str = "NetworkFilesystem"


def stores_of(world: World, zone: Zone) -> list[ImageStore]:
    return [store for store in world.image_stores if store.zone is zone and store.removed is None]


def pools_of(world: World, zone: Zone) -> list[StoragePool]:
    return [pool for pool in world.storage_pools if pool.zone is zone and pool.removed is None]


def has_room(world: World, store: ImageStore) -> bool:
    """StatsCollector.imageStoreHasEnoughCapacity: a store of unknown size counts as empty."""
    if not store.total or store.used is None:
        return True
    return store.used / store.total <= float(world.setting("secondary.storage.capacity.threshold"))


def takes_ssvm(world: World, zone: Zone) -> bool:
    """SecondaryStorageManagerImpl.isZoneReady and .createSecStorageVmInstance."""
    return any(not store.readonly and has_room(world, store) for store in stores_of(world, zone))


def takes_private_ip(vm: Vm) -> bool:
    """An address of the pod: a router where it has no link-local one (ControlNetworkGuru.reserve)."""
    return isinstance(vm, SystemVm) or vm.hypervisor in ("VMware", "Hyperv")


def private_ips_taken(world: World, zone: Zone) -> int:
    placed = (vm for vm in world.vms.values() if vm.zone is zone and vm.host is not None)
    return sum(1 for vm in placed if takes_private_ip(vm))


def uses_local(world: World, zone: Zone) -> bool:
    return world.setting_is_true("system.vm.use.local.storage", zone)


def takes_disk(world: World, zone: Zone, local: bool) -> bool:
    """Whether a new ROOT volume finds its place: in a pool that is Up, and local or not as its offering is."""
    return any(pool.state == "Up" and (pool.scope == LOCAL) is local for pool in pools_of(world, zone))
