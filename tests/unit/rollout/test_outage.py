# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For how long the server may be of no use."""

from __future__ import annotations

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.outage import Outage


def noticed(outage: Outage, *moments: float) -> list[bool]:
    return [outage.lasts_too_long(moment) for moment in moments]


def test_it_lasts_until_it_is_said_to_have_ended_however_seldom_it_is_noticed() -> None:
    """Each question alone may be repeated for as long as an outage may last."""
    outage = Outage("lost", 300.0)
    assert noticed(outage, 0.0, 302.0) == [False, True]
    outage.ends()
    assert noticed(outage, 400.0, 500.0, 700.0) == [False, False, True]


def test_what_is_noticed_long_afterwards_is_another_one_where_nobody_tells_of_an_end() -> None:
    outage = Outage("takes nothing", 300.0, gap_s=300.0)
    assert noticed(outage, 0.0, 200.0, 600.0, 850.0, 900.0) == [False, False, False, False, True]
