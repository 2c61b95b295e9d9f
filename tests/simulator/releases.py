# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same cloud under a server of each release that the collection is tried with."""

from __future__ import annotations

from typing import Any

import yaml

from tests.simulator.process import estate_path

BEFORE = {
    "4.17.2.0": "4.16.1",
    "4.18.2.5": "4.17.2",
    "4.19.3.0": "4.18.1",
    "4.20.2.0": "4.19.3",
    "4.21.0.0": "4.20.2",
    "4.22.0.0": "4.21.0",
}
"""The template that a cloud's VMs have when its server has just been upgraded to this release."""


def estate_of(release: str, **sections: Any) -> dict[str, Any]:
    """estates/releases.yml under a server of this release; a section that is given replaces or extends its own."""
    spec = yaml.safe_load(estate_path("releases.yml").read_text(encoding="utf-8"))
    spec["server"]["version"] = release
    spec["defaults"]["version"] = BEFORE[release]
    for name, given in sections.items():
        spec[name] = spec.get(name, {}) | given if isinstance(given, dict) else given
    return spec
