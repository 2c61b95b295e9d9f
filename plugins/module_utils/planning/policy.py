# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operator wants: method, scope and order. Checked before anything is read from the server."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import ROUTER, ROUTER_KINDS, Kind


class Method(str, enum.Enum):
    """What is done to a unit; C(none) is already current, C(skip) cannot or must not be touched."""

    LIVE_PATCH = "live_patch"
    RECREATE = "recreate"
    RESTART = "restart"
    NONE = "none"
    SKIP = "skip"


class WantedMethod(str, enum.Enum):
    """The policy for a whole run."""

    AUTO = "auto"
    LIVE_PATCH = "live_patch"
    RECREATE = "recreate"


class Unsupported(str, enum.Enum):
    """What becomes of VMs that the matrix forbids to live patch."""

    FAIL = "fail"
    RECREATE = "recreate"


def kinds_of(words: Iterable[str]) -> frozenset[Kind]:
    """The kinds that an operator named; C(router) is all that routers do, and nothing named is everything."""
    named = [ROUTER_KINDS if word == ROUTER else {Kind(word)} for word in words]
    return frozenset().union(*named) or frozenset(Kind)


class PolicyError(SysvmError):
    """An option that cannot be meant; the message names it and the remedy."""


@dataclass(frozen=True)
class Policy:
    """Method and order of a run, and what part of the cloud is in scope.

    :ivar names: names or ids of units, VMs, tiers; empty = all. I(exclude_names) likewise.
    :ivar cidrs: networks in CIDR notation; a unit with a guest or public address inside is in scope.
    :ivar select: a JMESPath expression over a unit's description that must be true.
    """

    method: WantedMethod = WantedMethod.AUTO
    kinds: frozenset[Kind] = frozenset(Kind)
    zones: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    exclude_names: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    select: str | None = None
    canary: bool = True
    waves: tuple[str, ...] = ()  # sizes into which a step is cut, numbers or percentages
    unsupported: Unsupported = Unsupported.FAIL
    allow_degraded: bool = False

    def __post_init__(self) -> None:
        both = sorted(set(self.names) & set(self.exclude_names))
        if both:
            raise PolicyError(
                f"sysvm_names and sysvm_exclude_names both name {_quoted(both)}",
                remedy="Remove it from one of the two.",
            )
        if self.unsupported is Unsupported.RECREATE and self.method is WantedMethod.LIVE_PATCH:
            raise PolicyError(
                "sysvm_unsupported is recreate, but sysvm_method is live_patch",
                remedy="Use sysvm_method: auto, which live patches what may be and recreates the rest.",
            )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
