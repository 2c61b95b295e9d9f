# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the code looks for in a server's words is what servers say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import (
    SERVER_TEXTS,
    Meaning,
    ServerText,
    hint_of,
    meaning_of,
    row_of,
)
from tests.support.server_words import WORDS

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
each_row = pytest.mark.parametrize("row", SERVER_TEXTS, ids=lambda row: str(row.pattern.pattern)[:40])


def examples_of(row: ServerText) -> list[str]:
    """What is found by this row, before any other."""
    return [said for dummy, said in WORDS if row_of(said) is row]


def said_in(recording: str) -> list[str]:
    """Every text of every answer."""
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)
        elif isinstance(value, str):
            found.append(value)

    for line in (RECORDINGS / recording).read_text(encoding="utf-8").splitlines():
        walk(json.loads(line)["response"])
    return found


@pytest.mark.parametrize(("meaning", "said"), WORDS)
def test_what_the_server_says_is_found_by_a_row_of_its_meaning(meaning: Meaning, said: str) -> None:
    assert meaning_of(said) is meaning


@each_row
def test_an_example_is_recorded_or_has_its_place_in_the_servers_source(row: ServerText) -> None:
    assert examples_of(row)
    if not row.source.endswith(".jsonl"):
        assert re.search(r"\b[A-Z]\w+\.java\b", row.source)
        return
    said = said_in(row.source)
    for example in examples_of(row):
        assert any(example in text for text in said), example


@each_row
def test_every_alternative_of_a_pattern_has_an_example(row: ServerText) -> None:
    """One that no example needs may be made up."""
    for alternative in row.pattern.pattern.split("|"):
        assert any(re.search(alternative, example, re.IGNORECASE) for example in examples_of(row)), alternative


@each_row
def test_what_is_trouble_has_a_hint(row: ServerText) -> None:
    assert bool(row.hint) is (row.meaning not in (Meaning.UNCHANGED, Meaning.GOOD_NEWS))


def test_a_host_that_fails_calls_for_no_new_vm() -> None:
    """A new VM is given the same files by the same host."""
    agent_threw = "class com.cloud.agent.api.Answer cannot be cast to class com.cloud.agent.api.PatchSystemVmAnswer"
    agent_is_old = agent_threw.replace("Answer", "UnsupportedAnswer", 1)
    assert meaning_of(agent_threw) is meaning_of(agent_is_old) is Meaning.MEND_HOST
    assert hint_of(agent_threw) != hint_of(agent_is_old)
    assert "recreate" not in hint_of(agent_threw)
    assert "upgrade cloudstack-agent" in hint_of(agent_is_old)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Failed to restart network",
        "Command failed due to Internal Server Error",
        "Redundant virtual router r-118-VM just switch from BACKUP to FAULT",
    ],
)
def test_other_words_mean_nothing_in_particular(said: str) -> None:
    assert meaning_of(said) is None and hint_of(said) == ""
