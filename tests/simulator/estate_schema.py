# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys an estate may have, and of which type."""

from __future__ import annotations

import difflib
from typing import Any

from tests.simulator.rules import GAP_FIELDS
from tests.simulator.storage import LOCAL

Spec = dict[str, Any]

STR, BOOL, INT, NUMBER, LIST, MAP = (str,), (bool,), (int,), (int, float), (list,), (dict,)
TEXT = (str, int, float, bool)
VERSIONS = {"version": STR, "software": STR, "scripts": STR, "hypervisor": STR}
OWNER = {"account": STR, "domain": STR, "project": STR}
TOP = {
    "server": MAP,
    "settings": MAP,
    "timings": MAP,
    "defaults": MAP,
    "offerings": MAP,
    "zones": LIST,
    "networks": LIST,
    "vpcs": LIST,
    "orphan_routers": LIST,
    "elastic_lbs": LIST,
    "shared_file_systems": LIST,
    "history": LIST,
    "listeners": BOOL,
    "gaps": MAP,
    "forbidden_commands": LIST,
    "allowed_commands": LIST,
    "faults": LIST,
}
SERVER = {
    "version": STR,
    "says": STR,
    "key": STR,
    "secret": STR,
    "account": STR,
    "customjobid": STR,
    "hosts": STR,
    "healthchecksfailed": BOOL,
    "utc_offset": NUMBER,
    "item_cost_ms": MAP,
    "workers": INT,
    "management_servers": LIST,
}
MANAGEMENT_SERVER = {"name": STR, "version": STR, "state": STR}
GAPS = GAP_FIELDS
GAP: Any = (int, float, str, dict)
REACH = {"gap": GAP, "down": BOOL, "drops": BOOL}
DEFAULTS = VERSIONS | {"zone": STR, "account": STR, "domain": STR}
ZONE = {
    "id": STR,
    "name": STR,
    "allocation": STR,
    "type": STR,
    "networktype": STR,
    "hypervisor": STR,
    "hosts": (list, int),
    "templates": LIST,
    "ssvm": (dict, int, list),
    "cpvm": (dict, int, list),
    "settings": MAP,
    "details": MAP,
    "picks": STR,
    "added_later": BOOL,
    "private_ips": INT,
    "image_stores": LIST,
    "storage_pools": LIST,
}
IMAGE_STORE = {"name": STR, "readonly": BOOL, "total": INT, "used": INT}
STORAGE_POOL = {"name": STR, "scope": STR, "state": STR, "type": STR, "cluster": STR}
OFFERING = {"name": STR, "memory": INT}
HOST = {
    "name": STR,
    "count": INT,
    "hypervisor": STR,
    "arch": STR,
    "version": STR,
    "package": STR,
    "state": STR,
    "resourcestate": STR,
}
TEMPLATE = {"name": STR, "version": STR, "hypervisor": STR, "ready": BOOL, "arch": STR, "type": STR}
SYSTEM_VM = {
    "id": STR,
    "name": STR,
    "host": STR,
    "count": INT,
    "version": STR,
    "software": STR,
    "template": STR,
    "hypervisor": STR,
    "arch": STR,
    "state": STR,
    "agent": STR,
    "sessions": INT,
    "old_disks": LIST,
    **REACH,
}
ROUTER = VERSIONS | {
    "id": STR,
    "name": STR,
    "arch": STR,
    "state": STR,
    "redundantstate": STR,
    "scriptsversion": STR,
    "failing_checks": (list, dict),
    "host": STR,
    "old_disks": LIST,
    "missing": BOOL,
    "never_started": BOOL,
}
UNIT = (
    VERSIONS
    | OWNER
    | {
        "id": STR,
        "name": STR,
        "count": INT,
        "arch": STR,
        "zone": STR,
        "state": STR,
        "redundant": BOOL,
        "router": (dict, list),
        "cidr": STR,
        "remote_access_vpn": BOOL,
        "restartrequired": BOOL,
        "tags": MAP,
        "gap": GAP,
    }
)
RULES = {
    "lb": (bool, int),
    "load_balancers": (int, list),
    "port_forwardings": (int, list),
    "static_nats": (int, list),
    **REACH,
}
RULE = REACH | {"name": STR, "count": INT, "port": INT, "protocol": STR, "address": STR}
NETWORK = UNIT | RULES | {"type": STR, "provider": STR}
VPC = UNIT | {
    "tiers": (int, list),
    "internal_lb": (bool, dict),
    "private_gateway": BOOL,
    "site_to_site": BOOL,
}
TIER = RULES | {"id": STR, "name": STR, "state": STR, "cidr": STR, "internal_lb": (bool, dict), "restartrequired": BOOL}
ORPHAN = ROUTER | OWNER | {"zone": STR, "count": INT}
PAST = {
    "network": STR,
    "vpc": STR,
    "systemvm": STR,
    "ago": NUMBER,
    "seconds": NUMBER,
    "count": INT,
    "every": NUMBER,
    "end": STR,
}
SHARED_FILE_SYSTEM = OWNER | {
    "name": STR,
    "count": INT,
    "zone": STR,
    "network": STR,
    "version": STR,
    "hypervisor": STR,
    "arch": STR,
    "state": STR,
}
HYPERVISORS = ("KVM", "VMware", "XenServer", "Hyperv", "LXC", "Ovm3", "Simulator", "External")
SCOPES = ("CLUSTER", "ZONE", LOCAL)
MONTH = 30 * 86400.0


class EstateError(ValueError):
    """The estate file is wrong; the text says where."""


def check(spec: Any, allowed: dict[str, Any], where: str) -> Spec:
    if not isinstance(spec, dict):
        raise EstateError(f"{where}: expected keys and values, found {spec!r}")
    for key, value in spec.items():
        if key not in allowed:
            near = difflib.get_close_matches(str(key), allowed, 1)
            hint = f", did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(sorted(allowed))}"
            raise EstateError(f"{where}.{key}: unknown key{hint}")
        types = allowed[key]
        is_bool_for_number = isinstance(value, bool) and bool not in types
        if not isinstance(value, types) or is_bool_for_number:
            names = " or ".join({"dict": "map", "str": "text"}.get(t.__name__, t.__name__) for t in types)
            raise EstateError(f"{where}.{key}: expected {names}, found {value!r}")
    return spec
