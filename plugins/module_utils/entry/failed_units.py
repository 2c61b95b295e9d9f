# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module does that reads about units that failed. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.client import Client
from ..cloud.evidence import MOST_UNITS, Reader
from .outcome import Outcome


@dataclass(frozen=True)
class EvidenceRequest:
    """The units as a result or a report has them, and whether bundles of their log files are wanted."""

    units: Sequence[Mapping[str, Any]]
    diagnostics: bool = False


def evidence_request(params: Mapping[str, Any]) -> EvidenceRequest:
    return EvidenceRequest(params["units"][:MOST_UNITS], params["diagnostics"])


def read_evidence(client: Client, request: EvidenceRequest, check_mode: bool = False) -> Outcome:
    reader = Reader(client, diagnostics=request.diagnostics and not check_mode)
    return Outcome({"evidence": [reader.read(unit) for unit in request.units]})
