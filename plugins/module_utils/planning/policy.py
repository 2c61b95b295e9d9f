# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operator wants: scope, strategy and order. Checked before anything is read from the server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..knowledge.vocabulary import ROUTER, ROUTER_KINDS, Kind, WantedMethod
from ..options.option_names import OptionError, called, words
from .approved import ApprovedPlan


def kinds_of(words: Iterable[str]) -> frozenset[Kind]:
    """The kinds that an operator named; C(router) is all that routers do, and nothing named is everything."""
    named: set[Kind] = set()
    for word in words:
        named |= ROUTER_KINDS if word == ROUTER else {Kind(word)}
    return frozenset(named or Kind)


def both_name(what: str) -> OptionError:
    """What is named by the names that are meant and by those that are left out."""
    wrong = f"and {called('exclude_names')} both name {what}"
    return OptionError(wrong, option="names", remedy="Remove it from one of the two.")


@dataclass(frozen=True)
class Scope:
    """What part of the cloud is meant.

    :ivar names: names or ids of units, VMs, tiers, or wildcards; empty = all. I(exclude_names) likewise.
    :ivar owners: accounts, projects and domains; empty = all.
    :ivar cidrs: networks in CIDR notation; a unit with a guest or public address inside is in scope.
    :ivar select: a JMESPath expression over a unit's description that must be true.
    """

    zones: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset(Kind)
    names: tuple[str, ...] = ()
    exclude_names: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    select: str | None = None

    def __post_init__(self) -> None:
        both = sorted(set(self.names) & set(self.exclude_names))
        if both:
            raise both_name(", ".join(map(repr, both)))


@dataclass(frozen=True)
class Strategy:
    """What is done to a unit in scope.

    :ivar unsupported: whether VMs that the matrix forbids to live patch are recreated.
    :ivar fallback: whether a unit whose live patch failed may be recreated.
    """

    method: WantedMethod = WantedMethod.AUTO
    unsupported: bool = False
    allow_degraded: bool = False
    fallback: bool = False

    def __post_init__(self) -> None:
        if self.unsupported and self.method is WantedMethod.LIVE_PATCH:
            raise OptionError(
                f"has unsupported, but {called('method')} is live_patch",
                option="recreate",
                remedy=words("Use O(method): auto, which live patches what may be and recreates the rest."),
            )
        if self.fallback and self.method is WantedMethod.RECREATE:
            raise OptionError(
                f"has failed, but {called('method')} is recreate, so no live patch can fail",
                option="recreate",
                remedy="Leave one of the two out.",
            )


@dataclass(frozen=True)
class Order:
    """In which order: canaries first, and sizes into which a step is cut, numbers or percentages.

    :ivar canaries: whether one unit of each sort goes first, or which units do, by name.
    """

    canaries: bool | tuple[str, ...] = True
    waves: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """What the operator wants of a run.

    :ivar ignored_checks: names of checks that may fail.
    :ivar approved: the plan to keep to; None where none was approved.
    """

    scope: Scope = field(default_factory=Scope)
    strategy: Strategy = field(default_factory=Strategy)
    order: Order = field(default_factory=Order)
    ignored_checks: frozenset[str] = frozenset()
    approved: ApprovedPlan | None = None
