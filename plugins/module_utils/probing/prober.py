# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tries TCP connections, again and again, and tells when an address begins and ceases to answer.

A program of its own, made of the standard library only: it runs beside the module, which waits for the management
server most of the time, or on another host, to which only this text is sent. It reads one JSON object per line::

    {"watch": KEY, "address": ..., "port": ..., "once": true}     {"arm": KEY}     {"confirm": KEY}     {"leave": KEY}
    {"end": true}

C(once) tries it for a first result, when there is nothing else to do, and again only after C(arm). It writes one object
for the first result of each KEY and for each change: C({"key": ..., "at": ..., "seen": ..., "answers": true}), I(at)
and when that was seen in seconds since the epoch; after C(confirm) also for the next attempt that is answered, with
C("confirmed": true). It ends when it is asked to or its input ends or, if it is told how long to linger, so long after
its last input.

Each connection is closed as soon as it stands; nothing is sent over it. All are tried equally often: as often as the
bound allows, but not more often than every 0.2 seconds. Where first results are wanted, every fifth attempt is for one.
What was not answered within 0.2 seconds is tried again at once; one attempt that gets no answer between two that do is
a packet that was lost, and no gap. Attempts begin a few together, which costs less than one by one.
"""

from __future__ import annotations

import errno
import heapq
import json
import math
import os
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass
from itertools import islice

QUICK_S = 0.2  # between two attempts where there is room, and where one has not been answered
TOGETHER_S = 0.1  # attempts that are due within this time begin together
OTHERS = 4  # attempts for one that is for a first result
TIMEOUT_S = 0.95  # less than a kernel waits until it tries again: a later answer tells nothing of when it was asked
ANSWERED, REFUSED, SILENT = "answered", "refused", "silent"
# Of this host and not of the one that is tried.
OWN_TROUBLE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN)


class Target:
    """One address with a port, and what is known of it; moments on the monotonic clock."""

    def __init__(self, key: str, address: str, port: int, armed: bool) -> None:
        self.key = key
        self.armed = armed
        self.where = (address, port)
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.due = 0.0
        self.attempts: deque[ConnectAttempt] = deque()  # in their order, from the oldest that has no outcome yet
        self.answers: bool | None = None  # None before the first result
        self.confirm_since: float | None = None  # an answer is wanted to an attempt that begins after it
        self.before = 0.0  # when the last attempt began that is not among those any more
        self.last_good: float | None = None  # and when the last one of these that was answered
        self.suspect: float | None = None  # when one began after it that was not


@dataclass(eq=False)
class ConnectAttempt:
    target: Target
    began: float
    outcome: str | None = None


class Prober:
    """
    :param rate: how many connections are tried in a second at most, in all.
    :param linger_s: how long it goes on without being asked anything.
    """

    def __init__(self, rate: float, incoming: int, outgoing: int, linger_s: float = 0.0) -> None:
        self._linger_s = linger_s
        self._asked_at = time.monotonic()
        self._pause_s = 1.0 / rate
        together = max(1, int(rate * TOGETHER_S))
        self._together_s = together / rate
        self._begun = deque([-math.inf] * together, together)  # the moments of the last attempts
        self._others = 0  # attempts since the last one for a first result
        self._incoming, self._outgoing = incoming, outgoing
        self._rest, self._unsent = b"", b""
        self._targets: dict[str, Target] = {}
        self._due: list[tuple[float, int, Target]] = []
        self._once: deque[Target] = deque()
        self._armed = 0
        self._attempts: dict[int, tuple[socket.socket, ConnectAttempt]] = {}  # in the order in which they began
        self._number = 0
        self._epoch = time.time() - time.monotonic()
        self._poll = select.poll()
        os.set_blocking(incoming, False)
        os.set_blocking(outgoing, False)
        self._poll.register(incoming, select.POLLIN)

    def run(self) -> None:
        while True:
            now = time.monotonic()
            if self._linger_s and now - self._asked_at >= self._linger_s:
                return
            while now >= self._free_at and (target := self._next(now)):
                self._try(target, now)
            for descriptor, _event in self._poll.poll(1000 * self._patience(now)):
                if descriptor != self._incoming:
                    self._answered(descriptor)
                elif not self._listen():
                    if not self._linger_s:
                        return
                    self._poll.unregister(self._incoming)
            self._give_up(time.monotonic())
            self._send()

    @property
    def _free_at(self) -> float:
        """From when on the bound allows an attempt."""
        return self._begun[0] + self._together_s

    def _next(self, now: float) -> Target | None:
        """The one to be tried now, if any is."""
        while self._due and not self._is_planned(*self._due[0]):
            heapq.heappop(self._due)  # it was planned anew since, or left
        while self._once and (self._once[0].armed or self._targets.get(self._once[0].key) is not self._once[0]):
            self._once.popleft()
        due = bool(self._due) and self._due[0][0] <= now
        if self._once and (self._others >= OTHERS or not due):
            self._others = 0
            return self._once.popleft()
        if not due:
            return None
        self._others += 1
        return heapq.heappop(self._due)[2]

    def _is_planned(self, moment: float, _number: int, target: Target) -> bool:
        return moment == target.due and self._targets.get(target.key) is target

    def _patience(self, now: float) -> float:
        """How long there is nothing to do, in seconds, unless something is asked or answered."""
        moments = [attempt.began + TIMEOUT_S for _connection, attempt in islice(self._attempts.values(), 1)]
        if self._due:
            moments.append(max(self._due[0][0], self._free_at))
        if self._once:
            moments.append(self._free_at)
        if self._unsent:
            moments.append(now + QUICK_S)
        if self._linger_s:
            moments.append(self._asked_at + self._linger_s)
        return max(0.0, min(moments, default=now + 3600) - now)

    # --- what is asked for

    def _listen(self) -> bool:
        """False when nobody asks any more."""
        try:
            text = os.read(self._incoming, 65536)
        except BlockingIOError:
            return True
        if text:
            self._asked_at = time.monotonic()
        *lines, self._rest = (self._rest + text).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            if "end" in asked:
                raise SystemExit
            if "watch" in asked:
                key, once = asked["watch"], asked.get("once", False)
                target = self._targets[key] = Target(key, asked["address"], asked["port"], not once)
                if once:
                    self._once.append(target)
                else:
                    self._armed += 1
                    self._plan(target, time.monotonic())
            elif asked.get("arm", asked.get("confirm")) in self._targets:
                target = self._targets[asked.get("arm", asked.get("confirm"))]
                if "confirm" in asked:
                    target.confirm_since = time.monotonic()
                if not target.armed:
                    target.armed = True
                    self._armed += 1
                    self._plan(target, time.monotonic())
            else:
                left = self._targets.pop(asked.get("leave"), None)
                self._armed -= left is not None and left.armed
        return bool(text)

    def _plan(self, target: Target, moment: float) -> None:
        """Try it then, and not when it was planned before."""
        target.due = moment - moment % TOGETHER_S
        self._number += 1
        heapq.heappush(self._due, (target.due, self._number, target))

    # --- attempts

    def _try(self, target: Target, now: float) -> None:
        self._begun.append(now)
        if target.armed:
            self._plan(target, now + QUICK_S)
        attempt = ConnectAttempt(target, now)
        connection = None
        try:
            connection = socket.socket(target.family, socket.SOCK_STREAM)
            connection.setblocking(False)
            problem = connection.connect_ex(target.where)
        except OSError as error:
            problem = error.errno or errno.EHOSTUNREACH
        if problem not in OWN_TROUBLE:
            target.attempts.append(attempt)
        if connection is not None and problem in (0, errno.EINPROGRESS):
            self._attempts[connection.fileno()] = connection, attempt
            self._poll.register(connection, select.POLLOUT)
            return
        if connection is not None:
            connection.close()
        if problem not in OWN_TROUBLE:
            self._ended(attempt, REFUSED)

    def _answered(self, descriptor: int) -> None:
        problem = self._attempts[descriptor][0].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        attempt = self._close(descriptor)
        late = time.monotonic() - attempt.began >= TIMEOUT_S
        self._ended(attempt, REFUSED if problem else SILENT if late else ANSWERED)

    def _give_up(self, now: float) -> None:
        while self._attempts:
            descriptor, (_connection, attempt) = next(iter(self._attempts.items()))
            if now - attempt.began < TIMEOUT_S:
                return
            self._ended(self._close(descriptor), SILENT)

    def _close(self, descriptor: int) -> ConnectAttempt:
        connection, attempt = self._attempts.pop(descriptor)
        self._poll.unregister(descriptor)
        connection.close()
        return attempt

    # --- what comes of them

    def _ended(self, attempt: ConnectAttempt, outcome: str) -> None:
        """What attempts come to is decided in the order in which they began."""
        target, attempt.outcome = attempt.target, outcome
        if target.armed and target.answers and outcome == ANSWERED:  # as before: there is time
            share = OTHERS / (OTHERS + 1) if self._once else 1.0
            self._plan(target, attempt.began + max(QUICK_S, self._armed * self._pause_s / share))
        while target.attempts and target.attempts[0].outcome:
            self._decide(target, target.attempts.popleft())

    def _decide(self, target: Target, attempt: ConnectAttempt) -> None:
        if attempt.outcome == ANSWERED:
            began = ((target.before or attempt.began) + attempt.began) / 2
            changed, target.answers = not target.answers, True
            confirmed = target.confirm_since is not None and attempt.began >= target.confirm_since
            if confirmed:
                target.confirm_since = None
            if changed or confirmed:  # it began to at some time between the attempt before this one and this one
                self._tell(target, began if changed else attempt.began, attempt.began, confirmed)
            target.last_good, target.suspect = attempt.began, None
        elif target.answers is not False:
            first = target.suspect or attempt.began
            if attempt.outcome == REFUSED or target.suspect or target.answers is None:
                # It ceased to answer at some time between the last answer and this attempt.
                target.answers = False
                self._tell(target, (target.last_good + first) / 2 if target.last_good else first, first)
            else:
                target.suspect = attempt.began
        target.before = attempt.began

    # --- what is told

    def _tell(self, target: Target, moment: float, seen: float, confirmed: bool = False) -> None:
        if self._targets.get(target.key) is target:
            at, seen = round(self._epoch + moment, 3), round(self._epoch + seen, 3)
            said = {"key": target.key, "at": at, "seen": seen, "answers": target.answers}
            if confirmed:
                said["confirmed"] = True
            self._unsent += json.dumps(said).encode() + b"\n"

    def _send(self) -> None:
        """What is not taken yet is kept: whoever reads may be waiting for the management server."""
        while self._unsent:
            try:
                self._unsent = self._unsent[os.write(self._outgoing, self._unsent) :]
            except BlockingIOError:
                return
            except BrokenPipeError:
                raise SystemExit from None


if __name__ == "__main__":
    Prober(float(sys.argv[1]), 0, 1, *map(float, sys.argv[2:])).run()
