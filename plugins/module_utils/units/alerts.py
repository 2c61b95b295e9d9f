# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the server's alerts are about a unit, and new since its upgrade. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..cloud.infrastructure import Alert
from ..cloud.model import Unit
from ..cloud.moments import moment
from ..knowledge.characters import mentions
from ..knowledge.server_texts import Meaning, meaning_of
from .record import Record


def new_alerts(unit: Unit, record: Record, alerts: Iterable[Alert]) -> list[str]:
    """What people are alerted to since the upgrade ended, or since the watching began where nothing was sent.

    The server repeats the alert of an ailment that was there before.
    """
    known = (record.soak and record.soak.known) or ()
    jobs = [each.job for each in record.sent if each.job]
    began = min((moment(job.created) or math.inf for job in jobs), default=math.inf)
    ended = max((moment(job.completed) or math.inf for job in jobs), default=math.inf)
    ids = {alert.id for alert in known}
    old = {alert.description for alert in known if alert.sent < began}
    about = mentions([*unit.resource_ids(), *(vm.name for vm in unit.vms)])
    return [
        alert.description
        for alert in alerts
        if (alert.id not in ids or alert.sent >= ended)
        and alert.description not in old
        and meaning_of(alert.description) is not Meaning.GOOD_NEWS
        and about(alert.description)
    ]
