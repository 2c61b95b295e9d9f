# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module was told to act on, and the units that it means. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..api.errors import SysvmError
from ..cloud.model import Unit
from ..knowledge.vocabulary import ROUTER_KINDS, Kind


class RefusedError(SysvmError):
    """A target that must not be touched, found out before anything was."""


@dataclass(frozen=True)
class Targets:
    """Each by name or id. All empty means nothing."""

    system_vms: Sequence[str] = ()
    networks: Sequence[str] = ()
    vpcs: Sequence[str] = ()
    routers: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.system_vms) + len(self.networks) + len(self.vpcs) + len(self.routers)

    @property
    def kinds(self) -> frozenset[Kind]:
        """What has to be read to find them."""
        system_vms = {Kind.SSVM, Kind.CPVM} if self.system_vms else set()
        return frozenset(system_vms) | (ROUTER_KINDS if self.networks or self.vpcs or self.routers else set())


@dataclass(frozen=True)
class Found:
    """What targets come to.

    :ivar gone: those that a plan named and that are not there any more, each with the option that named it.
    """

    units: Sequence[Unit]
    gone: Mapping[str, str]


def find_targets(
    known: Sequence[Unit], targets: Targets, read_all: Callable[[], Sequence[Unit]], *, may_be_gone: bool = False
) -> Found:
    """The units the targets name, in their order, each once.

    :param known: the units of the targets' kinds.
    :param read_all: reads all units, to say what an unknown name is.
    :param may_be_gone: whether a plan names them, so that one that is not there was there.
    :raises RefusedError: for a name that nothing has, that two have, or that is of another sort.
    """
    wanted: dict[str, Unit] = {}
    gone: dict[str, str] = {}
    for option, names, callable_by in (
        ("system_vms", targets.system_vms, _names_as(Kind.SSVM, Kind.CPVM)),
        ("networks", targets.networks, _names_as(Kind.NETWORK)),
        ("vpcs", targets.vpcs, _names_as(Kind.VPC)),
        ("routers", targets.routers, _names_of_routers),
    ):
        index: dict[str, list[Unit]] = {}
        for unit in known if names else ():
            for name in callable_by(unit):
                index.setdefault(name, []).append(unit)
        for name in names:
            found = index.get(name, [])
            if not found and may_be_gone:
                gone[name] = option
                continue
            if not found:
                raise RefusedError(f"{option}: {_no_such(read_all(), name)}")
            if len(found) > 1:
                raise RefusedError(
                    f"{option}: {len(found)} have the name {name!r}: {', '.join(unit.id for unit in found)}.",
                    remedy="Give the id instead of the name.",
                )
            wanted[found[0].id] = found[0]
    return Found(list(wanted.values()), gone)


def _names_as(*kinds: Kind) -> Callable[[Unit], set[str]]:
    return lambda unit: {unit.id, unit.name} if unit.kind in kinds else set()


def _names_of_routers(unit: Unit) -> set[str]:
    return {name for vm in unit.vms for name in (vm.id, vm.name)} if unit.kind.is_router else set()


def _no_such(units: Sequence[Unit], name: str) -> str:
    """Say what the name is, where it is something else."""
    for unit in units:
        if unit.vpc and any(name in (tier.id, tier.name) for tier in unit.vpc.tiers):
            return f"{name!r} is a tier of VPC {unit.name}. The VPC is the unit: name it in vpcs."
        if any(name in (vm.id, vm.name) for vm in unit.vms) or name in (unit.id, unit.name):
            is_router = unit.kind.is_router
            option = "networks, vpcs or routers of cs_router_restart" if is_router else "cs_systemvm_livepatch"
            return f"{name!r} belongs to {unit.label}. Name it in {option}."
    return f"no such system VM, router, or network or VPC with a router: {name!r}. Check the spelling, or use the id."
