# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written beside a running module."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils import live


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    live._write(str(path), "first")
    assert path.read_text(encoding="utf-8") == "first"
    assert path.stat().st_mode & 0o007 == 0, "it has names of customers"

    def full(*dummy: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        live._write(str(path), "second")
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"], "nothing is left over"
    assert path.read_text(encoding="utf-8") == "first"
