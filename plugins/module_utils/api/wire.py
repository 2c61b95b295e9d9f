# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session that cs is given, and what an exchange that did not succeed means.

No text made here has a credential or a URL with a query in it: requests' own exceptions do (with GET, the key is in the
URL), so all texts are written anew.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import socket
import ssl
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from . import errors
from .connection import Connection, place

with contextlib.suppress(ImportError):  # client.py tells when it is missing
    import requests

BY_CODE: Mapping[int, type[errors.ApiError]] = {
    400: errors.ParameterError,
    401: errors.AuthenticationError,
    405: errors.ParameterError,
    429: errors.RateLimitedError,
    430: errors.ParameterError,
    431: errors.ParameterError,
    432: errors.UnsupportedCommandError,
    503: errors.UnavailableError,
}
# A server that is about to go takes no jobs: 530 in 4.19 and 4.20 (AsyncJobManagerImpl.checkShutdown), 503 since 4.21
# (ApiServer.queueCommand, ApiDispatcher, AsyncJobManagerImpl).
NOT_NOW = re.compile(r"A shutdown has been triggered|Maintenance or Shutdown has been initiated")
_BEFORE_SENDING = {"ConnectTimeout", "ConnectTimeoutError", "NewConnectionError"}  # types of requests and urllib3
_CONNECTING = {"do_handshake", "_tunnel"}  # functions of ssl and http.client


class Wire:
    """A session for cs that stays open and remembers how the last exchange ended.

    cs 5.0 and 5.1 close their session after each call, and with it the connection; cs wants whole seconds as a timeout;
    and requests by itself looks up the proxies in the environment for each call, and follows redirections.

    :param connection: where and how.
    :param session: anything with the C(send) and C(close) of C(requests.Session); None for a real one.
    """

    def __init__(self, connection: Connection, session: Any = None) -> None:
        self.outcome: Any = None  # a response, an exception, or None: nothing was sent
        self.timeout: float | None = None  # of the next exchange, in seconds; None: as usual
        self._connection = connection
        self._session: Any = session if session is not None else requests.Session()
        proxies = requests.utils.get_environ_proxies(connection.url)
        self._proxy = place(requests.utils.select_proxy(connection.url, proxies) or "")
        if self._proxy.startswith("socks") and importlib.util.find_spec("socks") is None:
            raise errors.SysvmError(
                f"{self._proxy} is a SOCKS proxy (environment variables https_proxy, http_proxy, all_proxy), for which"
                " the Python library PySocks is missing.",
                remedy="Install it: pip install PySocks. Or name the management server in no_proxy.",
            )
        self._options: dict[str, Any] = {
            "timeout": connection.timeout,
            "verify": (connection.ca_file or True) if connection.verify_cert else False,
            "cert": (connection.cert, connection.cert_key) if connection.cert_key else connection.cert,
            "proxies": proxies,
            "allow_redirects": False,
        }

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *dummy: object) -> None:
        """Stay open: this is what cs 5.0 and 5.1 call after each exchange."""

    def close(self) -> None:
        self._session.close()

    def send(self, prepared: Any, **dummy: Any) -> Any:
        """Called by cs, whose options (timeout, verify) give way to the connection's."""
        try:
            limits = {"timeout": self.timeout} if self.timeout else {}
            self.outcome = self._session.send(prepared, **{**self._options, **limits})
        except Exception as exc:
            self.outcome = exc
            raise
        return self.outcome

    def verdict(self, command: str) -> errors.ApiError:
        """The last exchange as a typed error; C(rejected) tells whether the server surely did not act on it."""
        if isinstance(self.outcome, Exception):
            kind, message, facts = self._no_answer(self.outcome)
        else:
            kind, message, facts = self._bad_answer(self.outcome)
        return kind(self._scrub(f"{command}: {message}"), command=command, **facts)

    def _no_answer(self, failure: Exception) -> tuple[type[errors.ApiError], str, dict[str, Any]]:
        """A connection that failed."""
        chain = [*_causes(failure)]
        names = {cls.__name__ for exc in chain for cls in type(exc).__mro__}
        functions = {frame.f_code.co_name for exc in chain for frame, dummy in traceback.walk_tb(exc.__traceback__)}
        untrusted = [exc.verify_message for exc in chain if isinstance(exc, ssl.SSLCertVerificationError)]
        errno = [exc.errno for exc in chain if isinstance(exc, OSError) and isinstance(exc.errno, int)]
        within = f"within {self.timeout or self._connection.timeout:g} seconds (api_timeout)"
        facts: dict[str, Any] = {"rejected": bool(names & _BEFORE_SENDING or untrusted or functions & _CONNECTING)}
        if untrusted:
            reason = f"the TLS certificate of the server cannot be verified ({untrusted[0]})"
            facts["remedy"] = (
                "Name the CA certificate in api_verify_ssl_cert (CLOUDSTACK_VERIFY). Only validate_certs=false would"
                " turn the check off."
            )
        elif "ProxyError" in names:
            reason = "the proxy refused or failed (environment variables http_proxy, https_proxy, no_proxy)"
        elif "SSLError" in names:
            reason = "TLS failed"
            facts["remedy"] = (
                "Is it https that is spoken there? Does api_verify_ssl_cert name certificates (PEM), and api_cert the"
                " client's certificate, if the server wants one?"
            )
        elif any(isinstance(exc, socket.gaierror) for exc in chain):
            reason = "the host name cannot be resolved"
        elif names & {"ConnectTimeout", "ConnectTimeoutError"} and "NewConnectionError" not in names:
            reason = f"no connection {within}"
        elif names & {"ReadTimeout", "ReadTimeoutError"}:
            reason = f"no answer {within}"
        else:
            reason = f"the connection failed ({os.strerror(errno[-1]) if errno else type(failure).__name__})"
        facts.setdefault(
            "remedy", "Check api_url (CLOUDSTACK_ENDPOINT), and whether that server can be reached from here."
        )
        where = place(self._connection.url) + (f" through the proxy {self._proxy}" if self._proxy else "")
        return errors.UnavailableError, f"{where}: {reason}.", facts

    def _bad_answer(self, answer: Any) -> tuple[type[errors.ApiError], str, dict[str, Any]]:
        """An answer that is an error or cannot be understood."""
        status, content = answer.status_code, answer.headers.get("Content-Type", "no content type").partition(";")[0]
        try:
            [body] = answer.json().values()
        except (ValueError, AttributeError, RecursionError):
            body = None
        if isinstance(body, dict) and isinstance(body.get("errorcode"), int):
            return self._refusal(status, body, answer.headers)
        where = f"{place(self._connection.url)} answered HTTP {status}"
        instead = f"{where} with {content} instead of CloudStack's JSON."
        facts: dict[str, Any] = {"http_status": status, "retry_after": _retry_after(answer.headers)}
        if status == 429:
            return errors.RateLimitedError, f"{where}: too many calls.", facts | {"rejected": True}
        if status >= 500:
            facts["remedy"] = "A proxy, or a management server that is starting or overloaded, answers like this."
            return errors.UnavailableError, instead, facts
        if 300 <= status < 400:
            return errors.NotCloudStackError, f"{where}: go to {place(answer.headers.get('Location', ''))}.", facts
        if status != 200 or not content.startswith(("application/json", "text/javascript")):
            return errors.NotCloudStackError, instead, facts
        return errors.MalformedAnswerError, f"{where} with empty, broken or unexpected JSON.", facts

    def _refusal(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[type[errors.ApiError], str, dict[str, Any]]:
        """An error that CloudStack itself reports (its ApiErrorCode.java); it did not act on the call."""
        code, second, text = body["errorcode"], body.get("cserrorcode"), self._scrub(str(body.get("errortext") or ""))
        kind = BY_CODE.get(code, errors.ServerError if code >= 500 else errors.ApiError)
        if NOT_NOW.search(text):
            kind = errors.UnavailableError
        elif kind is errors.AuthenticationError and "does not exist, is not available for user" in text:
            kind = errors.PermissionDeniedError
        elif kind is errors.ParameterError and "entity does not exist" in text:
            kind = errors.NotFoundError
        facts = {
            "http_status": status,
            "errorcode": code,
            "cserrorcode": second if isinstance(second, int) else None,
            "errortext": text or None,
            "retry_after": _retry_after(headers, text),
            "rejected": True,
        }
        return kind, f"CloudStack error {code}: {text.rstrip('.') or 'no reason given'}.", facts

    def _scrub(self, text: str) -> str:
        """The text without the credentials that a server or a proxy may have repeated."""
        for secret in (self._connection.key, self._connection.secret):
            if len(secret) >= 8:  # a shorter one is a test's and may be part of any word
                text = text.replace(secret, "***")
        return re.sub(r"""(?i)\b(api_?key|signature|secret_?key)(["']?[=:]["']?)[^\s&"'<>]+""", r"\1\2***", text)


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """An exception and those in it, in the ways that requests and urllib3 wrap them."""
    todo: list[Any] = [failure]
    seen: set[int] = set()
    while todo:
        exc = todo.pop()
        if isinstance(exc, BaseException) and id(exc) not in seen:
            seen.add(id(exc))
            yield exc
            todo += [*exc.args, getattr(exc, "reason", None), exc.__cause__, exc.__context__]


def _retry_after(headers: Mapping[str, str], text: str = "") -> float | None:
    """Seconds: CloudStack says "please retry after [250] ms.", a proxy sends the header Retry-After."""
    found = re.search(r"retry after \[([0-9]{1,9})\] ms", text)
    if found:
        return int(found[1]) / 1000
    header = headers.get("Retry-After", "")
    return float(header) if re.fullmatch(r"[0-9]{1,6}", header) else None
