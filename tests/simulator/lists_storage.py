# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary and primary storage."""

from __future__ import annotations

from typing import Any

from tests.simulator import render_parts
from tests.simulator.commands import Call, command, dump
from tests.simulator.identity import uuid_of
from tests.simulator.lists import PAGED
from tests.simulator.storage import TERABYTE, ImageStore, StoragePool
from tests.simulator.world import World


def image_store(store: ImageStore) -> dict[str, Any]:
    """The sizes are ImageStoreJoinDaoImpl's; the recorded server had none."""
    shown: dict[str, Any] = {
        "id": store.id,
        **render_parts.zone_fields(store.zone),
        "name": store.name,
        "url": f"nfs://{render_parts.DNS}/export/{store.zone.name}/secondary",
        "protocol": "nfs",
        "providername": "NFS",
        "scope": "ZONE",
        "readonly": store.readonly,
    }
    if store.total is not None:
        shown |= {"disksizetotal": store.total, "disksizeused": store.used or 0}
    return shown | {"hasannotations": False}


@command("listImageStores", f"{PAGED} id:uuid name zoneid:uuid protocol provider readonly:boolean", ids="imagestore")
def list_image_stores(call: Call) -> str:
    chosen = call.select(
        [store for store in call.world.image_stores if store.removed is None],
        objects={"id": lambda store: store, "zoneid": lambda store: store.zone},
        values={
            "name": lambda store: store.name,
            "protocol": lambda store: "nfs",
            "provider": lambda store: "NFS",
            "readonly": lambda store: store.readonly,
        },
        keyword=lambda store: [store.name],
    )
    return call.rows("imagestore", chosen, image_store)


@command(
    "updateImageStore",
    "id!:uuid name readonly:boolean capacitybytes",
    ids="imagestore",
    response="updateImageStoreresponse",
    mutating=True,
)
def update_image_store(call: Call) -> str:
    store = call.objects["id"]
    assert isinstance(store, ImageStore)
    if "readonly" in call.params:
        call.world.change(store, readonly=call.flag("readonly"))
    return dump({"imagestore": image_store(store)})


@command(
    "listSecondaryStagingStores", f"{PAGED} id:uuid name zoneid:uuid", response="listsecondarystagingstoreresponse"
)
def list_secondary_staging_stores(call: Call) -> str:
    return "{}"


@command(
    "listStoragePools",
    f"{PAGED} id:uuid name zoneid:uuid podid:uuid clusterid:uuid scope status ipaddress path",
    ids="storagepool",
)
def list_storage_pools(call: Call) -> str:
    world = call.world
    chosen = call.select(
        [pool for pool in world.storage_pools if pool.removed is None],
        objects={
            "id": lambda pool: pool,
            "zoneid": lambda pool: pool.zone,
            "clusterid": lambda pool: pool.cluster,
        },
        values={
            "name": lambda pool: pool.name,
            "podid": lambda pool: None if pool.cluster is None else pool.zone.pod_id,
            "scope": lambda pool: pool.scope,
            "status": lambda pool: pool.state,
        },
        keyword=lambda pool: [pool.name],
    )
    return call.rows("storagepool", chosen, lambda pool: storage_pool(world, pool))


def storage_pool(world: World, pool: StoragePool) -> dict[str, Any]:
    """Pools of a zone have no pod or cluster."""
    zone, cluster = pool.zone, pool.cluster
    vms = sum(1 for vm in world.vms.values() if vm.zone is zone)
    holds_vms = pool.id == uuid_of("storagepool", zone.name)
    hypervisor = cluster.hypervisor if cluster is not None else zone.hypervisor
    return {
        "id": pool.id,
        **render_parts.zone_fields(zone),
        **(render_parts.pod_fields(zone) if cluster is not None else {}),
        "name": pool.name,
        "ipaddress": render_parts.DNS,
        "path": pool.path,
        "created": world.stamp(pool.born),
        "type": pool.type,
        **({"clusterid": cluster.id, "clustername": cluster.name} if cluster is not None else {}),
        "capacitybytes": TERABYTE,
        "disksizetotal": TERABYTE,
        "disksizeallocated": vms << 31 if holds_vms else 0,
        "disksizeused": 0,
        "capacityiops": 1000000,
        "usediops": 500000,
        "istagarule": False,
        "state": pool.state,
        "scope": pool.scope,
        "overprovisionfactor": "2.0",
        "hypervisor": hypervisor,
        "provider": "DefaultPrimary",
        "storagecapabilities": {"VOLUME_SNAPSHOT_QUIESCEVM": "false"},
        "managed": False,
        "details": {},
        "hasannotations": False,
    }
