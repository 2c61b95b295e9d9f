# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made from the system VM template and belongs to no unit: shared file systems, and VMs that no list shows.

Found with one call more than the plan needs. CKS nodes and VNF appliances are guests like any other and are not looked
for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..api.client import Client
from ..api.errors import AuthenticationError, PermissionDeniedError, UnsupportedCommandError
from . import items as parse
from .infrastructure import ManagementServer, SharedFileSystem, UnlistedVm

FIRST_SHARED_FILE_SYSTEMS = (4, 20)
OF_GUESTS = frozenset({"User", "UserBareMetal"})
GOING = frozenset({"Destroyed", "Expunging"})


def read_shared_file_systems(
    client: Client, servers: Iterable[ManagementServer], volumes: Mapping[str, Mapping[str, Any]], **filters: Any
) -> tuple[SharedFileSystem, ...] | None:
    """The shared file systems (listSharedFileSystems, since 4.20).

    :param volumes: ROOT volumes by the id of their VM, also of guests: they tell what a VM was made from.
    :returns: nothing, without a call, where the servers are too old to have any; None where the account may not ask.
    :raises ApiError: for any other answer.
    """
    newest = max((server.parsed.release for server in servers if server.parsed), default=(0, 0))
    if newest < FIRST_SHARED_FILE_SYSTEMS:
        return ()
    try:
        found = client.list_as("listSharedFileSystems", "sharedfs", parse.shared_file_system, **filters)
    except (AuthenticationError, PermissionDeniedError, UnsupportedCommandError):
        return None  # everything else was answered, so it is this command that the role lacks
    return tuple(replace(each, template=volumes.get(each.vm_id or "", {}).get("templatename")) for each in found)


def unlisted_vms(volumes: Iterable[Mapping[str, Any]], listed: Collection[str]) -> tuple[UnlistedVm, ...]:
    """The VMs of CloudStack's own of which there is a ROOT volume and nothing else. Pure.

    listRouters shows those of role VIRTUAL_ROUTER only, and listInternalLoadBalancerVMs those of INTERNAL_LB_VM.
    Servers before 4.18 show volumes of guests only.

    :param listed: ids of the VMs that other lists show.
    """
    return tuple(
        UnlistedVm(
            volume["virtualmachineid"],
            volume["vmname"] or volume["virtualmachineid"],
            volume["zoneid"] or "",
            volume["zonename"] or "",
            volume["vmtype"],
            volume["templatename"],
        )
        for volume in volumes
        if volume["vmtype"]
        and volume["vmtype"] not in OF_GUESTS
        and volume["vmstate"] not in GOING
        and volume["virtualmachineid"] not in listed
    )
