# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left when nothing is wrong with a unit: to see that it is so, and for a canary that it stays so. Pure."""

from __future__ import annotations

from ..options.option_names import words
from .actions import REREAD_S, Action, AskInside, Done, Situation, Wait
from .conditions import Status, Type
from .ends import UNREACHABLE, End, UnitStatus
from .record import Soak

LOOK_S = 15.0  # between two looks at a unit that is watched
HEALTH_S = 120.0  # between two runs of its health checks
AGAIN_S = 3.0  # what is new and wrong is read again before it is believed


def last_looks(s: Situation) -> Action:
    """As the server, the routers and the outside tell it."""
    c, patience = s.conditions, s.patience
    if c.unknown(Type.COMPLETE) and (waiting := s.look(Type.COMPLETE, patience.verify_s, holds=False)):
        return waiting
    if c.unknown(Type.REDUNDANCY, "NotLookedAtYet"):
        return Wait(max(c[Type.REDUNDANCY].due, s.now + REREAD_S), holds=False)
    if c.false(Type.REDUNDANCY):
        if s.record.attempts and (waiting := s.look(Type.REDUNDANCY, patience.verify_s, holds=False)):
            return waiting
        return _pair_not_whole(s)
    if not s.record.sent:
        return Done()
    return _look_inside(s) or _look_from_outside(s) or Done()


def _pair_not_whole(s: Situation) -> End:
    """Whose pair it was before is nobody's failure, but no success either."""
    told = s.conditions[Type.REDUNDANCY].message
    if not s.record.submitted:
        return End(UnitStatus.SKIPPED, "PairNotWhole", f"{told}; repair the pair first")
    if s.record.pair_was_broken:
        return End(UnitStatus.DEGRADED, "PairNotWhole", f"it runs {s.baseline.target}, but {told}, as before")
    return End(UnitStatus.FAILED, "PairNotWhole", f"{told} now")


def _look_inside(s: Situation) -> Action | None:
    """Its routers are no worse than before."""
    c, record = s.conditions, s.record
    if not s.want.looks_inside or record.before is None:
        return None
    answers = record.answers
    if not answers:
        return AskInside(after=True)
    if c.unknown(Type.HEALTH, "NotAskedAgain"):
        again = answers[-1].at + REREAD_S
        return AskInside(after=True) if s.now >= again else Wait(again, holds=False)
    for kind, reason in ((Type.HEALTH, "Worse"), (Type.GATEWAY, "NotReached")):
        if not c.false(kind):
            continue
        if s.age(kind) >= s.patience.verify_s:
            told = f"proven by the server, but {c[kind].message}"
            return End(UnitStatus.FAILED, reason, told)
        again = answers[-1].at + 5 * REREAD_S
        if s.now < again:
            return Wait(again, holds=False, doubtful=True)
        return AskInside(after=True)
    return None


def _look_from_outside(s: Situation) -> Action | None:
    """What answered before answers again."""
    c = s.conditions
    if c.unknown(Type.REACHABLE):
        return s.look(Type.REACHABLE, s.patience.reach_s, holds=False)
    if c.false(Type.REACHABLE):
        told = f"proven by the server, but {c[Type.REACHABLE].message}. {words(UNREACHABLE)}"
        return s.look(Type.REACHABLE, s.patience.reach_s, holds=False) or End(UnitStatus.FAILED, "Silent", told)
    return None


def watch(s: Situation, soak: Soak) -> Action:
    """A unit that is proven: it is done once all of it has held for long enough. Nothing is sent."""
    c, inside = s.conditions, s.want.looks_inside and s.unit.kind.is_router
    asked_at = max((each.at for each in (soak.inside, *s.record.after) if each), default=-HEALTH_S)
    if c.false(Type.READY):
        if waiting := s.look(Type.READY, AGAIN_S, holds=False):
            return waiting
        if inside and asked_at < c[Type.READY].since:  # an alert may be about a health check: then say which
            return AskInside(after=True)
        return End(UnitStatus.FAILED, c[Type.READY].reason, f"proven, and then: {c[Type.READY].message}")
    if c.unknown(Type.RUNNING):
        return s.look(Type.RUNNING, s.patience.start_s, holds=False) or s.end("StillSettling", c[Type.RUNNING].message)
    over = s.now >= soak.until
    if inside and (not soak.inside or s.now - asked_at >= HEALTH_S or (over and asked_at < soak.until)):
        return AskInside(after=soak.inside is not None)
    pair = c[Type.REDUNDANCY]
    if over and pair.status is not Status.FALSE and pair.reason != "NotLookedAtYet":
        return Done()
    return Wait(s.now + REREAD_S if over else min(s.now + LOOK_S, soak.until), holds=False)
