# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary and primary storage: one store and two pools in every zone."""

from __future__ import annotations

from typing import Any

from tests.simulator import render
from tests.simulator.commands import Call, command, dump
from tests.simulator.errors import unknown_value
from tests.simulator.identity import uuid_of
from tests.simulator.lists import PAGED
from tests.simulator.world import World, Zone

TERABYTE = 1 << 40


def image_store_of(zone: Zone) -> str:
    return uuid_of("imagestore", f"{zone.name}-sec")


def image_store(world: World, zone: Zone) -> dict[str, Any]:
    """As recorded without sizes: the server has them only once an SSVM has told."""
    name = f"{zone.name}-sec"
    return {
        "id": image_store_of(zone),
        **render.zone_fields(zone),
        "name": name,
        "url": f"nfs://{render.DNS}/export/{zone.name}/secondary",
        "protocol": "nfs",
        "providername": "NFS",
        "scope": "ZONE",
        "readonly": image_store_of(zone) in world.read_only_stores,
        "hasannotations": False,
    }


@command("listImageStores", f"{PAGED} id:uuid name zoneid:uuid protocol provider readonly:boolean")
def list_image_stores(call: Call) -> str:
    rows = [image_store(call.world, zone) for zone in call.world.zones if call.same("zoneid", zone)]
    chosen = call.select(
        rows,
        values={
            "id": lambda row: row["id"],
            "name": lambda row: row["name"],
            "protocol": lambda row: row["protocol"],
            "provider": lambda row: row["providername"],
            "readonly": lambda row: row["readonly"],
        },
        keyword=lambda row: [row["name"]],
    )
    return call.rows("imagestore", chosen, dict)


@command(
    "updateImageStore",
    "id!:uuid name readonly:boolean capacitybytes",
    response="updateImageStoreresponse",
    mutating=True,
)
def update_image_store(call: Call) -> str:
    world = call.world
    zone = next((zone for zone in world.zones if image_store_of(zone) == call.params["id"]), None)
    if zone is None:
        raise unknown_value(call.command.name, "id", call.params["id"])
    if "readonly" in call.params:
        if call.flag("readonly"):
            world.read_only_stores.add(image_store_of(zone))
        else:
            world.read_only_stores.discard(image_store_of(zone))
    return dump({"imagestore": image_store(world, zone)})


@command(
    "listSecondaryStagingStores", f"{PAGED} id:uuid name zoneid:uuid", response="listsecondarystagingstoreresponse"
)
def list_secondary_staging_stores(call: Call) -> str:
    return "{}"


@command("listStoragePools", f"{PAGED} id:uuid name zoneid:uuid podid:uuid clusterid:uuid scope")
def list_storage_pools(call: Call) -> str:
    world = call.world
    rows = [
        storage_pool(world, zone, number) for zone in world.zones if call.same("zoneid", zone) for number in range(2)
    ]
    chosen = call.select(
        rows,
        values={
            "id": lambda row: row["id"],
            "name": lambda row: row["name"],
            "clusterid": lambda row: row["clusterid"],
            "scope": lambda row: row["scope"],
        },
        keyword=lambda row: [row["name"]],
    )
    return call.rows("storagepool", chosen, dict)


def storage_pool(world: World, zone: Zone, number: int) -> dict[str, Any]:
    cluster = next(cluster for cluster in world.clusters if cluster.zone is zone)
    vms = sum(1 for vm in world.vms.values() if vm.zone is zone)
    return {
        # The pool that volumes show.
        "id": uuid_of("storagepool", zone.name if number == 0 else f"{zone.name}#{number}"),
        **render.zone_fields(zone),
        **render.pod_fields(zone),
        "name": f"{zone.name}-ps{number}",
        "ipaddress": render.DNS,
        "path": f"/export/{zone.name}/primary{number}",
        "created": world.stamp(world.started - 86400),
        "type": "NetworkFilesystem",
        "clusterid": cluster.id,
        "clustername": cluster.name,
        "capacitybytes": TERABYTE,
        "disksizetotal": TERABYTE,
        "disksizeallocated": vms << 31 if number == 0 else 0,
        "disksizeused": 0,
        "capacityiops": 1000000,
        "usediops": 500000,
        "istagarule": False,
        "state": "Up",
        "scope": "CLUSTER",
        "overprovisionfactor": "2.0",
        "hypervisor": cluster.hypervisor,
        "provider": "DefaultPrimary",
        "storagecapabilities": {"VOLUME_SNAPSHOT_QUIESCEVM": "false"},
        "managed": False,
        "details": {},
        "hasannotations": False,
    }
