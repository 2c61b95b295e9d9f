# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading, listing, submitting."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api import client as client_module
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import (
    AUTH_LIMIT,
    CONNECT_LIMIT,
    LONGEST_DELAY,
    Client,
    Connection,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    AuthenticationError,
    JobExistsError,
    JobIdRefusedError,
    MalformedAnswerError,
    NotCloudStackError,
    NotFoundError,
    ParameterError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    SubmitUncertainError,
    SysvmError,
    UnavailableError,
)
from tests.unit.api.conversation import Clock, Conversation, answer, client_for, html, ok, recorded, refusal

RESET = requests.ConnectionError("reset")


def test_a_read_returns_the_answer_without_its_outer_key() -> None:
    talk = Conversation(("listZones", {"id": "z", "available": "true", "ids": "a,b"}, ok(count=0)))
    with client_for(talk) as client:
        assert client.read("listZones", id="z", available=True, ids=["a", "b"], keyword=None) == {"count": 0}
    assert "keyword" not in talk.prepared[0].body
    assert "expires" in talk.prepared[0].body
    assert len(talk.prepared) == 1


@pytest.mark.parametrize(("method", "sent"), [("post", ["POST", "POST"]), ("get", ["GET", "POST"])])
def test_what_changes_something_is_always_posted(method: str, sent: list[str]) -> None:
    talk = Conversation(("listZones", ok()), ("restartNetwork", recorded("submitted")))
    with client_for(talk, http_method=method) as client:
        client.read("listZones")
        assert client.submit("restartNetwork", id="n") == "d67d5496-16e1-490d-9bb6-2853c5cd6536"
    assert [prepared.method for prepared in talk.prepared] == sent


def test_options_of_the_connection_reach_requests() -> None:
    talk = Conversation(("listZones", ok()))
    with client_for(talk, timeout=0.5, verify_cert=True, ca_file=__file__) as client:
        client.read("listZones")
    [options] = talk.options
    assert (options["timeout"], options["verify"], options["allow_redirects"]) == (0.5, __file__, False)


@pytest.mark.parametrize("changes", [{"verify_cert": False}, {"verify_cert": False, "ca_file": "/no/such/file"}])
def test_verification_can_be_turned_off(changes: dict[str, Any]) -> None:
    talk = Conversation(("listZones", ok()))
    with client_for(talk, **changes) as client:
        client.read("listZones")
    assert talk.options[0]["verify"] is False


@pytest.mark.parametrize(
    "trouble",
    [
        RESET,
        requests.ReadTimeout("slow"),
        html(502),
        html(503),
        html(504),
        html(404),
        answer("{", 200),
        answer("", 200),
        answer({"a": 1, "b": 2}),
        answer({"zones": "text"}),
        refusal(503, "Maintenance or Shutdown has been initiated on this management server."),
        refusal(429, "please retry after [900] ms."),
        html(429, Retry_After="3"),
    ],
)
def test_a_read_outlasts_trouble(trouble: Any) -> None:
    clock, told = Clock(), []
    talk = Conversation(("listZones", ok()), *[("listZones", trouble)] * 3, ("listZones", ok(count=1)))
    with client_for(talk, clock) as client:
        client.on_retry = lambda error, delay: told.append((type(error), delay))
        client.read("listZones")
        assert client.read("listZones") == {"count": 1}
    assert len(talk.prepared) == 5
    assert [delay for dummy, delay in told] == clock.slept
    assert clock.slept == sorted(clock.slept), "it waits longer each time"


def test_a_server_that_asks_to_wait_is_obeyed() -> None:
    clock = Clock()
    limit = refusal(429, "The given user has reached his/her account api limit, please retry after [1500] ms.")
    talk = Conversation(("listZones", limit), ("listZones", html(503, Retry_After="2")), ("listZones", ok()))
    with client_for(talk, clock) as client:
        client.read("listZones")
    assert clock.slept == [1.5 + 0.5, 2.0 + 1.0]


def test_a_read_survives_a_restart_but_not_for_ever() -> None:
    clock = Clock()
    talk = Conversation(("listZones", ok()), *[("listZones", RESET)] * 60)
    client = client_for(talk, clock, retry_limit=300)
    client.read("listZones")
    with pytest.raises(UnavailableError, match=r"Tried \d+ times in (29\d|300) seconds"):
        client.read("listZones")
    assert 285 < clock.now - 1000 <= 300


@pytest.mark.parametrize(
    "trouble", [RESET, html(503), answer("{"), refusal(429, "retry after [9] ms."), recorded("wrong_credentials")]
)
def test_where_somebody_else_decides_what_is_asked_again_nothing_is(trouble: Any) -> None:
    clock = Clock()
    talk = Conversation(("listZones", ok()), ("listZones", trouble), ("listVMs", trouble), ("listZones", ok(count=1)))
    with client_for(talk, clock) as client:
        client.read("listZones")
        client.patient = False
        with pytest.raises(ApiError):
            client.read("listZones")
        with pytest.raises(ApiError):
            client.list("listVMs", "vm")
        assert client.read("listZones") == {"count": 1}
    assert clock.slept == []


def test_what_is_asked_once_is_never_repeated_and_has_a_time_limit_of_its_own() -> None:
    clock = Clock()
    talk = Conversation(("getHealth", {"id": "r"}, RESET), ("getHealth", ok(count=1)), ("listZones", ok()))
    with client_for(talk, clock, timeout=10) as client:
        with pytest.raises(UnavailableError):
            client.once("getHealth", 300.0, id="r")
        assert client.once("getHealth", 300.0, id="r") == {"count": 1}
        client.read("listZones")
        with pytest.raises(ValueError, match="submit"):
            client.once("restartNetwork", 300.0, id="n")
    assert [options["timeout"] for options in talk.options] == [300.0, 300.0, 10]
    assert clock.slept == []


@pytest.mark.parametrize("trouble", [RESET, html(404), html(503), answer("{")])
def test_an_unknown_server_is_given_up_soon(trouble: Any) -> None:
    clock = Clock()
    client = client_for(Conversation(*[("listZones", trouble)] * 60), clock)
    with pytest.raises((UnavailableError, MalformedAnswerError)):
        client.read("listZones")
    assert clock.now - 1000 <= CONNECT_LIMIT


def test_a_401_fails_at_once_unless_the_credentials_were_good_before() -> None:
    clock = Clock()
    talk = Conversation(
        ("listZones", recorded("wrong_credentials")),
        ("listZones", ok()),
        *[("listZones", recorded("wrong_credentials"))] * 2,
        ("listZones", ok(count=1)),
        *[("listZones", recorded("wrong_credentials"))] * 60,
    )
    client = client_for(talk, clock)
    with pytest.raises(AuthenticationError, match=r"api_key or api_secret .* disabled .* clock .* command"):
        client.read("listZones")
    assert clock.slept == []
    client.read("listZones")
    assert client.read("listZones") == {"count": 1}
    before = clock.now
    with pytest.raises(AuthenticationError, match="The server took this key until now"):
        client.read("listZones")
    assert AUTH_LIMIT - LONGEST_DELAY < clock.now - before <= AUTH_LIMIT, "it may be restarting"


@pytest.mark.parametrize("trouble", [RESET, html(404), html(503), recorded("wrong_credentials")])
def test_a_server_that_an_earlier_step_has_met_is_waited_for(trouble: Any) -> None:
    clock = Clock()
    away = [("listZones", trouble)] * 4
    with client_for(Conversation(*away, ("listZones", ok(count=1))), clock, met=True) as client:
        assert client.read("listZones") == {"count": 1}
    assert clock.now - 1000 > CONNECT_LIMIT


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (recorded("no_such_entity"), NotFoundError),
        (recorded("unknown_api_name"), ServerError),
        (refusal(431, "Unable to execute"), ParameterError),
        (
            refusal(401, "The given command 'x' either does not exist, is not available for user."),
            PermissionDeniedError,
        ),
    ],
)
def test_other_errors_are_not_repeated(refused: requests.Response, error: type[ApiError]) -> None:
    client = client_for(Conversation(("listZones", ok()), ("listZones", refused)))
    client.read("listZones")
    with pytest.raises(error) as caught:
        client.read("listZones")
    assert caught.value.__class__ is error
    assert "Tried" not in str(caught.value)


def test_only_reads_can_be_read() -> None:
    with pytest.raises(ValueError, match="submit"):
        client_for(Conversation()).read("restartNetwork", id="n")


def test_a_mistake_of_the_caller_is_not_dressed_up() -> None:
    with pytest.raises(ValueError, match="object"):
        client_for(Conversation()).read("listZones", id=object())


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CS_IMPORT_ERROR", "Traceback ...")
    with pytest.raises(SysvmError, match="pip install"):
        client_for(Conversation())


class Crowd:
    """A session that answers when C(together) questions are there; every other one it does not know."""

    def __init__(self, together: int) -> None:
        self.together = threading.Barrier(together, timeout=30)
        self.most = self._there = 0
        self._lock = threading.Lock()

    def send(self, prepared: Any, **options: Any) -> requests.Response:
        with self._lock:
            self._there += 1
            self.most = max(self.most, self._there)
        self.together.wait()
        with self._lock:
            self._there -= 1
        number = dict(pair.split("=") for pair in prepared.body.split("&"))["jobid"]
        return refusal(431, f"no job {number}") if int(number) % 2 else ok(jobid=number)


def test_questions_are_asked_several_at_a_time_and_answered_in_order() -> None:
    crowd = Crowd(together=3)
    client = client_for(crowd, connections=3)
    answers = list(client.read_each("queryAsyncJobResult", [{"jobid": str(number)} for number in range(6)]))
    assert answers[::2] == [{"jobid": "0"}, {"jobid": "2"}, {"jobid": "4"}]
    refused = [answer for answer in answers[1::2] if isinstance(answer, ApiError)]
    assert [number in str(answer) for number, answer in zip("135", refused, strict=True)] == [True] * 3
    assert crowd.most == 3


def test_one_question_that_meets_trouble_is_asked_again_for_itself() -> None:
    talk = Conversation(
        ("queryAsyncJobResult", {"jobid": "a"}, html(503)),
        ("queryAsyncJobResult", {"jobid": "a"}, ok(jobid="a")),
        ("queryAsyncJobResult", {"jobid": "b"}, ok(jobid="b")),
    )
    with client_for(talk, connections=1) as client:
        assert list(client.read_each("queryAsyncJobResult", [{"jobid": "a"}, {"jobid": "b"}])) == [
            {"jobid": "a"},
            {"jobid": "b"},
        ]


# Submitting


@pytest.mark.parametrize(
    "lost",
    [
        RESET,
        requests.ReadTimeout("slow"),
        requests.exceptions.ChunkedEncodingError("cut"),
        html(502),
        html(503),
        html(200),
        answer("{"),
        answer(""),
        ok(),
        ok(jobid=None),
    ],
)
def test_a_lost_answer_is_uncertain_and_never_asked_for_again(lost: Any) -> None:
    clock = Clock()
    client = client_for(Conversation(("restartVPC", lost)), clock)
    with pytest.raises(SubmitUncertainError, match="look for it") as caught:
        client.submit("restartVPC", id="v")
    assert caught.value.command == "restartVPC"
    assert not caught.value.rejected
    assert clock.slept == []


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (requests.ConnectTimeout("slow"), UnavailableError),
        (recorded("wrong_credentials"), AuthenticationError),
        (recorded("no_such_entity"), NotFoundError),
        (recorded("unknown_api_name"), ServerError),
        (refusal(503, "Maintenance or Shutdown has been initiated on this management server."), UnavailableError),
        (refusal(429, "please retry after [10] ms."), RateLimitedError),
        (html(429), RateLimitedError),
    ],
)
def test_a_refused_submit_is_certain(refused: Any, error: type[ApiError]) -> None:
    """And sent once: whether it may be sent again is for those to say who know what it is for."""
    clock = Clock()
    talk = Conversation(("listZones", ok()), ("restartVPC", refused), ("createRole", refused))
    with client_for(talk, clock) as client:
        client.read("listZones")
        for send in (client.submit, client.change):
            with pytest.raises(error) as caught:
                send("restartVPC" if send == client.submit else "createRole", id="v")
            assert caught.value.__class__ is error
            assert caught.value.rejected
    assert clock.slept == []


ID = "0b0f7f8e-6a44-4f0f-9b0a-2f2b0a0d8a11"


@pytest.mark.parametrize(
    ("code", "second", "text", "error"),
    [
        (431, 4350, f"UUID: {ID} already exists so can't create/update with custom id", JobExistsError),
        (530, 9999, "Entity already exists ", JobExistsError),
        (431, 4350, f"UUID: {ID} doesn't follow the UUID format", JobIdRefusedError),
        (431, 9999, "Value greater than max allowed length 255 for param: injectedJobId", JobIdRefusedError),
        (431, 9999, "Network is not in the right state to be restarted.", ParameterError),
        (530, 9999, "Failed to restart VPC", ServerError),
    ],
)
def test_what_a_server_says_of_a_job_id(code: int, second: int, text: str, error: type[ApiError]) -> None:
    """As recorded."""
    answer = refusal(code, text, cserrorcode=second)
    with (
        client_for(Conversation(("restartVPC", {"customjobid": ID}, answer))) as client,
        pytest.raises(error) as caught,
    ):
        client.submit("restartVPC", id="v", job_id=ID)
    assert caught.value.__class__ is error
    assert (caught.value.rejected, caught.value.errortext) == (True, text)


def test_without_an_id_an_entity_that_exists_is_an_error_like_any_other() -> None:
    talk = Conversation(("restartVPC", refusal(530, "Entity already exists ")))
    with client_for(talk) as client, pytest.raises(ServerError):
        client.submit("restartVPC", id="v")
    assert "customjobid" not in talk.prepared[0].body


def test_a_redirection_is_shown_and_not_followed() -> None:
    moved = html(301, Location="https://user:pw@new.test/client/api?apikey=x")
    client = client_for(Conversation(*[("listZones", moved)] * 9))
    with pytest.raises(NotCloudStackError, match=r"HTTP 301: go to https://new.test/client/api\."):
        client.read("listZones")


# Several management servers

ONE, TWO = "https://one.test/client/api", "https://two.test/client/api"


def servers_asked(talk: Conversation) -> list[str]:
    return [prepared.url.partition("?")[0] for prepared in talk.prepared]


@pytest.mark.parametrize(
    "trouble", [RESET, requests.ConnectTimeout("slow"), html(502), html(404), refusal(503, "busy")]
)
def test_the_next_server_is_asked_at_once_and_stays_the_one(trouble: Any) -> None:
    talk, clock = Conversation(("listZones", trouble), ("listZones", ok(count=1)), ("listHosts", ok())), Clock()
    with client_for(talk, clock, url=ONE, others=(TWO,)) as client:
        assert client.read("listZones") == {"count": 1}
        client.read("listHosts")
    assert servers_asked(talk) == [ONE, TWO, TWO] and clock.slept == []
    assert client.server == "one.test", "the cloud keeps its name"
    assert [*client.left] == ["one.test"]


def test_where_all_are_away_they_are_asked_in_turn_with_pauses() -> None:
    talk, clock = Conversation(*[("listZones", RESET)] * 4, ("listZones", ok())), Clock()
    with client_for(talk, clock, url=ONE, others=(TWO,), met=True) as client:
        client.read("listZones")
    assert servers_asked(talk) == [ONE, TWO, ONE, TWO, ONE]
    assert len(clock.slept) == 3


def test_where_all_stay_away_each_of_them_is_named() -> None:
    talk = Conversation(*[("listZones", RESET)] * 2)
    with (
        client_for(talk, Clock(), url=ONE, others=(TWO,), retry_limit=0) as client,
        pytest.raises(UnavailableError) as caught,
    ):
        client.read("listZones")
    assert "of one.test and two.test in turn" in str(caught.value)


@pytest.mark.parametrize(
    ("trouble", "error"), [(RESET, SubmitUncertainError), (refusal(503, "Maintenance"), UnavailableError)]
)
def test_what_changes_something_is_sent_to_one_server_only(trouble: Any, error: type[ApiError]) -> None:
    talk = Conversation(("restartNetwork", trouble), ("queryAsyncJobResult", ok(jobstatus=0)))
    with client_for(talk, url=ONE, others=(TWO,)) as client:
        with pytest.raises(error):
            client.submit("restartNetwork", id="n", job_id="j")
        client.read("queryAsyncJobResult", jobid="j")  # how it is settled
    assert servers_asked(talk) == [ONE, TWO]


@pytest.mark.parametrize("trouble", [refusal(401, "unable to verify"), refusal(431, "no such zone")])
def test_a_refusal_is_no_reason_to_ask_another_server(trouble: Any) -> None:
    talk = Conversation(("listZones", trouble))
    with client_for(talk, url=ONE, others=(TWO,)) as client, pytest.raises(ApiError):
        client.read("listZones")
    assert servers_asked(talk) == [ONE]


@pytest.mark.parametrize(
    ("changes", "sent"),
    [({"cert": __file__}, __file__), ({"cert": __file__, "cert_key": __file__}, (__file__, __file__)), ({}, None)],
)
def test_a_client_certificate_reaches_requests(changes: dict[str, Any], sent: Any) -> None:
    talk = Conversation(("listZones", ok()))
    with client_for(talk, **changes) as client:
        client.read("listZones")
    assert talk.options[0]["cert"] == sent


def test_a_socks_proxy_without_its_library_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5h://user:hidden@proxy.test:1080")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SysvmError, match=r"socks5h://proxy.test:1080 is a SOCKS proxy.*pip install PySocks") as caught:
        client_for(Conversation())
    assert "hidden" not in str(caught.value)


def test_a_client_of_its_own_has_a_session_of_its_own() -> None:
    with Client(Connection("https://cloud.test/client/api", "k", "s")) as client:
        assert client.server == "cloud.test"
