# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong, as types: what happened (the class and the message) and what to do (the remedy)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..knowledge.characters import visible


class SysvmError(Exception):
    """Base of every error that this collection raises on purpose.

    :param message: one sentence: what happened.
    :param remedy: one sentence or two: what to do about it. A class may have a standing one.
    """

    remedy: str | None = None

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if remedy is not None:
            self.remedy = remedy

    def __str__(self) -> str:
        stop = "" if self.message.endswith((".", ".)", "?")) else "."
        return visible(f"{self.message}{stop} {self.remedy}" if self.remedy else self.message)

    def details(self) -> dict[str, Any]:
        """What C(fail_json) returns as C(error): C(type), C(message), C(remedy); without keys that say nothing."""
        return {
            key: value
            for key, value in {"type": type(self).__name__, "message": self.message, "remedy": self.remedy}.items()
            if value is not None
        }


@dataclass(eq=False, repr=False, kw_only=True)
class ApiError(SysvmError):
    """A call of the CloudStack API, or an asynchronous job, did not do what was asked.

    :param command: the API command, for example C(listRouters).
    :param http_status: the status of the HTTP answer; None when there was none.
    :param errorcode: CloudStack's code, 400 to 537 (ApiErrorCode.java); for a job its C(jobresultcode).
    :param cserrorcode: CloudStack's second, finer code; mostly 9999.
    :param errortext: CloudStack's own words.
    :param job_id: the asynchronous job that the error is about.
    :param rejected: True when the server surely did not act on the call; False when nobody knows.
    :param retry_after: seconds that the server asks to wait before the next try.
    """

    message: str = field(kw_only=False)
    remedy: str | None = None
    command: str | None = None
    http_status: int | None = None
    errorcode: int | None = None
    cserrorcode: int | None = None
    errortext: str | None = None
    job_id: str | None = None
    rejected: bool = False
    retry_after: float | None = None

    def __post_init__(self) -> None:
        super().__init__(self.message, remedy=self.remedy or type(self).remedy)

    def details(self) -> dict[str, Any]:
        """As in the base class, with what is known of command, http_status, the codes, errortext and job_id."""
        known = ("command", "http_status", "errorcode", "cserrorcode", "errortext", "job_id")
        facts = {name: getattr(self, name) for name in known}
        return super().details() | {name: value for name, value in facts.items() if value is not None}


class AuthenticationError(ApiError):
    """HTTP 401. CloudStack gives the same answer for wrong keys, an expired signature and an unknown command."""

    remedy = (
        "Possible causes: a wrong api_key or api_secret (CLOUDSTACK_KEY, CLOUDSTACK_SECRET), a disabled or locked user,"
        " a clock on this machine that is minutes off (signatures expire), or a management server too old to know the"
        " command; CloudStack answers all of these alike."
    )
    revoked = (
        "The server took this key until now: most likely it was replaced or deleted, or its user disabled or locked,"
        " meanwhile. Give a valid one. Else a clock on this machine or the server has moved by minutes (signatures"
        " expire), or the server does not know the command."
    )


class PermissionDeniedError(ApiError):
    """HTTP 401 with the words that the role of the user does not have the command."""

    remedy = "Use the api_key of a root administrator, or allow the command in the user's role."


class ParameterError(ApiError):
    """CloudStack refuses the parameters: 400, 405, 430, 431."""


class NotFoundError(ParameterError):
    """431: the entity with that id does not exist (any more), or the id is malformed."""


class UnsupportedCommandError(ApiError):
    """432: the management server does not know the command."""


class RateLimitedError(ApiError):
    """429: too many calls in too short a time."""

    remedy = "See the settings api.throttling.interval and api.throttling.max; root administrators are exempt."


class UnavailableError(ApiError):
    """No answer, or one that says "not now": refused, reset, timed out, TLS, 500 to 504 from a proxy, maintenance."""


class SubmitUncertainError(UnavailableError):
    """The answer to a state-changing call was lost: the server may or may not have started the job."""

    remedy = "The job may run: look for it, or at the state of its object, before submitting again."


class JobExistsError(ApiError):
    """A job has the id that was asked for (C(customjobid)): somebody has sent this very call before."""


class JobIdRefusedError(ApiError):
    """The server does not accept the id that was asked for as a job's; it did not act on the call."""


class MalformedAnswerError(ApiError):
    """An answer came, but not one that can be understood or believed."""


class NotCloudStackError(MalformedAnswerError):
    """Something answers at the URL, but not as CloudStack's API."""

    remedy = "Check api_url (CLOUDSTACK_ENDPOINT): it ends in /client/api. A proxy or a login page may have answered."


class ServerError(ApiError):
    """CloudStack's own failure: 5xx with CloudStack's body, mostly 530 to 537."""


class JobFailedError(ApiError):
    """An asynchronous job ended with an error."""


class JobLostError(ApiError):
    """An asynchronous job ended without a result, or is forgotten: nobody knows how much of it was done."""

    remedy = "Read the state of the object again before deciding what to do."
