# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account may not call: all of it at once, and what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    PermissionDeniedError,
    UnsupportedCommandError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.read import read_capabilities
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.permissions import REMEDY, Use, commands_of


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


def _refused(client: Client, error: ApiError, uses: Collection[Use]) -> ApiError:
    """What to raise; I(error) itself where the account lacks nothing that is indispensable."""
    try:
        allowed = read_capabilities(client, commands_of(uses, optional=False))
    except ApiError:
        missing = sorted({error.command or "", "listApis"} - {""})  # what else is missing cannot be asked
    else:
        missing = [command for command in commands_of(uses, optional=False) if not allowed.has(command)]
    if not missing:
        return error
    return PermissionDeniedError(
        f"This account may not call, or the server does not know: {', '.join(missing)}.",
        remedy=REMEDY,
        command=error.command,
        http_status=error.http_status,
        errorcode=error.errorcode,
        rejected=True,
    )
