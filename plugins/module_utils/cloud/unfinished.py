# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VPCs whose live patch was interrupted between two tiers.

A VPC is patched through its first tier, then the rules of the other tiers are applied again, one restart each. When the
run is killed in between, the routers are current and nothing else shows that tiers are left; the events do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import moment

# Older restarts say nothing about an interrupted run of ours.
WINDOW_S = 24 * 3600.0


def last_restarts(events: Iterable[Mapping[str, Any]], *, done: bool = False) -> dict[str, float]:
    """When each network was last restarted, in seconds since the epoch, from NETWORK.RESTART events.

    :param done: only restarts that came to a good end, not those that failed, were lost or still run.
    """
    events = list(events)
    if done:
        good = {e.get("parentid") for e in events if e.get("state") == "Completed" and e.get("level") != "ERROR"}
        events = [event for event in events if event.get("id") in good]
    last: dict[str, float] = {}
    for event in events:
        started = moment(event.get("created"))
        if event.get("state") == "Scheduled" and event.get("resourceid") and started is not None:
            last[event["resourceid"]] = max(started, last.get(event["resourceid"], 0.0))
    return last


def unfinished_tiers(
    tiers: Sequence[str], last: Mapping[str, float], now: float, done: Mapping[str, float] | None = None
) -> tuple[str, ...]:
    """The tiers that were not restarted after the first one was.

    Only the pattern of an interrupted run counts: the first tiers were restarted one after the other, the rest were not
    restarted since. Somebody who restarts exactly the first tier by hand looks the same; then the others are restarted
    too, which only applies their rules again.

    :param tiers: ids in the order in which a live patch goes through them.
    :param last: as from last_restarts.
    :param done: the same of those that came to a good end; without it all count as such.
    """
    began = last.get(tiers[0], 0.0) if tiers else 0.0
    if now - began > WINDOW_S:
        return ()
    finished = [(last if done is None else done).get(tier, 0.0) >= began for tier in tiers]
    count = finished.index(False) if False in finished else len(finished)
    return () if any(finished[count:]) else tuple(tiers[count:])
