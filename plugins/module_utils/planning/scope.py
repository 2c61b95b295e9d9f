# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scope in force, said in one line: at the head of the plan, in the report, in the log. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime

from ..knowledge.characters import short
from ..knowledge.counts import count
from ..knowledge.vocabulary import ROUTER, ROUTER_KINDS, Kind
from .policy import Policy

MOST_NAMES = 10
MOST_TEXT = 200  # characters, as of sysvm_select


def scope_text(
    policy: Policy, server: str, zones: int, *, deadline: datetime | None, may_fail: str, now: datetime | None = None
) -> str:
    """What a run will touch at most, how, and until when.

    :param server: the host of the URL.
    :param now: in local time.
    :param may_fail: as I(budget_text).
    """
    scope, strategy = policy.scope, policy.strategy
    narrowed = [
        f"{what} {_listed(names)}"
        for what, names in (
            ("zones", scope.zones),
            ("kinds", kinds_text(scope.kinds)),
            ("names", scope.names),
            ("owners", scope.owners),
            ("networks", scope.cidrs),
            ("select", (scope.select,) if scope.select else ()),
            ("all but", scope.exclude_names),
            ("as approved in", (policy.approved.words,) if policy.approved else ()),
        )
        if names
    ]
    method = strategy.method.value + (", what cannot be live patched is recreated" if strategy.unsupported else "")
    return "; ".join(
        [
            f"cloud {server} ({count(zones, 'zone')})",
            ", ".join(narrowed) or "everything",
            f"method {method}",
            *([] if isinstance(policy.order.canaries, bool) else [f"canaries {_listed(policy.order.canaries)}"]),
            *([f"ignoring {', '.join(sorted(policy.ignored_checks))}"] if policy.ignored_checks else []),
            *_ends(deadline, may_fail, now),
        ]
    )


def _ends(deadline: datetime | None, may_fail: str, now: datetime | None) -> list[str]:
    return [f"until {moment_text(deadline, now)}" if deadline else "no deadline", may_fail]


def with_ends(scope: str, deadline: datetime | None, may_fail: str, now: datetime | None = None) -> str:
    """What I(scope_text) has said, with another deadline and budget."""
    ends = "; ".join(_ends(deadline, may_fail, now))
    return re.sub(r"(?:until [^(;]*\([^)]*\)|no deadline); [^;]*$", lambda found: ends, scope)


def budget_text(budget: int, share: str) -> str:
    """How many units may fail, and the share that it comes from."""
    return f"{budget or 'none'} may fail" + (f" ({share})" if "%" in share else "")


def kinds_text(kinds: Collection[Kind]) -> list[str]:
    """The words for kinds as an operator writes them; none for all."""
    if set(kinds) == set(Kind):
        return []
    routers = (
        [ROUTER] if set(kinds) >= ROUTER_KINDS else [kind.value for kind in Kind if kind in ROUTER_KINDS & set(kinds)]
    )
    return [*(kind.value for kind in Kind if kind.is_system_vm and kind in kinds), *routers]


def moment_text(moment: datetime, now: datetime | None = None) -> str:
    """With its zone: containers run in UTC, and a window is meant in local time.

    :param now: whose zone is told where it is another, as before a change of the clocks.
    """
    named = "" if (zone := moment.tzname() or "").startswith("UTC") else f"{zone}, "
    other = now is not None and now.utcoffset() != moment.utcoffset()
    present = f"; now {_offset(now)}" if now is not None and other else ""
    return f"{moment:%a %Y-%m-%d %H:%M} ({named}{_offset(moment)}{present})"


def _offset(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return short(" ".join(", ".join(names[:MOST_NAMES]).split()), MOST_TEXT) + more
