# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few moments of what tests/bench/kill.py does with many."""

from __future__ import annotations

import pytest

from tests.bench import kill


@pytest.mark.slow
@pytest.mark.nightly
def test_the_next_run_goes_on_after_a_kill(capsys: pytest.CaptureFixture[str]) -> None:
    status = kill.main(["--points", "3", "--seed", "7", "--clouds", "1"])
    assert status == 0, capsys.readouterr().out
