# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists of a management server, each asked as its release needs it: here alone stands how, and why.

Every list is that of all owners. Without C(listall) a root admin gets an empty one, and without C(projectid=-1) what
belongs to projects is missing. A list that comes short is told from its C(count) by the client, and from what other
lists name in C(cloud/agreement.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any, TypeVar

from ..api import errors
from ..api.client import Client
from ..knowledge.differences import EVENT_TIMES, NETWORKS_OF_ALL_OWNERS, SYSTEM_VM_VOLUMES
from ..knowledge.versions import Version, parse_version
from . import items as parse
from .infrastructure import Host, ManagementServer, Template, Zone, common_version
from .model import Network, Vm, Vpc
from .moments import moment

Kept = TypeVar("Kept")
Item = Mapping[str, Any]
Volumes = Mapping[str, Mapping[str, Any]]

ALL_OWNERS: Mapping[str, Any] = {"listall": True, "projectid": "-1"}
ACCOUNTS: Mapping[str, Any] = {"listall": True}
CAPABILITIES_S = 10.0  # seconds to wait for what is asked once


@dataclass(frozen=True)
class Lists:
    """One server's.

    :ivar servers: all management servers.
    """

    client: Client
    servers: tuple[ManagementServer, ...]

    @classmethod
    def of(cls, client: Client) -> Lists:
        """Ask what the server is (listManagementServers; older ones: listCapabilities).

        :raises ApiError: when the server cannot be reached or does not tell.
        """
        return cls(client, read_management_servers(client))

    @property
    def version(self) -> Version | None:
        """The one version of all servers that are Up; None while they differ or none can be read."""
        return common_version(self.servers)

    @cached_property
    def zone_ids(self) -> frozenset[str]:
        """Of all zones, asked for once."""
        return frozenset(zone.id for zone in self.zones())

    # --- what runs

    def system_vms(self, **filters: Any) -> list[Vm]:
        """SSVMs and CPVMs (listSystemVms) without what their ROOT volumes tell."""
        return self.client.list_as("listSystemVms", "systemvm", parse.system_vm, **filters)

    def routers(self, **filters: Any) -> list[Vm]:
        """Virtual routers (listRouters), e.g. of one C(networkid) or C(vpcid)."""
        try:
            return self.client.list_as("listRouters", "router", parse.router, **ALL_OWNERS, **filters)
        except errors.ParameterError as error:
            if "CloudStackVersion" in (error.errortext or ""):  # apache/cloudstack issue 2917
                error.remedy = (
                    "One router's template version cannot be read by the server, which then lists none at all. Find it "
                    "with listRouters for one zone or network after the other, and destroy it or restart its network "
                    "with cleanup."
                )
            raise

    def internal_lbs(self, **filters: Any) -> list[Vm]:
        """Internal LB VMs (listInternalLoadBalancerVMs)."""
        return self.client.list_as(
            "listInternalLoadBalancerVMs", "internalloadbalancervm", _internal_lb, **ALL_OWNERS, **filters
        )

    def root_volumes(self, **filters: Any) -> dict[str, Mapping[str, Any]]:
        """ROOT volumes by the id of their VM, also of guests (listVolumes listsystemvms); none before 4.18.

        No list moves more than that of the guests' disks, and not all of it is needed: what is missing of a system VM
        or router is asked for by the VM's id (C(cloud/agreement.py)).
        A start on a new disk may leave the old volume beside the new one for a while: what is destroyed is nobody's
        disk, and of several the newest counts.
        """
        if not self.tells_volumes:
            return {}
        found: dict[str, Mapping[str, Any]] = {}
        for volume in self.client.list_as(
            "listVolumes",
            "volume",
            parse.volume,
            all_matter=False,
            type="ROOT",
            listsystemvms=True,
            **ALL_OWNERS,
            **filters,
        ):
            vm_id, other = volume["virtualmachineid"], found.get(volume["virtualmachineid"] or "")
            if not vm_id or volume["state"] in parse.GONE_VOLUMES:
                continue
            if other is None or (moment(volume["created"]) or 0.0) >= (moment(other["created"]) or 0.0):
                found[vm_id] = volume
        return found

    @property
    def tells_volumes(self) -> bool:
        """Whether the server lists what system VMs and routers were made from."""
        return SYSTEM_VM_VOLUMES.holds(self.version)

    # --- what it belongs to

    def networks(self, convert: Callable[[Item], Kept], *, expected: int = 0, **filters: Any) -> list[Kept]:
        """Guest networks (listNetworks), by one question or two.

        :param expected: how many there are at least, as in Client.list_as.
        """
        found: dict[str, Kept] = {}
        for way in self._ways_to_networks:
            items = self.client.list_as(
                "listNetworks",
                "network",
                lambda item: (str(item["id"]), convert(item)),
                expected=expected if len(self._ways_to_networks) == 1 or way is ACCOUNTS else 0,
                **way,
                **filters,
            )
            found.update(items)
        return [*found.values()]

    @property
    def _ways_to_networks(self) -> Sequence[Mapping[str, Any]]:
        return (ALL_OWNERS,) if NETWORKS_OF_ALL_OWNERS.holds(self.version) else (ALL_OWNERS, ACCOUNTS)

    def vpcs(self, convert: Callable[[Item], Kept], **filters: Any) -> list[Kept]:
        """VPCs (listVPCs)."""
        return self.client.list_as("listVPCs", "vpc", convert, **ALL_OWNERS, **filters)

    def hosts(self, **filters: Any) -> list[Host]:
        """Hypervisor hosts (listHosts type=Routing); their version is that of the agent."""
        return self.client.list_as("listHosts", "host", parse.host, type="Routing", **filters)

    def zones(self) -> tuple[Zone, ...]:
        """The zones without their settings (listZones)."""
        return tuple(self.client.list_as("listZones", "zone", parse.zone))

    def templates(self) -> tuple[Template, ...]:
        """The system VM templates of all zones: SYSTEM, and ROUTING, which routers prefer (listTemplates).

        Servers before 4.19 ignore C(templatetype) and list all that there are.
        """
        return tuple(
            template
            for kind in ("SYSTEM", "ROUTING")
            for template in self.client.list_as(
                "listTemplates", "template", parse.template, templatefilter="all", templatetype=kind
            )
            if template.type == kind
        )

    # --- one of them, asked for by its id

    def network(self, identity: str) -> Network | None:
        """A guest network, asked for in every way there is; None where each says that it is not there.

        An older server answers an id that no network has with an empty list, or with another network.
        """
        return self._one("listNetworks", "network", parse.network, identity, (*self._ways_to_networks, {}))

    def vpc(self, identity: str) -> Vpc | None:
        return self._one("listVPCs", "vpc", parse.vpc, identity, (ALL_OWNERS, {}))

    def system_vm(self, identity: str) -> Vm | None:
        return self._one("listSystemVms", "systemvm", parse.system_vm, identity, ({},))

    def router(self, identity: str) -> Vm | None:
        return self._one("listRouters", "router", parse.router, identity, (ALL_OWNERS, {}))

    def routers_of(self, **owner: str) -> list[Vm] | None:
        """Those of one network (C(networkid)) or VPC (C(vpcid)); None where it says that there are none."""
        try:
            return self.routers(**owner) or None
        except errors.NotFoundError:
            return None

    def internal_lb(self, identity: str) -> Vm | None:
        return self._one(
            "listInternalLoadBalancerVMs", "internalloadbalancervm", _internal_lb, identity, (ALL_OWNERS, {})
        )

    def host(self, identity: str) -> Host | None:
        return self._one("listHosts", "host", parse.host, identity, ({"type": "Routing"}, {}))

    def _one(
        self, command: str, key: str, convert: Callable[[Item], Kept], identity: str, ways: Iterable[Mapping[str, Any]]
    ) -> Kept | None:
        for way in ways:
            try:
                items = self.client.list(command, key, id=identity, **way)
            except errors.NotFoundError:
                continue
            for item in items:
                if item.get("id") == identity:
                    return convert(item)
        return None

    # --- what happened

    def start_date(self, since: float) -> str:
        """A moment in a form that this server does not misread for a later one."""
        begin = datetime.fromtimestamp(since, timezone.utc)
        if EVENT_TIMES.holds(self.version):
            return begin.strftime("%Y-%m-%dT%H:%M:%S+0000")
        return (begin - timedelta(days=1)).strftime("%Y-%m-%d")  # cut to midnight, in a time zone that is not known


def _internal_lb(item: Item) -> Vm:
    return replace(parse.router(item), internal_lb=True)


def read_management_servers(client: Client) -> tuple[ManagementServer, ...]:
    """The management servers with their versions (listManagementServers; older ones: listCapabilities).

    :raises ApiError: when neither can be had; since 4.21 the version is hidden in the second.
    """
    try:
        return tuple(client.list_as("listManagementServers", "managementserver", parse.management_server))
    except (errors.AuthenticationError, errors.PermissionDeniedError, errors.UnsupportedCommandError) as error:
        refused = error  # or unknown: that answers as wrong keys do
    with contextlib.suppress(errors.ApiError):
        version = client.once("listCapabilities", CAPABILITIES_S).get("capability", {}).get("cloudstackversion")
        if version is not None:
            return (ManagementServer("management server", "Up", str(version), parse_version(str(version))),)
    raise refused


def parameters_of(client: Client, command: str) -> frozenset[str] | None:
    """The parameters of a command in lower case (listApis); None where it is unknown here or not allowed."""
    try:
        apis = client.list("listApis", "api", name=command)
    except errors.ApiError as error:
        if error.errorcode == 530:  # "unable to find an api by that name"
            return None
        raise
    return frozenset(str(param.get("name", "")).lower() for api in apis for param in api.get("params", ()))
