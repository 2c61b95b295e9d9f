# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Global settings: the ones that matter to system VMs, with the server's own default values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.simulator.identity import template_version

RECORDED = Path(__file__).parent / "recorded"

# name: (default, may be set per zone)
DEFAULTS: dict[str, tuple[str, bool]] = {
    "agent.load.threshold": ("0.7", False),
    "api.key.access": ("true", False),
    "api.throttling.interval": ("1", False),
    "api.throttling.max": ("25", False),
    "commands.timeout": ("", False),
    "consoleproxy.capacity.standby": ("10", False),
    "consoleproxy.capacityscan.interval": ("30000", False),
    "consoleproxy.launch.max": ("10", False),
    "consoleproxy.management.state": ("Auto", False),
    "consoleproxy.restart": ("true", False),
    "consoleproxy.service.offering": ("", False),
    "consoleproxy.session.max": ("50", False),
    "enforce.post.requests.and.timestamps": ("false", False),
    "expose.cloudstack.version.api.list.capabilities": ("false", False),
    "internallbvm.service.offering": ("", False),
    "job.expire.minutes": ("1440", False),
    "max.ssvm.count": ("5", True),
    "network.lock.timeout": ("600", False),
    "network.router.EnableServiceMonitoring": ("false", True),
    "ping.interval": ("60", False),
    "router.aggregation.command.each.timeout": ("600", True),
    "router.alerts.check.interval": ("1800", False),
    "router.check.interval": ("30", False),
    "router.health.checks.advanced.interval": ("10", False),
    "router.health.checks.basic.interval": ("3", False),
    "router.health.checks.config.refresh.interval": ("10", False),
    "router.health.checks.results.fetch.interval": ("10", False),
    "router.health.checks.to.exclude": ("", True),
    "router.redundant.vrrp.interval": ("1", False),
    "router.service.offering": ("", False),
    "router.template.hyperv": ("SystemVM Template (HyperV)", True),
    "router.template.lxc": ("SystemVM Template (LXC)", True),
    "router.template.ovm3": ("SystemVM Template (Ovm3)", True),
    "router.template.vmware": ("SystemVM Template (vSphere)", True),
    "router.template.xenserver": ("SystemVM Template (XenServer)", True),
    "secstorage.capacity.standby": ("10", False),
    "secstorage.capacityscan.interval": ("30000", False),
    "secstorage.nfs.version": ("", True),
    "secstorage.service.offering": ("", False),
    "secstorage.session.max": ("50", False),
    "secstorage.vm.auto.scale.down": ("false", False),
    "start.retry": ("10", False),
    "system.vm.auto.reserve.capacity": ("true", False),
    "system.vm.default.hypervisor": ("", False),
    "system.vm.preferred.architecture": ("x86_64", True),
    "system.vm.use.local.storage": ("false", True),
    "systemvm.release.control.ip.on.stop": ("true", False),
    "systemvm.root.disk.size": ("-1", False),
    "systemvm.userdata.enabled": ("false", False),
    "vm.destroy.forcestop": ("false", False),
    "vm.op.cancel.interval": ("3600", False),
    "vm.op.wait.interval": ("120", False),
    "wait": ("1800", False),
    "workers": ("10", False),
}
# recorded settings that may be set per zone
RECORDED_ZONE_SCOPE = {
    "minreq.sysvmtemplate.version",
    "network.rolling.restart",
    "router.health.checks.enabled",
    "router.health.checks.failures.to.recreate.vr",
    "router.template.kvm",
}


class Settings:
    def __init__(self, server_version: str) -> None:
        recorded = json.loads((RECORDED / "configurations.json").read_text(encoding="utf-8"))
        self._entries: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in recorded}
        self._zone_scope = set(RECORDED_ZONE_SCOPE)
        for name, (default, zone_scope) in DEFAULTS.items():
            self._add(name, default, zone_scope)
        for entry in self._entries.values():
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
        return self._entries[name]["value"]

    def set(self, name: str, value: str) -> None:
        if name not in self._entries:
            self._add(name, value, zone_scope=True)
        self._entries[name]["value"] = value

    def is_zone_scoped(self, name: str) -> bool:
        return name in self._zone_scope

    def entry(self, name: str) -> dict[str, Any]:
        return dict(self._entries[name])
