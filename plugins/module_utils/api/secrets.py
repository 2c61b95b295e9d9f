# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes secrets out of the server's free texts, such as the reason of a failed job, which may repeat what a script or a
store was called with. Fields that hold secrets are not kept in the first place. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(hidden)"
_WORDS = (
    r"pass(?:word|wd|phrase)?|pwd|secret|secret[_-]?key|api[_-]?key|access[_-]?key|private[_-]?key|token|credentials?|"
    r"signature|x-amz-[\w-]+|sig|sas|psk|ipsec[_-]?psk|pre-?shared[_ -]?key|user[_-]?data|session[_-]?key|authorization"
)
_PATTERNS = (
    # A key or certificate in full, or as much of it as there is.
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # https://user:password@host
    (re.compile(r"(?<=://)[^/\s@\"'<>]{0,200}:[^/\s\"'<>]{0,200}@|(?<=://)[^/\s@\"'<>]{1,200}@"), f"{HIDDEN}@"),
    # name=value, name: value, "name": "value", --name value; the name may have more before it, such as vpn_password
    (
        re.compile(
            rf"(?P<name>(?<![\w.-])[\w.-]{{0,40}}?(?:{_WORDS})(?![A-Za-z])\\*[\"']?\s*[=:]\s*\\*)"
            r"(?P<value>\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z)|(?:(?:bearer|basic)\s+)?[^\s,;&\"'}\])]+)",
            re.IGNORECASE,
        ),
        rf"\g<name>{HIDDEN}",
    ),
    (re.compile(rf"(?P<name>--?(?:{_WORDS})\s+)(?P<value>[^\s-]\S*)", re.IGNORECASE), rf"\g<name>{HIDDEN}"),
)


def without_secrets(data: Any) -> Any:
    """The same with each secret in a text replaced, at any depth of mappings and lists."""
    if isinstance(data, str):
        return _clean(data)
    if isinstance(data, Mapping):
        return {key: without_secrets(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [without_secrets(item) for item in data]
    return data


def _clean(text: str) -> str:
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
