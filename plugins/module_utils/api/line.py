# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to a management server. Signing is left to the C(cs) library."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from .connection import Connection
from .wire import Wire

try:
    from cs import CloudStack
except ImportError:  # cs needs requests
    CS_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CS_IMPORT_ERROR = None


class Line:
    """One connection to the server, for one exchange at a time."""

    def __init__(self, connection: Connection, session: Any) -> None:
        self._session = session
        self._open(connection)

    def _open(self, connection: Connection) -> None:
        self._connection, self.wire = connection, Wire(connection, self._session)
        self._reader, self._writer = (
            CloudStack(connection.url, key=connection.key, secret=connection.secret, method=method, session=self.wire)
            for method in (connection.http_method, "post")
        )

    def lead_to(self, connection: Connection) -> None:
        """From now on to this server."""
        if connection is not self._connection:
            if self._session is None:  # its own, not a test's
                self.wire.close()
            self._open(connection)

    def exchange(self, command: str, params: Mapping[str, Any], changes: bool, timeout: float | None) -> dict[str, Any]:
        """Send a call and get its answer.

        :param timeout: seconds to wait for it; None: as usual.

        :raises ApiError: for any that is none.
        """
        self.wire.outcome = answer = None
        self.wire.timeout = timeout
        # Before 5.2, cs sends True as it is.
        sendable = {name: str(value).lower() if isinstance(value, bool) else value for name, value in params.items()}
        try:
            answer = getattr(self._writer if changes else self._reader, command)(**sendable)
        except Exception as exc:  # what cs makes of an odd answer differs from release to release; the wire knows
            if self.wire.outcome is None:  # nothing was sent
                if not isinstance(exc, OSError):
                    raise  # the caller's mistake
                self.wire.outcome = exc
        if not isinstance(answer, dict):
            raise self.wire.verdict(command)  # not inside "except": a traceback shall not show the original
        return answer
