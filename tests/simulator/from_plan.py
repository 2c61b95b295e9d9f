# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a plan.json to an estate: a cloud like the one that the plan has read, as far as a plan tells of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.simulator.estate_schema import EstateError, Spec

REMEDY = "Make it anew: ansible-playbook cloudstack.sysvm.check_sysvms writes sysvm-report/latest/plan.json."
PLAN = {"management_server_version": str, "units": list, "steps": list, "zones": list}
UNIT = {
    **dict.fromkeys(("id", "name", "kind", "zone", "zone_id", "method"), str),
    **dict.fromkeys(("tiers", "vms", "restarts", "sensitive_services"), list),
    **{"owner": dict, "tags": dict, "redundant": bool},
}
VM = {"id": str, "name": str, "state": str}
PAST_S = 3600  # how long ago each restart was that the plan tells of; it does not tell when it was made itself
SERVICES = {  # keys of a network or VPC
    "remote access VPN": "remote_access_vpn",
    "site-to-site VPN": "site_to_site",
    "private gateway": "private_gateway",
}


def load_plan(path: str | Path, anonymous: bool = False) -> Spec:
    """The estate.

    :raises EstateError: for what is no whole plan of this version.
    """
    try:
        plan = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        what = "is cut off, or edited" if error.lineno > 1 or error.pos else "is no plan.json"
        raise EstateError(f"line {error.lineno} {what}: {error.msg}. {REMEDY}") from None
    except UnicodeDecodeError:
        raise EstateError(f"it is no plan.json: it is no text. {REMEDY}") from None
    except OSError as error:
        raise EstateError(f"it cannot be read: {error.strerror}. {REMEDY}") from None
    return estate_of_plan(plan, anonymous)


def estate_of_plan(plan: Any, anonymous: bool = False) -> Spec:
    """
    :param anonymous: whether names and ids are replaced; those of routers and system VMs, which the server gives, stay.
    """
    _refuse_others(plan)
    return _Made(plan, _Names(anonymous)).estate()


def _refuse_others(plan: Any) -> None:
    _need(plan, PLAN, "it")
    for number, unit in enumerate(plan["units"]):
        _need(unit, UNIT, f"units[{number}]")
        for index, vm in enumerate(unit["vms"]):
            _need(vm, VM, f"units[{number}].vms[{index}]")


def _need(data: Any, shape: Mapping[str, type], where: str) -> None:
    if not isinstance(data, dict):
        raise EstateError(f"{where} is no plan, or of another version: it has no keys. {REMEDY}")
    for key, kind in shape.items():
        if not isinstance(data.get(key), kind):
            has = f"has {data[key]!r} as {key}" if key in data else f"has no {key}"
            raise EstateError(f"{where} is no plan, or of another version: it {has}. {REMEDY}")


class _Names:
    """Names as they are, or a number for each."""

    def __init__(self, anonymous: bool) -> None:
        self.anonymous = anonymous
        self._given: dict[tuple[str, str], str] = {}
        self._count: Counter[str] = Counter()

    def of(self, what: str, name: str) -> str:
        if not self.anonymous:
            return name
        if (what, name) not in self._given:
            self._count[what] += 1
            self._given[what, name] = f"{what}-{self._count[what]}"
        return self._given[what, name]

    def domain(self, path: str) -> str:
        return "/".join(name if name == "ROOT" else self.of("domain", name) for name in path.split("/"))

    def id(self, identity: str) -> Spec:
        return {} if self.anonymous else {"id": identity}


class _Made:
    def __init__(self, plan: Mapping[str, Any], names: _Names) -> None:
        self.plan, self.names = plan, names
        drift = plan.get("drift") or {}
        self.odd = {each["id"] for each in drift.get("odd", ())}
        self.agents: list[Any] = drift.get("agents", [])
        self.running: list[Any] = drift.get("running", [])
        self.history: list[Spec] = []

    def estate(self) -> Spec:
        units = self.plan["units"]
        of_kind: dict[str, list[Any]] = {}
        for unit in units:
            of_kind.setdefault(unit["kind"], []).append(unit)
        vpcs = [self.vpc(unit) for unit in of_kind.get("vpc", ())]
        for unit in of_kind.get("internal_lb", ()):
            vpcs += self.internal_lb(unit, vpcs)
        return {
            "server": {"version": self.plan["management_server_version"]},
            "zones": [self.zone(zone, members) for zone, members in _by_zone(units)],
            "networks": [self.network(unit) for unit in of_kind.get("network", ())],
            "vpcs": vpcs,
            "orphan_routers": [
                {**self.place(unit), **self.router(vm, unit)}
                for unit in of_kind.get("orphan_router", ())
                for vm in unit["vms"]
            ],
            "history": self.history,
        }

    # -- zones

    def zone(self, name: str, units: list[Any]) -> Spec:
        hosts = list(self.hosts(name, units))
        per_pod = any(
            unit["kind"] == "network" and not unit["redundant"] and len([v for v in unit["vms"] if _runs(v)]) > 1
            for unit in units
        )
        found: Spec = {
            "name": self.names.of("zone", name),
            **self.names.id(units[0]["zone_id"]),
            **({"networktype": "Basic"} if per_pod else {}),
            **({"hosts": hosts} if hosts else {}),
        }
        hypervisors = Counter(unit["hypervisor"] for unit in units if unit.get("hypervisor"))
        if hypervisors:
            found["hypervisor"] = hypervisors.most_common(1)[0][0]
        for kind in ("ssvm", "cpvm"):
            found[kind] = [self.system_vm(unit) for unit in units if unit["kind"] == kind]
        return found

    def hosts(self, zone: str, units: list[Any]) -> Iterator[Spec]:
        """Those of KVM with their agents, and of the others those on which something runs."""
        known: dict[str, Spec] = {}
        for each in self.agents:
            for name in each["hosts"] if each["zone"] == zone else ():
                version = {"version": each["version"]} if each["version"][:1].isdigit() else {}
                known[name] = {"hypervisor": "KVM", **version}
        told = [(each["hypervisor"], each["hosts"]) for each in self.running if each["zone"] == zone]
        told += [(unit.get("hypervisor"), unit.get("hosts", ())) for unit in units]
        for hypervisor, names in told:
            for name in names:
                known.setdefault(name, {"hypervisor": hypervisor} if hypervisor else {})
        for name, facts in known.items():
            yield {"name": self.names.of("host", name), **facts}

    # -- units

    def system_vm(self, unit: Any) -> Spec:
        vm = unit["vms"][0]
        return {
            **self.vm(vm, unit),
            "agent": vm.get("agent_state") or "none",
            **({"software": vm["software_version"]} if vm.get("software_version") else {}),
        }

    def vm(self, vm: Any, unit: Any) -> Spec:
        host, hypervisor, version = vm.get("host"), unit.get("hypervisor"), vm.get("template_version")
        return {
            **self.names.id(vm["id"]),
            "name": vm["name"],
            "state": vm["state"],
            **({"host": self.names.of("host", host)} if host else {}),
            **({"hypervisor": hypervisor} if hypervisor else {}),
            **({"version": version} if version else {}),
        }

    def router(self, vm: Any, unit: Any) -> Spec:
        version, software = vm.get("template_version"), vm.get("software_version")
        return {
            **self.vm(vm, unit),
            **({"software": software} if software else {}),
            **({"scripts": version} if vm["id"] in self.odd and version else {}),
            **({} if version or software or _runs(vm) else {"never_started": True}),
        }

    def routers(self, unit: Any) -> list[Spec]:
        """As the unit has them: the PRIMARY first, and what a pair should not be as it is."""
        if not unit["vms"]:
            return [{"missing": True}]
        vms = sorted(unit["vms"], key=lambda vm: vm.get("redundant_state") != "PRIMARY")
        states = [vm.get("redundant_state") for vm in vms]
        fixed = unit["redundant"] and states != ["PRIMARY", "BACKUP"]
        return [
            {**self.router(vm, unit), **({"redundantstate": state} if fixed and state else {})}
            for vm, state in zip(vms, states, strict=True)
        ]

    def place(self, unit: Any) -> Spec:
        """The zone, and who owns it."""
        owner = unit["owner"]
        found = {"zone": self.names.of("zone", unit["zone"])}
        for key in ("account", "project"):
            if owner.get(key):
                found[key] = self.names.of(key, owner[key])
        if owner.get("domain"):
            found["domain"] = self.names.domain(owner["domain"])
        return found

    def unit(self, unit: Any, what: str) -> Spec:
        hypervisor = unit.get("hypervisor")
        return {
            "name": self.names.of(what, unit["name"]),
            **self.names.id(unit["id"]),
            **self.place(unit),
            "redundant": unit["redundant"],
            "router": self.routers(unit),
            **({"hypervisor": hypervisor} if hypervisor else {}),
            **({} if self.names.anonymous else {"tags": unit["tags"]}),
        }

    def network(self, unit: Any) -> Spec:
        found = self.unit(unit, "network")
        self.remember(unit, found["name"], unit["id"])
        services, owner = unit["sensitive_services"], unit["owner"]
        return {
            **found,
            # A network of a whole domain belongs to no account.
            **({} if owner.get("account") or owner.get("project") else {"type": "Shared"}),
            **({"remote_access_vpn": True} if "remote access VPN" in services else {}),
            **({"load_balancers": 1} if "load balancing" in services else {}),
        }

    def vpc(self, unit: Any) -> Spec:
        found = self.unit(unit, "vpc")
        tiers: list[Spec] = [{"name": self.names.of("tier", name)} for name in unit["tiers"]]
        # Which of them the plan means by an id it does not say; nor does it matter.
        restarted = list(dict.fromkeys(each["network_id"] for each in unit["restarts"]))
        for tier, identity in zip(tiers, restarted, strict=False):
            tier |= self.names.id(identity)
            self.remember(unit, tier["name"], identity)
        if tiers and "load balancing" in unit["sensitive_services"]:
            tiers[0]["load_balancers"] = 1
        services = {key: True for words, key in SERVICES.items() if words in unit["sensitive_services"]}
        return {**found, **services, "tiers": tiers}

    def internal_lb(self, unit: Any, vpcs: list[Spec]) -> list[Spec]:
        """In a tier of a VPC of its owner. The plan does not say which, and it may know of none: then in another."""
        made = self.router(unit["vms"][0], unit)
        place = self.place(unit)
        for vpc in vpcs:
            if place.items() <= vpc.items():
                for tier in vpc["tiers"]:
                    if "internal_lb" not in tier:
                        tier["internal_lb"] = made
                        return []
        name = f"vpc of {unit['name']}"
        return [{"name": name, **place, "state": "Inactive", "tiers": [{"name": f"{name}, tier", "internal_lb": made}]}]

    def remember(self, unit: Any, name: str, identity: str) -> None:
        """What of its restarts matters: that the last one failed."""
        if any(each["network_id"] == identity and not each["succeeded"] for each in unit["restarts"]):
            self.history.append({"network": name, "ago": PAST_S, "end": "failed"})


def _runs(vm: Any) -> bool:
    return bool(vm["state"] == "Running")


def _by_zone(units: Iterable[Any]) -> Iterable[tuple[str, list[Any]]]:
    zones: dict[str, list[Any]] = {}
    for unit in units:
        zones.setdefault(unit["zone"], []).append(unit)
    return zones.items()
