# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that follows a script: whoever asks anything else, or asks too much or too little, fails the test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection

URL = "https://cloud.test:8443/client/api"
KEY = "KKKK-the-key-KKKK"
SECRET = "SSSS-the-secret-SSSS"
RECORDED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("recorded.json").read_text())


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Conversation:
    """A session. Each exchange: the command, some of its parameters, and a response or an exception."""

    def __init__(self, *exchanges: tuple[str, Any] | tuple[str, dict[str, str], Any]) -> None:
        self.exchanges = list(exchanges)
        self.prepared: list[Any] = []
        self.options: list[dict[str, Any]] = []

    def send(self, prepared: Any, **options: Any) -> requests.Response:
        self.prepared.append(prepared)
        self.options.append(options)
        params = dict(parse_qsl(prepared.body or urlsplit(prepared.url).query, keep_blank_values=True))
        if not self.exchanges:
            pytest.fail(f"not in the script: {params}")
        command, *expected, answer = self.exchanges.pop(0)
        wanted = {"command": command, **(expected[0] if expected else {})}
        if any(params.get(name) != value for name, value in wanted.items()):
            pytest.fail(f"the script has {command} {expected}, not {params}")
        if isinstance(answer, Exception):
            raise answer
        answer.request = prepared
        response: requests.Response = answer
        return response

    def close(self) -> None:
        if self.exchanges:
            pytest.fail(f"never asked: {self.exchanges}")


def answer(
    body: Any, status: int = 200, content_type: str | None = "application/json;charset=utf-8", **headers: str
) -> requests.Response:
    """What requests makes of an HTTP answer; a body that is no string is sent as JSON."""
    response = requests.Response()
    response.status_code = status
    response._content = (
        body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    )
    response.headers.update({key.replace("_", "-"): value for key, value in headers.items()})
    if content_type is not None:
        response.headers["Content-Type"] = content_type
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    return response


def recorded(name: str) -> requests.Response:
    """A recorded answer of a real management server."""
    return answer(RECORDED[name]["response"], RECORDED[name]["status"], RECORDED[name]["content_type"])


def refusal(code: int, text: str, status: int | None = None, **more: Any) -> requests.Response:
    return answer({"errorresponse": {"uuidList": [], "errorcode": code, "errortext": text, **more}}, status or code)


def html(status: int, **headers: str) -> requests.Response:
    return answer("<html><title>Oops</title></html>", status, "text/html", **headers)


def ok(**value: Any) -> requests.Response:
    return answer({"response": value})


def client_for(conversation: Any, clock: Clock | None = None, *, met: bool = False, **changes: Any) -> Client:
    clock = clock or Clock()
    connection = Connection(**{"url": URL, "key": KEY, "secret": SECRET} | changes)
    return Client(connection, session=conversation, sleep=clock.sleep, clock=clock, rng=lambda: 0.5, met=met)
