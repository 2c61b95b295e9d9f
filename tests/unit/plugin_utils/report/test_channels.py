# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a tenant, the server or a script says: in no channel does it forge a line, or write what nobody sees."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from ansible.utils.display import Display
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import CheckStatus, check
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan_csv import plan_csv
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import log_line
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.artifacts import plan_artifact, report_artifact
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.text import plan_text, report_text
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.ticket import ticket
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import as_json
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run import show, show_warnings
from tests.unit.plugin_utils.report.reports import planned, report, result
from tests.unit.plugin_utils.report.test_text import plan
from tests.unit.plugin_utils.report.test_ticket import REPORT, event, evidence

HIDDEN: tuple[Any, ...] = ("Cc", "Cf", "Cs", "Zl", "Zp")
FORGED = "x\n12:00:00 ok      network bank in 6 s\r\x1b[2K\x85\u2028\u202e\ud800"
texts = st.text(st.characters(categories=HIDDEN) | st.characters(), max_size=20) | st.just(FORGED)


def unit(text: str, **more: Any) -> Any:
    owner = {"account": text, "domain": text, "project": text}
    return planned(0, name=text, zone=text, hypervisor=text, owner=owner, reason=text, impact=text, **more)


def run(text: str) -> Any:
    ended = result(0, "failed", reason=text, job_ids=[text], notes=[text])
    ended["vms"][0] |= {"name": text, "after": {"software_version": text, "state": text}}
    checks = [{"name": "c", "status": "warn", "seen": text.replace("\n", " "), "remedy": text}]
    return report([unit(text)], [ended], checks=checks, error=text)


def shown(lines: list[str], text: str = "") -> str:
    """What is on the screen."""
    written: list[str] = []
    display = Display()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Display, "display", lambda self, msg, *args, **more: written.append(msg))
        patch.setattr(Display, "warning", lambda self, msg, *args, **more: written.append(msg))
        show(lines)
        show_warnings([text])
    assert display is not None
    assert not [line for line in written if "\n" in line]
    return "\n".join(written)


CHANNELS: dict[str, Callable[[str], str]] = {
    "log": lambda text: log_line("note", text),
    "plan on the screen": lambda text: shown(plan_text(plan([unit(text)], scope=text), []), text),
    "report on the screen": lambda text: shown(report_text(run(text))),
    "page": lambda text: html_report(run(text)),
    "Markdown": lambda text: markdown_report(run(text)),
    "ticket": lambda text: ticket(
        evidence(unit={"name": text, "zone": text, "reason": text}, events=[event(1, text)], missing=[text]), REPORT
    ),
    "JSON": lambda text: as_json(run(text)),
    "artifact of the plan": lambda text: str(plan_artifact(plan([unit(text, method="skip")]), [], None)["skipped"][0]),
    "artifact of the report": lambda text: "\n".join(report_artifact(run(text), [])["not_done"]),
    "CSV": lambda text: plan_csv(plan([unit(text, recreates=False, destroys=[], expected_s=1)], cloud=text)),
    "check": lambda text: (
        check("c", "?", worst=CheckStatus.WARN, remedy="", fine="", lines=True)(lambda context: iter((text or "x",)))
        .ask(None)  # type: ignore[arg-type]
        .seen
    ),
    "error": lambda text: str(SysvmError(text, remedy=text)),
}


@pytest.mark.parametrize("channel", CHANNELS)
@given(text=texts)
def test_nothing_hidden_is_written(channel: str, text: str) -> None:
    written = CHANNELS[channel](text)
    assert not {char for char in written if char != "\n" and unicodedata.category(char) in HIDDEN}
    written.encode()


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_line_is_forged_and_what_was_meant_can_be_seen(channel: str) -> None:
    written = CHANNELS[channel](FORGED)
    assert not [line for line in written.splitlines() if line.lstrip().startswith("12:00:00")]
    assert "202e" in written


@given(texts)
def test_json_stays_what_it_is(text: str) -> None:
    assert json.loads(as_json(run(text))) == run(text)
