# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of a CloudStack management server: read, list, submit. Signing is left to the C(cs) library."""

from __future__ import annotations

import builtins
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from . import errors
from .ahead import Ahead
from .connection import Connection
from .line import CS_IMPORT_ERROR, Line
from .pages import NoPageError, Page, Reading, page_at

__all__ = ["CS_IMPORT_ERROR", "Client", "Connection"]

CONNECT_LIMIT = 5.0  # seconds to keep trying a server that has not answered once: most likely the URL is wrong
AUTH_LIMIT = 60.0  # seconds to keep trying after a 401 if these credentials were good before: it may be restarting
AWAY = (errors.UnavailableError, errors.NotCloudStackError)  # why another management server is asked, if there is one
FIRST_DELAY, LONGEST_DELAY = 0.5, 15.0  # seconds: bounds of the back-off

# BaseListCmd.getPageSize: the value of the setting default.page.size when the server started.
PAGE_SIZE_LIMIT = re.compile(r"Page size can't exceed max allowed page size value: (\d+)")

# How often a listing is read whose pages do not fit together, until two readings show the same.
MOST_READINGS = 6

Item = TypeVar("Item")
Items = list[dict[str, Any]]


class Client:
    """The API of one cloud: of a management server, of a load balancer, or of several servers. Not for several threads.

    It has threads of its own only while a listing of several pages is read, and they only exchange: what to do about an
    error, waiting, converting and C(on_retry) are the caller's thread's.

    Of several management servers one is asked until it is away; then the next one is. A read is asked again there at
    once. A call that changes something is not sent again, wherever it was sent.

    Where somebody else decides what is asked again and when, C(patient) is false.

    :param connection: where and how.
    :param session: sends the prepared requests, also several at once; only tests give one. Otherwise each connection
        has a C(requests.Session), which is kept open.
    :param sleep: waits for a number of seconds.
    :param clock: monotonic seconds.
    :param rng: a random number from 0 to 1.
    :param met: whether this server is known to have accepted these credentials a moment ago: then it is not given up
        after a few seconds.
    :raises SysvmError: when the Python library C(cs) is missing; C(CS_IMPORT_ERROR) is the traceback.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        session: Any = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
        met: bool = False,
    ) -> None:
        if CS_IMPORT_ERROR is not None:
            raise errors.SysvmError(
                "The Python library cs cannot be imported.", remedy="Install it: pip install 'cs>=5.0.0'."
            )
        self.server = urlsplit(connection.url).netloc  # for people: which cloud this is
        self.retry_limit = connection.retry_limit
        self.patient = True
        self._page_size = connection.page_size
        self._at_once = connection.connections
        self._sleep, self._clock, self._rng = sleep, clock, rng
        # Before a read is repeated, gets the error and the seconds until then.
        self.on_retry: Callable[[errors.ApiError, float], None] | None = None
        self._met = met  # whether this server has accepted these credentials once
        self._servers, self._at = connection.each(), 0
        self.left: dict[str, str] = {}  # servers that were away -> how that showed
        self._new_line = partial(Line, self._servers[0], session)
        self._lines = [self._new_line()]  # all there are; what is wrong with the connection shows here
        self._free = [*self._lines]  # those that nobody uses just now; the last used is the next to be
        self._lock = threading.Lock()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *dummy: object) -> None:
        self.close()

    @property
    def page_size(self) -> int:
        """How many items a page has at most; less than asked for where the server allows less."""
        return self._page_size

    def close(self) -> None:
        """Close the connections that are kept open between calls."""
        for line in self._lines:
            line.wire.close()

    def read(self, command: str, **params: Any) -> dict[str, Any]:
        """Call a command that changes nothing; repeat it while the server cannot be reached or talks nonsense.

        It is repeated after growing random delays for up to C(retry_limit) seconds, which outlasts the restart of a
        management server. Before the first success only for CONNECT_LIMIT seconds, as the URL is probably wrong. After
        a 401 for AUTH_LIMIT seconds, as a restarting server may say that - or not at all before the first success.

        :param command: such as C(listRouters).
        :param params: its parameters; None is dropped, True becomes C(true), a list is joined with commas.
        :returns: the answer without its outer key; empty for a listing without items.
        :raises ApiError: its type tells the reason.
        """
        _check_reads(command)
        return self._repeat(lambda: self._call(command, params))

    def once(self, command: str, timeout: float, **params: Any) -> dict[str, Any]:
        """As C(read), but never repeated, with a time limit of its own, and from any thread.

        :param timeout: seconds to wait for the answer.
        """
        _check_reads(command)
        return self._call(command, params, timeout=timeout)

    def read_each(self, command: str, each: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any] | errors.ApiError]:
        """As C(read), once for each of these parameters, as many at a time as the connection has C(connections).

        :returns: answers and errors in the order of the parameters.
        """
        _check_reads(command)

        def ask(number: int) -> dict[str, Any]:
            return self._call(command, each[number])

        ahead = Ahead(ask)
        try:
            for number in range(len(each)):
                ahead.begin(range(number + 1, min(number + self._at_once, len(each))))
                try:
                    yield self._repeat(partial(ahead.take, number))
                except errors.ApiError as exc:
                    yield exc
        finally:
            ahead.end()

    def list(self, command: str, key: str, **params: Any) -> Items:
        """Read a listing to its end, a few pages at a time.

        Whatever is there all the time is in it, also while things come and go: two pages have items in common
        (C(api/pages.py)), or the listing is read again until it is as it was before.
        CloudStack's C(count) is the number of all items, but with some releases and commands that of the page's
        (apache/cloudstack issues 3890, 5229, 7974). So a full page is never taken for the last one, and only fewer
        items than C(count) are wrong.
        Where C(count) tells that there are more pages, as many as the connection has C(connections) are asked for at a
        time. They are taken in their order, so the outcome is that of asking for one after the other.

        :param command: such as C(listRouters).
        :param key: of the items in the answer, such as C(router).
        :param params: as in C(read).
        :returns: the items, each once.
        :raises MalformedAnswerError: when items stay missing, or the answer is no listing.
        :raises ApiError: as in C(read).
        """
        return self.list_as(command, key, dict, **params)

    def list_as(
        self,
        command: str,
        key: str,
        convert: Callable[[Mapping[str, Any]], Item],
        *,
        expected: int = 0,
        all_matter: bool = True,
        **params: Any,
    ) -> builtins.list[Item]:
        """As C(list), each item converted when its page arrives: items of thousands of networks fill the memory.

        :param convert: makes what is kept of an item; a KeyError means that the answer lacks a field it must have.
        :param expected: how many items there are at least, where that is known: then the first page is not waited for.
        :param all_matter: False for one reading, with what it happens to show.
        """
        _check_reads(command)
        earlier = Reading[Item]()
        for number in range(MOST_READINGS):
            # What moves is read again page after page: of pages that are asked for at once any may be the older one.
            reading = self._pages(command, key, convert, params, expected, 1 if number else self._at_once)
            again = reading.found.keys() == earlier.found.keys() and reading.count == earlier.count
            if reading.whole or not all_matter or (again and len(reading.found) >= reading.count):
                return [*reading.found.values()]
            if again:
                break
            earlier = reading
        raise errors.MalformedAnswerError(
            f"{command}: the server counts {reading.count} items but lists {len(reading.found)} as {key!r}.",
            command=command,
        )

    def page(self, command: str, number: int, most: int | None = None, **params: Any) -> dict[str, Any]:
        """One page of a listing, for whoever knows when there is enough.

        :param number: of the page, from 1 on.
        :param most: how many items it has at most; None: C(page_size).
        :returns: the answer without its outer key.
        :raises ApiError: as in C(read).
        """
        size = min(self._page_size, most or self._page_size)
        try:
            return self.read(command, page=number, pagesize=size, **params)
        except errors.ParameterError as exc:
            self._lower_page_size(exc)
        return self.page(command, number, most, **params)

    def wait(self, seconds: float) -> None:
        """Do nothing for a while, before something is asked once more."""
        self._sleep(seconds)

    def _lower_page_size(self, error: errors.ParameterError) -> None:
        """Ask for pages that the server allows: the setting default.page.size is lower than usual.

        :raises ParameterError: the same one, where it is about something else.
        """
        text = error.errortext or ""
        limit = PAGE_SIZE_LIMIT.search(text)
        if limit is None and "page size" not in text.lower():
            raise error
        size = int(limit[1]) if limit else self._largest_page()
        if not 0 < size < self._page_size:
            raise error
        self._page_size = size

    def _largest_page(self) -> int:
        """The setting default.page.size; 0 where it is not told."""
        answer = self.read("listConfigurations", name="default.page.size")
        values = [str(item.get("value")) for item in answer.get("configuration", ()) if isinstance(item, Mapping)]
        return int(values[0]) if values and values[0].isdigit() else 0

    def submit(self, command: str, *, job_id: str | None = None, **params: Any) -> str:
        """Send a call that starts an asynchronous job; once, with POST.

        :param job_id: the id that the job is to have (customjobid), a UUID in lower case; each is taken once.
        :returns: the id of the job; not I(job_id) where the server does not know the parameter.
        :raises JobExistsError: a job has that id already, so nothing was started.
        :raises JobIdRefusedError: the server objects to the id, so nothing was started.
        :raises SubmitUncertainError: the server may have taken the call: its answer is lost or says nothing.
        :raises ApiError: of any other type: the server surely did not take it.
        """
        if job_id is not None:
            params = {**params, "customjobid": job_id}
        try:
            found = self.change(command, **params).get("jobid")
        except errors.ApiError as exc:
            raise (_about_job_id(exc) if exc.rejected and job_id is not None else None) or exc from None
        if isinstance(found, str) and found:
            return found
        raise errors.SubmitUncertainError(f"{command}: the answer has no job id.", command=command, http_status=200)

    def change(self, command: str, **params: Any) -> dict[str, Any]:
        """Send a call that changes something; once, with POST. Whoever sends it knows whether it may be sent again.

        :returns: the answer without its outer key.
        :raises SubmitUncertainError: the server may have taken the call: its answer is lost or says nothing.
        :raises ApiError: of any other type: the server surely did not take it.
        """
        try:
            return self._call(command, params, changes=True)
        except errors.ApiError as exc:
            if exc.rejected:
                raise
            error = exc
        raise errors.SubmitUncertainError(error.message, command=command, http_status=error.http_status)

    def _repeat(self, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Ask until there is an answer, with growing random delays, as long as the kind of error is worth it."""
        start, tries = self._clock(), 0
        while True:
            tries += 1
            try:
                return send()
            except errors.ApiError as exc:
                error = exc
            if self.patient and tries < len(self._servers) and isinstance(error, AWAY):
                continue  # each server is asked once before any waiting
            delay = self._delay(error, tries)
            waited = self._clock() - start
            if waited + delay > self._patience(error):
                if tries > 1:
                    whom = f", of {' and '.join(self.left)} in turn" if len(self.left) > 1 else ""
                    error.message += f" (Tried {tries} times in {waited:.0f} seconds{whom}.)"
                raise error
            if self.on_retry:
                self.on_retry(error, delay)
            self._sleep(delay)

    def _call(
        self, command: str, params: Mapping[str, Any], *, changes: bool = False, timeout: float | None = None
    ) -> dict[str, Any]:
        """One exchange, in any thread. The exceptions of cs and requests end here."""
        with self._lock:
            if not self._free:
                self._lines.append(self._new_line())
                self._free.append(self._lines[-1])
            line, server = self._free.pop(), self._servers[self._at]
        try:
            line.lead_to(server)
            answer = line.exchange(command, params, changes, timeout)
        except AWAY as exc:
            self._leave(server, exc)
            raise
        except errors.AuthenticationError as exc:
            exc.remedy = exc.revoked if self._met else exc.remedy
            raise
        finally:
            self._free.append(line)
        self._met = True
        return answer

    def _leave(self, server: Connection, error: errors.ApiError) -> None:
        """Ask the next management server from now on, unless another thread has seen to that."""
        with self._lock:
            if len(self._servers) > 1 and server is self._servers[self._at]:
                self._at = (self._at + 1) % len(self._servers)
                self.left[urlsplit(server.url).netloc] = error.message

    def _pages(
        self,
        command: str,
        key: str,
        convert: Callable[[Mapping[str, Any]], Item],
        params: Mapping[str, Any],
        expected: int,
        at_once: int,
    ) -> Reading[Item]:
        """Read all pages once."""
        reading, position = Reading[Item](), 0

        def ask(page: Page) -> dict[str, Any]:
            return self._call(command, {**params, "page": page.number, "pagesize": page.size})

        ahead = Ahead(ask)
        while True:
            page = page_at(position, self._page_size)
            later = (page_at(each, self._page_size) for each in range(position + 1, position + at_once))
            ahead.begin(each for each in later if each.after < max(reading.count, expected))
            try:
                answer = self._repeat(partial(ahead.take, page))
                last = reading.add(page, answer.get(key, []), answer.get("count", 0), convert)
            except errors.ParameterError as exc:
                self._lower_page_size(exc)
                ahead.end()
                reading, position = Reading(), 0
            except NoPageError:
                raise errors.MalformedAnswerError(
                    f"{command}: 'count' or {key!r} has the wrong type.", command=command
                ) from None
            except KeyError as exc:
                missing = exc.args[0]
                raise errors.MalformedAnswerError(f"{command}: a {key} has no {missing!r}.", command=command) from None
            else:
                position += 1
                if last:
                    ahead.end()
                    return reading

    def _patience(self, error: errors.ApiError) -> float:
        """For how many seconds a read that ends like this is repeated."""
        if not self.patient:
            return 0.0
        if isinstance(error, errors.AuthenticationError):
            return AUTH_LIMIT if self._met else 0.0
        if isinstance(error, (errors.UnavailableError, errors.RateLimitedError, errors.MalformedAnswerError)):
            return self.retry_limit if self._met else min(self.retry_limit, CONNECT_LIMIT)
        return 0.0

    def _delay(self, error: errors.ApiError, tries: int) -> float:
        """Seconds: exponential back-off with full jitter, on top of what the server asks for."""
        ceiling = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(tries, 10))
        return max(0.1, self._rng() * ceiling) + (error.retry_after or 0.0)


def _check_reads(command: str) -> None:
    if not command.startswith(("list", "get", "query", "find")):
        raise ValueError(f"{command} may change something: submit it")


def _about_job_id(error: errors.ApiError) -> errors.ApiError | None:
    """A refusal that is about the id which was asked for; None for any other.

    As recorded: 431 while its job runs, 530 after that job ended or when two ask at the same moment.
    """
    text = error.errortext or ""
    if "already exists" in text and ("custom id" in text or text.startswith("Entity already exists")):
        kind: type[errors.ApiError] = errors.JobExistsError
    elif "UUID" in text or "injectedJobId" in text or "customjobid" in text.lower():
        kind = errors.JobIdRefusedError
    else:
        return None
    return kind(**{**asdict(error), "remedy": None, "rejected": True})
