# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known defects that concern SSVMs, CPVMs and routers alike."""

from __future__ import annotations

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import ROUTER_KINDS, Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.defects.model import (
    REPOSITORY,
    START,
    Defect,
    Effect,
    span,
)

ROWS = (
    Defect(
        "7953",
        # Fixed in 4.18.2.0 and 4.19.0.0 (release notes); first release not named.
        (span(None, "4.18.2.0"),),
        "on a slow network a VM that starts may take an incomplete file of patches and be up 15 to 20 minutes later",
        START,
        frozenset({Kind.SSVM, Kind.CPVM}) | (ROUTER_KINDS - {Kind.ORPHAN}),
        Effect.WARN,
        "allow for it with sysvm_start_timeout",
        f"{REPOSITORY}/pull/7953",
    ),
)
