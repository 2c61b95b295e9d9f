# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words that everything is said in: kinds of units, what is done to them, the server's names for what they are."""

from __future__ import annotations

import enum


class Kind(str, enum.Enum):
    """What a unit is: a system VM, or what routers serve."""

    SSVM = "ssvm"
    CPVM = "cpvm"
    NETWORK = "network"
    VPC = "vpc"
    INTERNAL_LB = "internal_lb"
    ORPHAN = "orphan_router"  # a router whose network or VPC the server does not have

    @property
    def is_system_vm(self) -> bool:
        return self in (Kind.SSVM, Kind.CPVM)

    @property
    def is_router(self) -> bool:
        """Whether it is done by routers; C(router) is the one word for all such kinds."""
        return not self.is_system_vm

    @property
    def words(self) -> str:
        """As a person says it before a name."""
        return {Kind.INTERNAL_LB: "internal LB VM", Kind.ORPHAN: "router", Kind.NETWORK: "network"}.get(
            self, self.value.upper()
        )

    @property
    def group(self) -> str:
        """What is done by one module in one step: C(ssvm), C(cpvm) or C(router)."""
        return self.value if self.is_system_vm else ROUTER


ROUTER = "router"

ROUTER_KINDS = frozenset(kind for kind in Kind if kind.is_router)

SYSTEM_VMS = frozenset(kind.value for kind in Kind if kind.is_system_vm)
SYSTEM_VM_KINDS = {"secondarystoragevm": Kind.SSVM, "consoleproxy": Kind.CPVM}

REMOTE_ACCESS_VPN = "remote access VPN"
SITE_VPN = "site-to-site VPN"
PRIVATE_GATEWAY = "private gateway"
LOAD_BALANCING = "load balancing"

ROUTER_PROVIDERS = frozenset({"VirtualRouter", "VpcVirtualRouter"})


# Of VMs (VirtualMachine.State): such a one is no member of its unit any more.
GOING_STATES = frozenset({"Expunging", "Destroyed"})
# Such a one is waited for.
SETTLING_STATES = frozenset({"Starting", "Stopping", "Migrating"})


class Method(str, enum.Enum):
    """What is done to a unit; C(none) is already current, C(skip) cannot or must not be touched."""

    LIVE_PATCH = "live_patch"
    RECREATE = "recreate"
    RESTART = "restart"
    NONE = "none"
    SKIP = "skip"

    @property
    def words(self) -> str:
        """As a person calls what is done."""
        return "nothing" if self in (Method.NONE, Method.SKIP) else self.value.replace("_", " ")


METHODS = tuple(method.value for method in Method)
ACTING = (Method.LIVE_PATCH, Method.RESTART, Method.RECREATE)


class WantedMethod(str, enum.Enum):
    """The policy for a whole run."""

    AUTO = "auto"
    LIVE_PATCH = "live_patch"
    RECREATE = "recreate"
