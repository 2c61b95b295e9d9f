# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of what is to be watched from outside."""

from __future__ import annotations

from collections.abc import Iterator

from .registry import Against, CheckContext, CheckStatus, check

MOST_NAMES = 5


def _fine(context: CheckContext) -> str:
    if context.probed is None:
        return "nothing is to be probed"
    if not context.probed.tried:
        return "no unit in scope serves anything that a TCP connection could reach"
    return "; ".join(f"{each.answered} of {each.all} addresses answer {each.place}" for each in context.probed.tried)


@check(
    "probes",
    "Does what is to be probed answer from where it is tried?",
    worst=CheckStatus.FAIL,
    remedy="From there nothing can be measured. Name hosts in sysvm_probe_from that reach the public addresses, leave "
    "sysvm_probe out, or go on without measuring by sysvm_ignore_checks: [probes].",
    fine=_fine,
    concerns=lambda context: context.probed is not None,
)
def probes(context: CheckContext) -> Iterator[str | Against]:
    for each in context.probed.tried if context.probed else ():
        if not each.all:
            continue
        if not each.answered:
            yield f"none of {each.all} addresses answers {each.place}"
        elif each.silent:
            names = ", ".join(map(str, each.silent[:MOST_NAMES]))
            more = f" and {len(each.silent) - MOST_NAMES} more" if len(each.silent) > MOST_NAMES else ""
            yield Against(
                f"{len(each.silent)} of {each.all} addresses do not answer {each.place}: {names}{more}",
                CheckStatus.WARN,
                "What does not answer before its unit is upgraded is not measured, and nothing fails because of it.",
            )
