# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run without the names of the cloud: what is sent to others, so that experience comes back. Pure, but for
reading the words of this collection.

What the data calls a name is replaced everywhere, each always by the same label. Of what is left in texts only words of
this collection, numbers, times and versions stay; whatever else the server or a person wrote becomes a label as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

# Keys whose values are one of a few words of ours or of the API, whatever the cloud's own things are called.
OURS = frozenset(
    (
        *("status", "state", "kind", "method", "code", "hypervisor", "type", "level", "command", "serves", "group"),
        *("agent_state", "redundant_state"),
    )
)
# Keys that name something of the cloud; besides these all that end in "name".
NAMES = frozenset(
    (
        *("account", "domain", "domainpath", "project", "user", "cloud", "zone", "pod", "cluster", "host", "hosts"),
        *("network", "vpc", "tiers", "storage", "destroys", "address", "ipaddress", "publicip", "gateway", "from"),
    )
)
KEYED = frozenset(("hosts", "tags", "wildcards"))  # mappings whose keys are names as well
NOT_NAMES = frozenset(("seen", "canary"))  # of checks and steps: their names are ours
TOKEN = re.compile(r"\w(?:[\w.@-]*\w)?")
UUID = re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_HEX = r"[0-9A-Fa-f]{1,4}"
_IPV6 = rf"(?:{_HEX}:){{7}}{_HEX}|(?:{_HEX}(?::{_HEX})*)?::(?:{_HEX}(?::{_HEX})*)?"
ADDRESS = re.compile(rf"(?<![\w.:])(?:(?:[0-9A-Fa-f]{{2}}[:-]){{5}}[0-9A-Fa-f]{{2}}|{_IPV6})(?![\w:])")
IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
VERSION = re.compile(r"4\.\d{1,2}(?:\.\d){0,2}(?:-\w{1,12})?")  # more digits are an address
_CHECKSUM = r"[0-9a-f]{32}|[0-9a-f]{128}"  # of scripts: md5, or sha512 since 4.22
KEPT = re.compile(rf"[\d.,_-]+Z?|\d+(?:\.\d+)?(?:s|m|h|d|ms|min|kB|MB|GB|MiB|GiB)|\d{{4}}-\d\d-\d\dT\d\d|{_CHECKSUM}")
NOTHING = re.compile(r"(?!)")
SCOPE = re.compile(r"(?m)^(.*?\bScope(?: of the run)?: )(.*)$")
SCOPE_KEPT = re.compile(r"cloud |everything$|method |ignoring |until |no deadline|(?:none|\d+) may fail")
HIDDEN = "(names)"
Replace = Callable[[str], str]


class Anonymizer:
    """Labels for what must not be known.

    :param words: that may stay in texts.
    :ivar labels: what stands for what, by the original in lower case.
    """

    def __init__(self, words: frozenset[str]) -> None:
        self._words = words
        self._counts: Counter[str] = Counter()
        self._names: dict[str, str] = {}  # -> what sort of thing it names
        self._phrases = NOTHING
        self.labels: dict[str, str] = {}

    def learn(self, data: Any) -> None:
        """All names in the data; all data of a run has to be learnt before any of it is replaced."""
        for sort, name in _named(data):
            if re.search(r"\w", name):
                self._names.setdefault(name.strip().casefold(), sort)
        phrases = sorted((name for name in self._names if not TOKEN.fullmatch(name)), key=len, reverse=True)
        together = "|".join(map(re.escape, phrases))
        self._phrases = re.compile(rf"(?<!\w)(?:{together})(?!\w)", re.IGNORECASE) if phrases else NOTHING

    def data(self, value: Any, key: str = "") -> Any:
        if isinstance(value, Mapping):
            named = self.text if key in KEYED else self._key
            return {
                named(str(name)): self.data(item, "" if key in KEYED else str(name)) for name, item in value.items()
            }
        if isinstance(value, list):
            return [self.data(item, key) for item in value]
        if not isinstance(value, str) or self._is_ours(value, key):
            return value
        return self._replaced(_narrowed(value)) if key == "scope" else self.text(value)

    def text(self, text: str) -> str:
        return self._replaced(SCOPE.sub(lambda match: match[1] + _narrowed(match[2]), text))

    def left(self, value: Any, key: str = "") -> set[str]:
        """The names that are still in what was made."""
        if isinstance(value, Mapping):
            return {name for inner, item in value.items() for name in self.left(item, str(inner))}
        if isinstance(value, list):
            return {name for item in value for name in self.left(item, key)}
        if not isinstance(value, str) or self._is_ours(value, key):
            return set()
        found = {token.casefold() for token in TOKEN.findall(value)} & self._names.keys()
        return found | {match.casefold() for match in self._phrases.findall(value)}

    def _replaced(self, text: str) -> str:
        def words(rest: str) -> str:
            return TOKEN.sub(lambda match: self._token(match[0]), rest)

        def addresses(rest: str) -> str:
            return _each(ADDRESS, rest, lambda found: self._label(found, "address"), words)

        def ids(rest: str) -> str:
            return _each(UUID, rest, lambda found: self._label(found, "id"), addresses)

        return _each(self._phrases, text, lambda found: self._label(found, "name"), ids)

    def _token(self, token: str) -> str:
        if IPV4.fullmatch(token) and not VERSION.fullmatch(token):
            return self._label(token, "address")
        stays = token.casefold() in self._words or KEPT.fullmatch(token) or VERSION.fullmatch(token)
        return token if stays and token.casefold() not in self._names else self._label(token, "word")

    def _label(self, original: str, sort: str) -> str:
        key = original.casefold()
        sort = self._names.get(key, sort)
        while key not in self.labels:
            self._counts[sort] += 1
            label = f"{sort}-{self._counts[sort]}"
            if label not in self._names:
                self.labels[key] = label
        return self.labels[key]

    def _key(self, name: str) -> str:
        return name if self._has_own_words(name) else self.text(name)

    def _is_ours(self, text: str, key: str) -> bool:
        return key in OURS and self._has_own_words(text)

    def _has_own_words(self, text: str) -> bool:
        tokens = TOKEN.findall(text)
        return bool(tokens) and all(token.casefold() in self._words or KEPT.fullmatch(token) for token in tokens)


def _narrowed(scope: str) -> str:
    """A scope without what narrows it, which may have a part of a name, such as C(web*)."""
    parts = scope.split("; ")
    return "; ".join(part if SCOPE_KEPT.match(part) else HIDDEN for part in parts)


def _each(pattern: re.Pattern[str], text: str, found: Replace, rest: Replace) -> str:
    """The text with what matches replaced in one way, and what is between in another."""
    done, at = [], 0
    for match in pattern.finditer(text):
        done += [rest(text[at : match.start()]), found(match[0])]
        at = match.end()
    return "".join([*done, rest(text[at:])])


def _named(data: Any, sort: str = "") -> Iterator[tuple[str, str]]:
    """What the data calls a name, and what sort of thing it names."""
    if isinstance(data, Mapping):
        own = str(data.get("kind") or data.get("resourcetype") or "name")
        for key, value in data.items():
            word = own if key == "name" else str(key).removesuffix("name").rstrip("s") or "name"
            if key in KEYED and isinstance(value, Mapping):
                yield from _named([*value, *value.values()], word)
            elif key in NAMES or (str(key).endswith("name") and not (key == "name" and NOT_NAMES & data.keys())):
                yield from _named(value, word)
            else:
                yield from _named(value)
    elif isinstance(data, list):
        for item in data:
            yield from _named(item, sort)
    elif isinstance(data, str) and sort and data.strip():
        yield re.sub(r"\W", "", sort).lower() or "name", data


def words_of(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(token.casefold() for text in texts for token in TOKEN.findall(text) if not IPV4.fullmatch(token))


@cache
def own_words() -> frozenset[str]:
    """The words of this collection's code, but for the options, whose texts have examples of names."""
    plugins = Path(__file__).resolve().parents[1]
    sources = (
        path
        for folder in ("module_utils", "plugin_utils")
        for path in (plugins / folder).rglob("*")
        if path.suffix in (".py", ".j2") and "options" not in path.parts
    )
    return words_of(path.read_text(encoding="utf-8") for path in sources)
