# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API shows of several kinds of object alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulator import versions
from tests.simulator.identity import uuid_of
from tests.simulator.versions import missing_keys

if TYPE_CHECKING:
    from tests.simulator.entities import Host, Owner, Vm, Zone
    from tests.simulator.world import World


CONTROL_NETWORK = uuid_of("network", "control")
PUBLIC_NETWORK = uuid_of("network", "public")
DNS = "10.147.28.6"
PUBLIC_GATEWAY = "198.18.0.1"
PUBLIC_NETMASK = "255.254.0.0"
LINK_LOCAL_NETMASK = "255.255.0.0"

JsonObject = dict[str, Any]


def drop_newer(world: World, kind: str, shown: JsonObject) -> JsonObject:
    """What this server shows of an object; kind is the name of the list that it stands in."""
    missing = missing_keys(kind, world.server.version)
    return {key: value for key, value in shown.items() if key not in missing} if missing else shown


def domain_path(world: World, path: str) -> str:
    return path if world.does(versions.PRETTY_PATHS) else f"{path.removeprefix('ROOT')}/"


def domain_fields(world: World, owner: Owner) -> JsonObject:
    return {"domainid": owner.domain_id, "domain": owner.domain, "domainpath": domain_path(world, owner.path)}


def owner_fields(world: World, owner: Owner) -> JsonObject:
    shown: JsonObject = {}
    if owner.project is None:
        shown["account"] = owner.account
    else:
        shown["projectid"] = owner.project_id
        shown["project"] = owner.project
    return shown | domain_fields(world, owner)


def zone_fields(zone: Zone) -> JsonObject:
    return {"zoneid": zone.id, "zonename": zone.name}


def pod_fields(zone: Zone) -> JsonObject:
    return {"podid": zone.pod_id, "podname": zone.pod_name}


def placement_fields(vm: Vm) -> JsonObject:
    """The host, for a VM that has one."""
    if vm.host is None:
        return {}
    return {
        "hostid": vm.host.id,
        "hostname": vm.host.name,
        "hostcontrolstate": control_state(vm.host),
    }


def control_state(host: Host) -> str:
    if host.state != "Up":
        return "Offline"
    return "Enabled" if host.resourcestate == "Enabled" else "Disabled"


def job_fields(vm: Vm) -> JsonObject:
    return {} if vm.busy is None else {"jobid": vm.busy, "jobstatus": 0}


def link_local(vm: Vm) -> tuple[str, str]:
    """Address and MAC of the control NIC; every start gives a new one."""
    number = (vm.nr * 251 + vm.starts * 7919) & 0xFFFF
    return f"169.254.{number >> 8}.{number & 255}", f"0e:00:a9:fe:{number >> 8:02x}:{number & 255:02x}"


def gateway(cidr: str) -> str:
    return cidr.split("/")[0].rsplit(".", 1)[0] + ".1"


def netmask(cidr: str) -> str:
    bits = 0xFFFFFFFF << (32 - int(cidr.split("/")[1])) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 255) for shift in (24, 16, 8, 0))
