# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are not as they should be, by a fault."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from tests.simulator.commands import COMMANDS
from tests.simulator.errors import ApiError
from tests.simulator.faults import Fault
from tests.simulator.jobs import SHUTDOWN_503
from tests.simulator.wire import Answer, error_answer

HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr><center>proxy</center></body></html>"
UNVERIFIED = "unable to verify user credentials and/or request signature"
FAULT_TEXTS = {
    401: UNVERIFIED,
    429: "The given user has reached his/her account api limit, please retry after [1000] ms.",
    503: SHUTDOWN_503,
    530: "Command failed due to Internal Server Error",
}
HTTP_REASONS = {429: "Too Many Requests", 502: "Bad Gateway", 503: "Service Unavailable"}


def without_rows(answer: Answer, options: dict[str, Any]) -> Answer:
    """Rows with one of these names, ids ... (patterns), or every so many, are missing; the count tells it, or not."""
    body = json.loads(answer.body)
    (content,) = body.values()
    patterns, every = options.get("rows", []), options.get("every", 0)

    def is_dropped(number: int, row: dict[str, Any]) -> bool:
        texts = [value for value in row.values() if isinstance(value, str)]
        named = any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)
        return named or (bool(every) and number % every == 0)

    for key, rows in content.items():
        if isinstance(rows, list):
            content[key] = [row for number, row in enumerate(rows, 1) if not is_dropped(number, row)]
            if options.get("count", "lowered") == "lowered" and "count" in content:
                content["count"] -= len(rows) - len(content[key])
    if not content.get("count", 1):
        content.clear()
    return Answer(200, json.dumps(body, ensure_ascii=False))


def faulty(fault: Fault, name: str, answer: Answer | None) -> Answer:
    """answer is None where the request was not carried out."""
    options = fault.options
    body = answer.body if answer is not None else ""
    if fault.kind == "truncated_json":
        return Answer(200, body[: len(body) // 2])
    if fault.kind == "empty_body":
        return Answer(200, "")
    if fault.kind == "wrong_content_type":
        return Answer(200, body, options.get("content_type", "text/html;charset=utf-8"))
    if fault.kind == "drops_rows":
        return (
            without_rows(answer, options) if answer is not None and answer.status == 200 else answer or Answer(200, "")
        )
    status = options.get("status", 200 if fault.kind == "html" else 503)
    as_json = options.get("body", "json" if status in FAULT_TEXTS else "html") == "json"
    if fault.kind == "http_status" and as_json:
        text = options.get("text", FAULT_TEXTS.get(status, HTTP_REASONS.get(status, "Error"))) or None
        command = COMMANDS.get(name)
        code = None if status == 401 else 9999
        return error_answer(command.response if command else "errorresponse", ApiError(status, text, code))
    title = f"{status} {HTTP_REASONS.get(status, 'Service')}"
    return Answer(status, HTML.format(title), "text/html;charset=utf-8")
