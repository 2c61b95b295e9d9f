# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Global settings: the ones that matter to system VMs, with the server's own default values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.simulator.identity import template_version

PAGE_SIZE, DEFAULT_PAGE_SIZE = "default.page.size", 500
RECORDED = Path(__file__).parent / "recorded"

# Settings that were not recorded, and none of which may be set per zone.
DEFAULTS: dict[str, str] = {
    "agent.load.threshold": "0.7",
    "api.key.access": "true",
    "api.throttling.interval": "1",
    "api.throttling.max": "25",
    "commands.timeout": "",
    "consoleproxy.capacity.standby": "10",
    "consoleproxy.capacityscan.interval": "30000",
    "consoleproxy.launch.max": "10",
    "consoleproxy.management.state": "Auto",
    "consoleproxy.restart": "true",
    "consoleproxy.service.offering": "",
    "consoleproxy.session.max": "50",
    "dynamic.apichecker.enabled": "true",
    "enforce.post.requests.and.timestamps": "false",
    "expose.cloudstack.version.api.list.capabilities": "false",
    "internallbvm.service.offering": "",
    "job.expire.minutes": "1440",
    "max.ssvm.count": "5",
    "network.lock.timeout": "600",
    "network.router.EnableServiceMonitoring": "false",
    "ping.interval": "60",
    "router.aggregation.command.each.timeout": "600",
    "router.alerts.check.interval": "1800",
    "router.check.interval": "30",
    "router.health.checks.advanced.interval": "10",
    "router.health.checks.basic.interval": "3",
    "router.health.checks.config.refresh.interval": "10",
    "router.health.checks.results.fetch.interval": "10",
    "router.health.checks.to.exclude": "",
    "router.redundant.vrrp.interval": "1",
    "router.service.offering": "",
    "router.template.hyperv": "SystemVM Template (HyperV)",
    "router.template.lxc": "SystemVM Template (LXC)",
    "router.template.ovm3": "SystemVM Template (Ovm3)",
    "router.template.vmware": "SystemVM Template (vSphere)",
    "router.template.xenserver": "SystemVM Template (XenServer)",
    "secstorage.capacity.standby": "10",
    "secstorage.capacityscan.interval": "30000",
    "secstorage.nfs.version": "",
    "secstorage.service.offering": "",
    "secstorage.session.max": "50",
    "secstorage.vm.auto.scale.down": "false",
    "start.retry": "10",
    "system.vm.auto.reserve.capacity": "true",
    "system.vm.default.hypervisor": "",
    "system.vm.preferred.architecture": "x86_64",
    "system.vm.use.local.storage": "false",
    "systemvm.release.control.ip.on.stop": "true",
    "systemvm.root.disk.size": "-1",
    "systemvm.userdata.enabled": "false",
    "vm.destroy.forcestop": "false",
    "vm.op.cancel.interval": "3600",
    "vm.op.wait.interval": "120",
    "wait": "1800",
    "workers": "10",
}


class Settings:
    def __init__(self, server_version: str) -> None:
        of_zones, others = (
            json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("zone_settings", "configurations")
        )
        self._entries: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in (*of_zones, *others)}
        self._zone_scope = {entry["name"] for entry in of_zones}
        for name, default in DEFAULTS.items():
            if name not in self._entries:
                self._add(name, default, zone_scope=False)
        for entry in self._entries.values():
            # One without a default has no value, either.
            if "defaultvalue" in entry:
                entry["value"] = entry["defaultvalue"]
        # An upgrade of the server writes the version of its template here.
        self._entries["minreq.sysvmtemplate.version"]["value"] = template_version(server_version)

    def _add(self, name: str, default: str, zone_scope: bool) -> None:
        type_ = "Number" if default.lstrip("-").isdigit() else "String"
        if default in ("true", "false"):
            type_ = "Boolean"
        self._entries[name] = {
            "category": "Advanced",
            "group": "Miscellaneous",
            "subgroup": "Others",
            "name": name,
            "value": default,
            "defaultvalue": default,
            "description": name.replace(".", " ").capitalize(),
            "isdynamic": True,
            "component": "management-server",
            "displaytext": name.replace(".", " ").capitalize(),
            "type": type_,
        }
        if zone_scope:
            self._zone_scope.add(name)

    def names(self) -> list[str]:
        return sorted(self._entries)

    def knows(self, name: str) -> bool:
        return name in self._entries

    def value(self, name: str) -> str:
        return self._entries[name].get("value", "")

    def set(self, name: str, value: str) -> None:
        if name not in self._entries:
            self._add(name, value, zone_scope=True)
        self._entries[name]["value"] = value

    def is_zone_scoped(self, name: str) -> bool:
        return name in self._zone_scope

    def entry(self, name: str) -> dict[str, Any]:
        return dict(self._entries[name])
