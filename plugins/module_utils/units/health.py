# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a router's health checks say, and what two answers say of the time between them. Pure.

A result may be older than the question: the server passes on what the router last noted, also where its scripts cannot
run any more. And before 4.22 a script's result is neither a success nor a failure to a server of 4.22
(C(VirtualNetworkApplianceManagerImpl.getRouterHealthStatus)).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..cloud.moments import moment
from ..knowledge.durations import iso_time

# The server's own, made anew at each question (resetRouterHealthChecksAndConnectivity there).
OF_SERVER = frozenset({"connectivity.test", "filesystem.writable.test"})


class Health(enum.Enum):
    PASSED = "passed"
    FAILED = "failed"
    UNCLEAR = "unclear"  # a warning, not known, or words that are not known


@dataclass(frozen=True)
class HealthCheck:
    """One check's last result.

    :ivar updated: seconds since the epoch, by the router's clock; None where it is not told.
    """

    health: Health
    updated: float | None = None


Checks = Mapping[str, HealthCheck]


def checks_of(answer: Mapping[str, Any]) -> dict[str, HealthCheck]:
    """The checks of a router by name, from the answer to getRouterHealthCheckResults."""
    items = answer.get("routerhealthchecks", {}).get("healthchecks") or ()
    return {str(item.get("checkname")): HealthCheck(_health(item), moment(item.get("lastupdated"))) for item in items}


def _health(item: Mapping[str, Any]) -> Health:
    """Since 4.22 C(status) tells; there C(success) is false also of what is not known. Before, it is all there is."""
    said = item["status"] if "status" in item else item.get("success")
    return {"SUCCESS": Health.PASSED, "True": Health.PASSED, "FAILED": Health.FAILED, "False": Health.FAILED}.get(
        str(said), Health.UNCLEAR
    )


def merged(routers: Iterable[Checks | None]) -> dict[str, HealthCheck]:
    """Of several routers that take each other's part: a check has passed if it has on all that have it."""
    worst: dict[str, HealthCheck] = {}
    for checks in routers:
        for name, check in (checks or {}).items():
            ranked = sorted([check, worst.get(name, check)], key=lambda each: _RANK.index(each.health))
            worst[name] = ranked[0]
    return worst


_RANK = (Health.FAILED, Health.UNCLEAR, Health.PASSED)


@dataclass(frozen=True)
class Compared:
    """What became of a router's checks.

    :ivar lost: they passed before and fail now.
    :ivar unjudged: they fail now, and nobody knows whether they passed before.
    :ivar stale: the router has not run them since.
    :ivar last_run: when the newest of these ran, by the router's clock; None where that is not told.
    """

    lost: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    last_run: float | None = None


def compare(before: Checks, now: Checks, since: float, earlier: Checks | None = None) -> Compared:
    """What is new in a second answer.

    :param since: a result counts if it is newer than this, or than the one in I(earlier): clocks may differ.
    :param earlier: another answer, given after I(since).
    """

    def is_fresh(name: str) -> bool:
        updated = now[name].updated
        if name in OF_SERVER:
            return True
        known = earlier.get(name) if earlier else None
        return updated is not None and (updated > since or (known is not None and updated > (known.updated or updated)))

    stale = tuple(sorted(name for name in now if not is_fresh(name)))
    failing = sorted(name for name, check in now.items() if check.health is Health.FAILED and name not in stale)
    was = {name: before[name].health if name in before else Health.UNCLEAR for name in failing}
    return Compared(
        tuple(name for name in failing if was[name] is Health.PASSED),
        tuple(name for name in failing if was[name] is Health.UNCLEAR),
        stale,
        max((updated for name in stale if (updated := now[name].updated) is not None), default=None),
    )


def unjudged_words(name: str, compared: Compared) -> Sequence[str]:
    """What could not be judged of a router, in sentences without their end."""
    told = []
    if compared.unjudged:
        told.append(
            f"{name} fails health checks of which it is not known whether it passed them before, so they could not be "
            f"judged: {', '.join(compared.unjudged)}"
        )
    if compared.stale:
        since = f" since {iso_time(compared.last_run)}" if compared.last_run is not None else ""
        told.append(
            f"the router {name} ran no health checks{since}, so they could not be judged: {', '.join(compared.stale)}"
        )
    return told
