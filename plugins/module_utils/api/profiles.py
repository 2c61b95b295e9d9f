# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that people have configured already: C(cloudstack.ini) of the library C(cs), and profiles of CloudMonkey.

Sources: README.rst and cs/client.py of C(cs); config/config.go of C(cmk).
"""

from __future__ import annotations

import configparser
import os
from typing import Any

from .errors import SysvmError

USUAL = (os.path.join("~", ".cloudstack.ini"), "cloudstack.ini")  # as cs reads them: the last one wins
REGION = "cloudstack"
# What the files call our options.
_CS = {
    "endpoint": "api_url",
    "key": "api_key",
    "secret": "api_secret",
    "method": "api_http_method",
    "timeout": "api_timeout",
    "verify": "api_verify_ssl_cert",
    "cert": "api_cert",
    "cert_key": "api_cert_key",
}
_CMK = {"url": "api_url", "apikey": "api_key", "secretkey": "api_secret"}
_PATHS = ("api_verify_ssl_cert", "api_cert", "api_cert_key")
_ON = ("1", "t", "true", "y", "yes", "on")
_OFF = ("0", "f", "false", "n", "no", "off")


def read_profile(config: str | None, region: str | None) -> dict[str, Any]:
    """The connection options that a file has, by the names of our options; empty where there is no such file.

    :param config: the file; None for where C(cs) looks.
    :param region: which of its sections; None for the usual one: C(cloudstack), or the current profile of C(cmk).
    :raises SysvmError: for a file that cannot be read, and a section that is not there. It shows nothing of the file.
    """
    paths = [os.path.expanduser(path) for path in ([config] if config else USUAL)]
    there = [path for path in paths if config or os.path.isfile(path)]
    if not there:
        if region:
            raise SysvmError(
                f"There is no {' and no '.join(paths)}, and api_region (CLOUDSTACK_REGION) names {region}.",
                remedy="Name the file with api_config (CLOUDSTACK_CONFIG).",
            )
        return {}
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    for path in there:
        _read(parser, path)
    return _options(parser, region, " and ".join(there), asked_for=bool(config or region))


def _read(parser: configparser.ConfigParser, path: str) -> None:
    try:
        with open(path, encoding="utf-8") as file:
            # CloudMonkey has what is not of one profile before the first section.
            parser.read_string("[DEFAULT]\n" + file.read(), path)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except (configparser.Error, UnicodeDecodeError) as error:
        problem = f"it is no INI file ({type(error).__name__})"  # the error's own words have lines of the file
    else:
        return
    raise SysvmError(
        f"{path}, which api_config (CLOUDSTACK_CONFIG) names, cannot be read: {problem}.",
        remedy="Give the path of a cloudstack.ini or of CloudMonkey's config.",
    )


def _options(parser: configparser.ConfigParser, region: str | None, path: str, *, asked_for: bool) -> dict[str, Any]:
    name = region or parser.defaults().get("profile") or REGION
    if not parser.has_section(name):
        if not asked_for:
            return {}
        raise SysvmError(
            f"{path} has no section {name!r}; it has {', '.join(parser.sections()) or 'none'}.",
            remedy="Name one of them with api_region (CLOUDSTACK_REGION)."
            if parser.sections()
            else f"Begin it with the line [{name}].",
        )
    section = {key: value.strip() for key, value in parser.items(name) if value and value.strip()}
    of_cmk = "url" in section and "endpoint" not in section
    known = _CMK if of_cmk else _CS
    found: dict[str, Any] = {known[key]: value for key, value in section.items() if key in known}
    missing = [key for key, option in known.items() if option in _CMK.values() and option not in found]
    if missing:
        raise SysvmError(
            f"The section {name!r} of {path} has no {' and no '.join(missing)}.",
            remedy="User and password, which cmk can log in with, are not used. Make API keys for that user."
            if of_cmk
            else "Add it, or give all three with api_url, api_key and api_secret or their environment variables.",
        )
    # What cs reads has %% for a %; see BasicInterpolation.
    if not of_cmk:
        found = {option: value.replace("%%", "%") for option, value in found.items()}
    for option in _PATHS:
        if option in found:
            found[option] = os.path.expanduser(found[option])
    if of_cmk:
        found["validate_certs"] = section.get("verifycert", "true").lower() not in _OFF
    else:
        found["validate_certs"] = section.get("dangerous_no_tls_verify", "").lower() not in _ON
    return found
