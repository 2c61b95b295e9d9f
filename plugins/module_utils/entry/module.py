# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outermost function of every module of this collection: the only place that knows AnsibleModule, and the only one
that turns an error into fail_json."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..api.client import CS_IMPORT_ERROR, Client
from ..api.connection import DIRECTORY_VARIABLE, MET_VARIABLE
from ..api.errors import SysvmError
from ..options.option_names import ROLE_VARIABLE, naming_options
from ..options.table import options_of
from .account import USES_OF, naming_all_that_is_refused
from .arguments import argument_spec, connection_from_params, read_params
from .outcome import Outcome

Request = TypeVar("Request")


def run(
    name: str,
    read: Callable[[Mapping[str, Any]], Request],
    act: Callable[[Client, Request, bool], Outcome],
    *,
    missing: Mapping[str, bool] | None = None,
    **constraints: Any,
) -> NoReturn:
    """Read the parameters, act on what was requested, and exit with the outcome.

    :param name: of the module; its options are those of I(options).
    :param read: what is requested by the parameters; nothing has been sent yet.
    :param act: does it; gets check mode as well.
    :param missing: further Python libraries the module needs -> whether they are missing.
    :param constraints: AnsibleModule's own, such as C(required_one_of).
    """
    options = options_of(name)
    module = AnsibleModule(argument_spec=argument_spec(options.values()), supports_check_mode=True, **constraints)
    for library, absent in {"cs": CS_IMPORT_ERROR is not None, **(missing or {})}.items():
        if absent:
            module.fail_json(msg=missing_required_lib(library), exception=CS_IMPORT_ERROR if library == "cs" else None)
    if os.path.isdir(os.environ.get(DIRECTORY_VARIABLE, "")):  # not where the module runs on another host
        os.chdir(os.environ[DIRECTORY_VARIABLE])
    with naming_options(() if ROLE_VARIABLE in os.environ else options):
        try:
            params = read_params(options.values(), module.params)
            request, connection = read(params), connection_from_params(params, os.environ)
            with (
                Client(connection, met=MET_VARIABLE in os.environ) as client,
                naming_all_that_is_refused(client, USES_OF[name]),
            ):
                outcome = act(client, request, module.check_mode)
                away = [
                    f"The management server {name} was away, so another one was asked. {why}"
                    for name, why in client.left.items()
                ]
        except SysvmError as error:
            module.fail_json(msg=str(error), error=error.details())
    # Only the answer is left to write; looking through thousands of units for garbage would delay it, also at the end.
    gc.freeze()
    gc.disable()
    values = {"changed": outcome.changed, **outcome.values}
    for warning in (*values.pop("warnings", ()), *away):
        module.warn(warning)
    if outcome.diff is not None and module._diff:
        values["diff"] = dict(outcome.diff())
    if outcome.failure is not None:
        module.fail_json(msg=outcome.failure, **values)
    module.exit_json(**values)
