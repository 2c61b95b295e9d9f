# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known defects of management servers that matter when system VMs and routers are upgraded, and who meets them. Pure.

A row says what its source says. Bounds come from the release notes (docs.cloudstack.apache.org, releasenotes/changes)
and from whether the commit is an ancestor of a release's commit in the server's repository; what was inferred from the
code stands in a comment. Defects of the files that are patched in follow the release of what delivers them: on KVM the
host, elsewhere the management server.
"""

from __future__ import annotations

import functools

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.defects import all_kinds, routers, system_vms
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.defects.model import Defect, Effect, Span, holds
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method

__all__ = ["DEFECTS", "Defect", "Effect", "Span", "defects_of", "met_by"]

DEFECTS = (*routers.ROWS, *system_vms.ROWS, *all_kinds.ROWS)


@functools.cache  # it is asked for each unit of a plan, and there is one server
def defects_of(server: Version) -> tuple[Defect, ...]:
    """The defects that a management server of this version has."""
    return tuple(defect for defect in DEFECTS if any(server in span for span in defect.spans))


def met_by(unit: Unit, method: Method, server: Version, minimum: Version | None = None) -> tuple[Defect, ...]:
    """The defects that a unit meets when this is done to it.

    :param minimum: minreq.sysvmtemplate.version in the unit's zone, where it is known.
    """
    return tuple(
        defect
        for defect in defects_of(server)
        if method in defect.methods and unit.kind in defect.kinds and holds(defect.condition, unit, minimum)
    )
