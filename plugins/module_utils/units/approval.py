# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be done to a unit where a person has approved a plan: that, and nothing more. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..cloud.job_ids import Purpose
from ..cloud.model import Unit
from ..knowledge.shapes import ApprovalData
from ..knowledge.vocabulary import ACTING, Method
from .calls import Call

# A unit was done by the strongest of what was sent: applying rules and starting go with a patch and a recreation.
STRENGTH = (Method.NONE, Method.RESTART, Method.LIVE_PATCH, Method.RECREATE)


@dataclass(frozen=True)
class Approval:
    """What was approved for one unit.

    :ivar method: what its plan said; nothing else is begun, and nothing stronger follows.
    :ivar recreates: whether it may be recreated after a live patch that failed.
    :ivar destroys: names of the left-over routers that may be destroyed.
    :ivar place: where that is written, such as C(plan.csv, line 7).
    """

    method: Method
    recreates: bool = False
    destroys: frozenset[str] = frozenset()
    place: str = ""

    @classmethod
    def of(cls, data: ApprovalData) -> Approval:
        """Of what I(as_dict) made."""
        return cls(Method(data["method"]), data["recreates"], frozenset(data["destroys"]), data["place"])

    def as_dict(self) -> ApprovalData:
        destroys = sorted(self.destroys)
        return {"method": self.method.value, "recreates": self.recreates, "destroys": destroys, "place": self.place}

    def against(self, call: Call, method: Method, unit: Unit, *, begun: bool) -> str | None:
        """Why the call is not covered, in words; None where it is.

        Rules that a live patch of ours has left to be applied belong to it, also where an earlier run sent it.

        :param method: what the call is part of.
        :param begun: whether something was sent for the unit before.
        """
        approved = f"{self.method.words} was approved" if self.method in ACTING else "nothing was approved for it"
        approved += f" ({self.place})" if self.place else ""
        if call.purpose is Purpose.DESTROY_SURPLUS:
            [name] = [vm.name for vm in unit.vms if vm.id == call.object_id]
            if self.method in ACTING and name not in self.destroys:
                return f"{approved}, but not that {name} is destroyed"
        if self.method in ACTING and call.purpose is Purpose.APPLY_RULES and (begun or unit.owed):
            return None
        most = Method.RECREATE if begun and self.recreates else self.method
        covered = method is self.method or (begun and STRENGTH.index(method) <= STRENGTH.index(most))
        return None if covered and self.method in ACTING else f"{approved}, but now it needs {method.words}"


NOTHING = Approval(Method.NONE)  # of a unit that no line names
