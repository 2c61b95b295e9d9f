# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fills the templates beside this file: I(PAGE) those of HTML, I(MARKDOWN) those of Markdown.

Each value is escaped where a template puts it in, whatever it is, unless it is Markup already. None is rendered again,
so a name that looks like a template stays a name.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Iterable, Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ...module_utils.knowledge.characters import short, visible
from ...module_utils.knowledge.counts import count
from . import wording
from .gaps import gap_words

FILTERS = (
    *("changes", "checks_words", "duration", "endpoint_words", "kind", "method", "night_time", "number", "owner"),
    *("owner_name", "sign", "status_words", "unit_name", "words"),
)  # of wording


def escaped(value: str) -> str:
    """As text of HTML and as an attribute's value; no brace, which whoever reads the file may take for a template."""
    return html.escape(visible(value)).replace("{", "&#123;")


def plain(value: str) -> str:
    """A text as Markdown, on one line and nothing but text: no table cell, emphasis, link, HTML, entity or template."""
    line = visible(value).replace("&", "&amp;").replace("<", "&lt;")
    line = re.sub(r"([\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", line)
    return re.sub(r"\{(?=[{%#])", "&#123;", line)


def _cells(row: Iterable[object]) -> Markup:
    return Markup(" | ".join(plain(str(cell)) for cell in row))


def _values(items: Iterable[Mapping[str, object]], keys: Iterable[str]) -> list[list[str]]:
    """The cells of a table: of each item what it has, cut."""
    return [[short(str(item.get(key) or "-")) for key in keys] for item in items]


def _breakable(name: str) -> Markup:
    """A long name, with places to break its line."""
    return Markup(re.sub(r"([/._])", r"\1<wbr>", escaped(name)))


def _environment(escape: Callable[[str], str], *filters: Callable[..., object]) -> Environment:
    environment = Environment(
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else Markup(escape(str(value))),
        keep_trailing_newline=True,
        loader=FileSystemLoader(os.path.join(os.path.dirname(__file__), "templates")),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {each.__name__.lstrip("_"): each for each in filters}
    environment.filters |= {name: getattr(wording, name) for name in FILTERS}
    return environment


PAGE = _environment(escaped, count, _breakable)
MARKDOWN = _environment(plain, count, short, _cells, _values, gap_words)
