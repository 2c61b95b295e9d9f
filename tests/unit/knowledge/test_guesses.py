# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guesses at what was meant."""

from __future__ import annotations

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.guesses import did_you_mean


def test_guesses_are_few_and_each_once() -> None:
    assert did_you_mean(["web", "Web"], [f"web{n}" for n in range(9)]).count("'web") == 3
    assert did_you_mean([], ["web"]) == did_you_mean(["web"], []) == ""
