# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of what is to be watched from outside."""

from __future__ import annotations

from collections.abc import Iterator

from ...cloud.endpoints import Probed
from ...knowledge.counts import first_of
from .registry import Against, CheckContext, CheckStatus, check

MOST_NAMES = 5


def answers(probed: Probed | None) -> str:
    if probed is None:
        return "nothing is to be probed"
    if not probed.tried:
        return "no unit in scope serves anything that a TCP connection could reach"
    return "; ".join(f"{each.answered} of {each.all} addresses answer {each.place}" for each in probed.tried)


def unanswered(probed: Probed | None) -> Iterator[str | Against]:
    for each in probed.tried if probed else ():
        if not each.all:
            continue
        if not each.answered:
            yield f"none of {each.all} addresses answers {each.place}"
        elif each.silent:
            names = first_of([*map(str, each.silent)], MOST_NAMES)
            yield Against(
                f"{len(each.silent)} of {each.all} addresses do not answer {each.place}: {names}",
                CheckStatus.WARN,
                "What does not answer before its unit is upgraded is not measured, and nothing fails because of it.",
            )


@check(
    "probes",
    "Does what is to be probed answer from where it is tried?",
    worst=CheckStatus.FAIL,
    remedy="From there nothing can be measured. Name hosts in O(probe_from) that reach the public addresses, leave "
    "O(probe) out, or go on without measuring by O(ignore_checks): [probes].",
    fine=lambda context: answers(context.probed),
    concerns=lambda context: context.probed is not None,
)
def probes(context: CheckContext) -> Iterator[str | Against]:
    return unanswered(context.probed)
