# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that is safe to show. Tenants choose names, and servers and scripts say what they want: a line feed forges a
line of the log, an escape sequence rewrites the terminal, a direction mark makes one name look like another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable


def visible(text: str) -> str:
    """The same with each character that does not print, but for the space, as JSON escapes it, such as C(\\u001b).

    That is all control and format characters, separators of lines and paragraphs, and spaces that look like others.
    Within a string of JSON the result means the same as I(text).
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def short(text: str, most: int = 300) -> str:
    """At most so many characters of a text, and a sign that there are more."""
    return text if len(text) <= most else f"{text[:most]} ..."


def mentions(names: Iterable[str]) -> Callable[[str], bool]:
    """Whether a text names one of these, as a whole word."""
    words = "|".join(re.escape(name) for name in sorted(names) if name)
    pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])" if words else r"(?!)")
    return lambda text: bool(pattern.search(text))
