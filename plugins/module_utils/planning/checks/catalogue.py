# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks, in the order in which an operator reads them; what they need read, and their answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...cloud.endpoints import Probed
from ...cloud.infrastructure import Need
from ...knowledge.guesses import did_you_mean
from ...options.option_names import OptionError
from . import hosts, management_server, new_vms, planned_units, reachability, sessions
from .registry import Check, CheckContext, CheckResult, CheckStatus

CHECKS = tuple(
    each
    for room in (management_server, planned_units, hosts, new_vms, sessions, reachability)
    for each in vars(room).values()
    if isinstance(each, Check)
)
IGNORABLE = tuple(check.name for check in CHECKS if check.worst is CheckStatus.FAIL and not check.guards)


def needed(context: CheckContext, checks: Iterable[Check] = CHECKS) -> tuple[frozenset[str], frozenset[Need]]:
    """The settings and the lists that have to be read for the checks that this plan concerns."""
    asked = [check for check in checks if check.concerns(context)]
    settings = {name for check in asked for name in check.settings}
    return frozenset(settings), frozenset(need for check in asked for need in check.needs)


def run_checks(context: CheckContext) -> list[CheckResult]:
    """The answers of all checks; of one that the operator ignores, what was seen all the same."""
    return [_unless_ignored(check.ask(context), context.policy.ignored_checks) for check in CHECKS]


def new_disk_problems(context: CheckContext) -> list[CheckResult]:
    """The checks without which nothing may get a new disk, as far as they fail; for a module that acts on its own."""
    answers = [check.ask(context) for check in CHECKS if check.new_disks]
    return [answer for answer in answers if answer.status is CheckStatus.FAIL]


def probes_answer(probed: Probed | None, ignored: Iterable[str], away: Sequence[str] = ()) -> CheckResult:
    """That of the check of what is probed, where it was tried by somebody else than the module that plans.

    :param away: what keeps hosts from trying it.
    """
    found = [*away] or reachability.unanswered(probed)
    answer = reachability.probes.answer(found, lambda: reachability.answers(probed))
    return _unless_ignored(answer, ignored)


def refuse_unknown_checks(names: Iterable[str]) -> None:
    """
    :raises OptionError: for a name that no check has, and for one of a check that cannot be ignored.
    """
    known = {check.name: check for check in CHECKS}
    for name in names:
        if name not in known:
            raise OptionError(
                f"has {name!r}, but there is no such check",
                option="ignore_checks",
                remedy=f"{did_you_mean([name], known)}These can be ignored: {', '.join(IGNORABLE)}.",
            )
        if known[name].guards:
            raise OptionError(
                f"has {name}, which cannot be ignored: data or service may be lost behind it",
                option="ignore_checks",
                remedy=f"These can be ignored: {', '.join(IGNORABLE)}.",
            )


def _unless_ignored(answer: CheckResult, ignored: Iterable[str]) -> CheckResult:
    if answer.status is CheckStatus.FAIL and answer.name in ignored:
        return replace(answer, status=CheckStatus.IGNORED)
    return answer
