# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers and signatures, as they go over the wire."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from aiohttp import web

from tests.simulator.errors import ApiError

JSON_TYPE = "application/json;charset=utf-8"
SECRET_PARAMETERS = {"apikey", "signature", "signatureversion", "expires", "response", "command"}


@dataclass
class Answer:
    status: int
    body: str
    content_type: str = JSON_TYPE
    description: str | None = None
    items: int = 0
    """How many a list shows."""

    def response(self) -> web.Response:
        headers = {"Content-Type": self.content_type}
        if self.description:
            headers["X-Description"] = " ".join(self.description.split())
        return web.Response(status=self.status, body=self.body.encode(), headers=headers)


def public(params: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in params.items() if name not in SECRET_PARAMETERS}


def sign(params: dict[str, str], secret: str) -> bytes:
    """The signature as ApiServer.verifyRequest computes it: java.net.URLEncoder, with %20 for a space."""
    text = "&".join(
        f"{name}={quote(value, safe='*').replace('~', '%7E')}"
        for name, value in sorted(params.items())
        if name.lower() != "signature"
    )
    return base64.b64encode(hmac.new(secret.encode(), text.lower().encode(), hashlib.sha1).digest())


def verify(sent: dict[str, str], secret: str, now: float) -> bool:
    params = {name.lower(): value for name, value in sent.items()}
    if params.get("signatureversion") == "3":
        try:
            expires = datetime.strptime(params.get("expires", ""), "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            return False
        if expires < datetime.fromtimestamp(now, timezone.utc):
            return False
    return hmac.compare_digest(sign(sent, secret), params.get("signature", "").encode())


def error_answer(response_name: str, error: ApiError) -> Answer:
    body: dict[str, Any] = {"uuidList": [], "errorcode": error.code}
    if error.cserrorcode is not None:
        body["cserrorcode"] = error.cserrorcode
    if error.text is not None:
        body["errortext"] = error.text
    return Answer(error.code, json.dumps({response_name: body}, ensure_ascii=False), description=error.text)


def as_xml(answer: Answer) -> Answer:
    """What a client gets that forgets response=json."""

    def render(name: str, value: Any) -> str:
        if isinstance(value, list):
            return "".join(render(name, item) for item in value)
        if isinstance(value, dict):
            return f"<{name}>{''.join(render(key, item) for key, item in value.items())}</{name}>"
        return f"<{name}>{escape(str(value))}</{name}>"

    content = "".join(render(name, value) for name, value in json.loads(answer.body).items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>{content}'
    return Answer(answer.status, body, "text/xml;charset=utf-8", answer.description)
