# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the options of the connection come from: options, the environment, a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..api.errors import SysvmError
from ..api.profiles import read_profile
from .modules import CONNECTION, NO_VERIFY_VARIABLE

CREDENTIALS = ("api_url", "api_key", "api_secret")


def connection_values(params: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """What is given for the connection, by option: as an option, in the environment, or in a file of C(cs) or C(cmk).

    URL, key and secret come from one place: those of one cloud are no good for another.

    :param params: options by name, as a module or an action plugin has them.
    :raises SysvmError: for a file that cannot be used, or for options that name both a file and what it has.
    """
    in_environment = {name: environ.get(option.env) or None for name, option in CONNECTION.items() if option.env}
    # AnsibleModule puts the environment and defaults among the options.
    options = {
        name: value
        for name, value in params.items()
        if name in CONNECTION and value not in (None, in_environment.get(name), CONNECTION[name].default)
    }
    given = {**{name: value for name, value in in_environment.items() if value is not None}, **options}
    given.pop("validate_certs", None)
    verify = params.get("validate_certs")
    named = [name for name in ("api_config", "api_region") if name in options]
    doubled = [name for name in CREDENTIALS if name in options]
    if named and doubled:
        raise SysvmError(
            f"{named[0]} and {doubled[0]} are both given.", remedy="Give either a file, or URL, key and secret."
        )
    if named or not any(name in given for name in CREDENTIALS):
        profile = read_profile(given.get("api_config"), given.get("api_region"))
        given = {**profile, **given, **{name: profile[name] for name in CREDENTIALS if name in profile}}
    if verify is not None:
        given["validate_certs"] = bool(verify)
    elif environ.get(NO_VERIFY_VARIABLE):
        given["validate_certs"] = not is_true(environ[NO_VERIFY_VARIABLE])
    bundles = (environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))  # which requests has as well
    trusted = next((path for path in bundles if path and os.path.exists(path)), None)
    usual = {**{name: option.default for name, option in CONNECTION.items()}, "api_verify_ssl_cert": trusted}
    return {**usual, "validate_certs": True, **given}


def is_true(text: str) -> bool:
    return text.strip().lower() in ("1", "on", "t", "true", "y", "yes")
