# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables are taken as they were typed; what becomes of every form of answer is in unit/test_awx.py."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import context

from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run import PlayContext
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.typed import as_typed

ANSWERS = """\
sysvm_report_dir: 012
!unsafe 'sysvm_names': !unsafe '010'
!unsafe 'sysvm_zones': !unsafe ''
!unsafe 'sysvm_kinds':
- !unsafe '{{ kind }}'
- !unsafe '8'
!unsafe 'sysvm_parallel': 5
!unsafe 'other': !unsafe '010'
"""
READ = {
    "sysvm_report_dir": 10,
    "sysvm_names": 8,
    "sysvm_zones": None,
    "sysvm_kinds": ["{{ kind }}", 8],
    "sysvm_parallel": 5,
    "other": 8,
}


@pytest.fixture
def answers(tmp_path: Path) -> str:
    (tmp_path / "extravars").write_text(ANSWERS, encoding="utf-8")
    return f"@{tmp_path / 'extravars'}"


def test_what_is_marked_and_was_read_otherwise_is_what_was_typed(answers: str) -> None:
    typed = {"sysvm_names": "010", "sysvm_zones": "", "sysvm_kinds": ["{{ kind }}", "8"]}
    assert as_typed([answers], READ) == typed
    assert as_typed(["sysvm_parallel=3", answers], READ) == typed


@pytest.mark.parametrize("later", ["sysvm_names=8", '{"sysvm_names": 8}'])
def test_what_is_given_later_wins(answers: str, later: str, tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("sysvm_names: 8\n", encoding="utf-8")
    assert "sysvm_names" not in as_typed([answers, later], READ)
    assert "sysvm_names" not in as_typed([answers, f"@{tmp_path / 'more.yml'}"], READ)


def test_what_the_file_no_longer_says_stays_as_it_was_read(answers: str) -> None:
    assert as_typed([answers], {"sysvm_names": 9}) == {}
    assert as_typed(["@/nowhere", "@", "", "a=b"], READ) == {}


@pytest.mark.parametrize("content", ["!unsafe a", "- !unsafe a", "!unsafe 'sysvm_names': [", "\x00!unsafe", "!unsafe"])
def test_a_file_that_ansible_itself_refuses_breaks_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / "extravars").write_text(content, encoding="utf-8")
    assert as_typed([f"@{tmp_path / 'extravars'}"], READ) == {}


def test_an_answer_is_never_a_template(answers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    templated: list[Any] = []

    def template(value: Any) -> Any:
        templated.append(value)
        return value

    action: Any = SimpleNamespace(
        _task=SimpleNamespace(args={}, environment=None),
        _templar=SimpleNamespace(template=template),
    )
    monkeypatch.setattr(context, "CLIARGS", {"extra_vars": (answers,)})
    mine = {"sysvm_kinds": ["{{ kind }}", 8], "sysvm_report_dir": "r", "awx_job_id": 7}
    around = PlayContext(action, {**READ, **mine})
    around.read_some("names", "zones", "parallel")
    assert around.variables == {"names": ["010"], "zones": [], "parallel": 5}
    assert around.given() >= {"names", "kinds"} and "zones" not in around.given()
    with pytest.raises(OptionError, match="kind"):
        around.read()
    assert not [value for value in templated if "{{" in str(value)]
