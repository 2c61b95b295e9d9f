# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account may not call: all of it at once, and what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping

from ..api.client import Client
from ..api.errors import ApiError, PermissionDeniedError, UnsupportedCommandError
from ..cloud.read import read_capabilities
from ..knowledge.permissions import REMEDY, UPGRADE, Use, commands_of
from ..options.option import CHECK, EVIDENCE, LIVE_PATCH, RECREATE, ROLE, ROUTERS
from ..planning.targets import RefusedError

USES_OF: Mapping[str, Collection[Use]] = {
    CHECK: (Use.CHECK,),
    EVIDENCE: (Use.EVIDENCE,),
    LIVE_PATCH: (Use.LIVE_PATCH,),
    RECREATE: (Use.RECREATE, Use.RESTART),
    ROLE: (Use.ROLE,),
    ROUTERS: UPGRADE,
}


@contextlib.contextmanager
def naming_all_that_is_refused(client: Client, uses: Collection[Use]) -> Iterator[None]:
    """Turns the refusal of one command into that of all which the account lacks.

    :param uses: what is being done.
    :raises PermissionDeniedError: with their names, and what to do.
    """
    try:
        yield
    except (PermissionDeniedError, UnsupportedCommandError) as error:
        raise _refused(client, error, uses) from None


def refuse_what_may_not_be_called(client: Client, commands: Collection[str]) -> None:
    """Ask before anything is sent.

    :raises RefusedError: with the names of those that the account may not call (listApis).
    """
    missing = _missing(client, commands)
    if missing:
        raise RefusedError(f"Nothing was touched. {_said(missing)}.", remedy=REMEDY)


def _refused(client: Client, error: ApiError, uses: Collection[Use]) -> ApiError:
    """What to raise; I(error) itself where the account may call the command and all that is indispensable."""
    try:
        missing = _missing(client, {*commands_of(uses, optional=False), error.command or "listApis"})
    except ApiError:
        missing = sorted({error.command or "listApis", "listApis"})  # what else is missing cannot be asked
    if not missing:
        return error
    return PermissionDeniedError(
        f"{_said(missing)}.",
        remedy=REMEDY,
        command=error.command,
        http_status=error.http_status,
        errorcode=error.errorcode,
        rejected=True,
    )


def _missing(client: Client, commands: Collection[str]) -> list[str]:
    allowed = read_capabilities(client, commands)
    return [command for command in sorted(commands) if not allowed.has(command)]


def _said(missing: Collection[str]) -> str:
    return f"This account may not call, or the server does not know: {', '.join(missing)}"
