# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exchanges that did not succeed mean, and that no credential is ever in the words."""

from __future__ import annotations

import traceback
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    AuthenticationError,
    MalformedAnswerError,
    NotCloudStackError,
    NotFoundError,
    ParameterError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    SysvmError,
    UnavailableError,
    UnsupportedCommandError,
)
from tests.unit.api.conversation import Clock, Conversation, answer, client_for, html, recorded, refusal


def error_of(outcome: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        client_for(Conversation(("listZones", outcome)), retry_limit=0).read("listZones")
    return caught.value


@pytest.mark.parametrize(
    ("outcome", "error", "words"),
    [
        (recorded("wrong_credentials"), AuthenticationError, "unable to verify user credentials"),
        (recorded("unknown_command"), AuthenticationError, "too old to know the command"),
        (recorded("no_such_entity"), NotFoundError, "entity does not exist"),
        (recorded("unknown_api_name"), ServerError, "error 530: Api Discovery plugin"),
        (
            refusal(401, "The given command 'x' either does not exist, is not available for user."),
            PermissionDeniedError,
            "root administrator",
        ),
        (refusal(400, "State changing command x needs to be sent using POST request"), ParameterError, "POST"),
        (refusal(405, "no"), ParameterError, "no"),
        (refusal(430, "no"), ParameterError, "no"),
        (refusal(431, "no"), ParameterError, "no"),
        (refusal(432, "no"), UnsupportedCommandError, "no"),
        (refusal(429, "no"), RateLimitedError, "api.throttling"),
        (refusal(503, "no"), UnavailableError, "no"),
        # Of 4.19 and 4.20 while it prepares to shut down: nothing was taken, and later it will be.
        (refusal(530, "A shutdown has been triggered. Can not accept new jobs"), UnavailableError, "shutdown"),
        (refusal(511, "no"), ServerError, "no"),
        (refusal(537, ""), ServerError, "no reason given"),
        (refusal(418, "no"), ApiError, "no"),
        (answer({"errorresponse": {"errorcode": 530}}, 530), ServerError, "no reason given"),
        (answer({"errorresponse": {"errorcode": 431, "errortext": ["odd"]}}, 431), ParameterError, "odd"),
        (refusal(431, "as text/html", 431), ParameterError, "as text/html"),
        (html(429), RateLimitedError, "too many calls"),
        (html(500), UnavailableError, "HTTP 500 with text/html"),
        (html(502), UnavailableError, "proxy"),
        (html(401), NotCloudStackError, "api_url"),
        (html(403), NotCloudStackError, "HTTP 403"),
        (html(404), NotCloudStackError, "ends in /client/api"),
        (html(200), NotCloudStackError, "text/html instead of"),
        (html(302, Location="/login?x=1"), NotCloudStackError, "go to /login."),
        (html(302), NotCloudStackError, "HTTP 302"),
        (html(302, Location="https://[broken"), NotCloudStackError, "unreadable"),
        (answer({}, 200, None), NotCloudStackError, "no content type"),
        (answer(""), MalformedAnswerError, "empty, broken or unexpected"),
        (answer("[" * 100_000), MalformedAnswerError, "empty, broken or unexpected"),
        (answer([]), MalformedAnswerError, "unexpected"),
        (answer({"errorresponse": {"errorcode": "530"}}, 530), UnavailableError, "HTTP 530"),
        (requests.ConnectTimeout(), UnavailableError, r"no connection within 60 seconds \(api_timeout\)"),
        (requests.ReadTimeout(), UnavailableError, r"no answer within 60 seconds \(api_timeout\)"),
        (requests.ConnectionError(ConnectionResetError(104, "x")), UnavailableError, "Connection reset by peer"),
        (requests.exceptions.SSLError(), UnavailableError, "TLS failed.* https .* api_verify_ssl_cert"),
        (requests.exceptions.ProxyError(), UnavailableError, "proxy refused"),
        (requests.exceptions.ChunkedEncodingError(), UnavailableError, "ChunkedEncodingError"),
        (RuntimeError("a surprise"), UnavailableError, "RuntimeError"),
    ],
)
def test_each_end_has_its_type_and_words(outcome: Any, error: type[ApiError], words: str) -> None:
    got = error_of(outcome)
    assert got.__class__ is error
    assert got.command == "listZones"
    with pytest.raises(ApiError, match=words):
        raise got


def test_what_cloudstack_said_is_kept() -> None:
    assert error_of(recorded("unknown_api_name")).details() == {
        "type": "ServerError",
        "message": "listZones: CloudStack error 530: Api Discovery plugin was unable to find an api by that name or "
        "process any apis.",
        "command": "listZones",
        "http_status": 530,
        "errorcode": 530,
        "cserrorcode": 9999,
        "errortext": "Api Discovery plugin was unable to find an api by that name or process any apis",
    }


garbage = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["errorcode", "errortext", "cserrorcode", "count", "x"]), inner, max_size=3
            )
        ),
        max_leaves=6,
    ),
)
content_types = st.sampled_from(
    [None, "application/json", "text/javascript;charset=x", "text/html", "application/json;"]
)
statuses = st.sampled_from([200, 204, 301, 400, 401, 404, 429, 431, 500, 502, 503, 530])


@given(garbage, statuses, content_types)
def test_garbage_is_an_answer_or_a_typed_error(body: Any, status: int, content_type: str | None) -> None:
    for ask in ("read", "list", "submit"):
        talk = Conversation(*[("listZones", answer(body, status, content_type))] * 2)
        client = client_for(talk, retry_limit=0)
        args = ("listZones", "zone") if ask == "list" else ("listZones",)
        try:
            getattr(client, ask)(*args)
        except SysvmError as exc:
            assert str(exc)
            assert exc.__context__ is None


class Leaking:
    """A session whose every end shows all it was sent."""

    def __init__(self, end: str) -> None:
        self.end = end

    def send(self, prepared: Any, **options: Any) -> Any:
        all_of_it = f"{prepared.method} {prepared.url} {prepared.body}"
        if self.end == "exception":
            raise requests.ConnectionError(all_of_it, request=prepared)
        if self.end == "json":
            return refusal(530, all_of_it)
        if self.end == "location":
            return html(302, Location=prepared.url)
        return answer(f"<html>{all_of_it}</html>", 502, f"text/html {all_of_it}".replace("\n", " "))


secrets = st.text("abcXYZ019-_+/=%&", min_size=16, max_size=40).filter(lambda text: len(set(text)) > 3)


@given(
    secrets,
    secrets,
    st.sampled_from(["exception", "json", "bare", "html", "location"]),
    st.sampled_from(["get", "post"]),
    st.sampled_from(["read", "list", "submit"]),
)
def test_no_credential_is_ever_shown(key: str, secret: str, end: str, method: str, ask: str) -> None:
    sent: list[str] = []

    class Session(Leaking):
        def send(self, prepared: Any, **options: Any) -> Any:
            sent.append(str(prepared.body or prepared.url))
            if self.end == "bare":
                return refusal(530, f"Who is {key}? And what is {secret}?")
            return super().send(prepared, **options)

    client: Client = client_for(Session(end), Clock(), key=key, secret=secret, http_method=method)
    with pytest.raises(ApiError) as caught:
        getattr(client, ask)(*(("listZones", "zone") if ask == "list" else ("listZones",)))
    exc = caught.value
    shown = "\n".join([str(exc), repr(exc), str(exc.details()), *traceback.format_exception(exc), str(vars(exc))])
    signatures = {text.partition("signature=")[2].partition("&")[0] for text in sent}
    for hidden in {key, secret, quote(key, safe=""), quote(secret, safe=""), *signatures}:
        assert hidden not in shown
