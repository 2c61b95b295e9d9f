# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: of answers and connections."""

from __future__ import annotations

import threading
import time
import urllib.error
from typing import Any

import pytest

from tests.contract.replay import Client, ask
from tests.contract.scene import NETWORK, estate, with_fault
from tests.simulator.process import SimulatorThread
from tests.support.waiting import wait_for


@pytest.mark.parametrize(
    ("options", "status", "content_type"),
    [
        ({"status": 429}, 429, "application/json;charset=utf-8"),
        ({"status": 502}, 502, "text/html;charset=utf-8"),
        ({"status": 503, "body": "html"}, 503, "text/html;charset=utf-8"),
        ({"status": 530}, 530, "application/json;charset=utf-8"),
        ({"status": 401}, 401, "application/json;charset=utf-8"),
    ],
)
def test_http_status(options: dict[str, Any], status: int, content_type: str) -> None:
    with with_fault({"kind": "http_status", "match": {"command": "list*"}, "nth": 2, **options}) as simulator:
        url, key, secret = simulator.url, simulator.key, simulator.secret
        assert ask(url, key, secret, {"command": "listZones"}).status == 200
        if content_type.startswith("text/html"):
            with pytest.raises(ValueError):
                ask(url, key, secret, {"command": "listZones"})
        else:
            answer = ask(url, key, secret, {"command": "listZones"})
            assert (answer.status, answer.content_type) == (status, content_type)
            assert answer.body["errorcode"] == status
        assert ask(url, key, secret, {"command": "listZones"}).status == 200


@pytest.mark.parametrize("kind", ["html", "truncated_json", "empty_body"])
def test_answers_that_are_no_json(kind: str) -> None:
    with with_fault({"kind": kind}) as simulator:
        client = Client(simulator)
        with pytest.raises(ValueError):
            client.ask(command="listZones")
        assert client.ask(command="listZones").status == 200


def test_wrong_content_type_and_wrong_count() -> None:
    with SimulatorThread(
        estate(faults=[{"kind": "wrong_content_type"}, {"kind": "count_lies", "by": 7, "nth": 2}])
    ) as simulator:
        client = Client(simulator)
        assert client.ask(command="listZones").content_type == "text/html;charset=utf-8"
        assert client.ask(command="listZones").body["count"] == 8


MANY = [{"name": "net", "count": 5}]


def listed(client: Client, size: int) -> tuple[list[str], list[int]]:
    """Page by page, as a client does: the names of the networks, and what each page said of their number."""
    names: list[str] = []
    counts = []
    for page in range(1, 9):
        body = client.ask(command="listNetworks", listall="true", page=str(page), pagesize=str(size)).body
        names += [network["name"] for network in body.get("network", [])]
        counts.append(body.get("count", 0))
        if not body.get("network"):
            break
    return names, counts


@pytest.mark.parametrize(
    ("fault", "missing", "counts"),
    [
        ({"rows": ["net-00[24]"]}, ["net-004", "net-002"], [4, 4, 5, 5]),
        ({"rows": ["net-00[24]"], "count": "kept"}, ["net-004", "net-002"], [5] * 4),
        ({"every": 2}, ["net-004", "net-002"], [4, 4, 5, 5]),
    ],
)
def test_relay_that_drops_rows(fault: dict[str, Any], missing: list[str], counts: list[int]) -> None:
    everything = [f"net-00{number}" for number in (5, 4, 3, 2, 1)]
    fault = {"kind": "drops_rows", "match": {"command": "listNetworks"}, "times": "always", **fault}
    with SimulatorThread(estate(networks=MANY, faults=[fault])) as simulator:
        names, said = listed(Client(simulator), 2)
        assert names == [name for name in everything if name not in missing]
        assert said == counts


def test_page_that_is_answered_twice() -> None:
    fault = {"kind": "repeats_page", "match": {"command": "listNetworks"}, "nth": 2}
    with SimulatorThread(estate(networks=MANY, faults=[fault])) as simulator:
        names, counts = listed(Client(simulator), 2)
        assert names == ["net-005", "net-004", "net-005", "net-004", "net-001"]
        assert counts == [5] * 4


def test_list_that_shrinks_while_it_is_read() -> None:
    fault = {"kind": "list_shrinks", "match": {"command": "listNetworks"}, "times": "always"}
    with SimulatorThread(estate(networks=MANY, faults=[fault])) as simulator:
        names, counts = listed(Client(simulator), 2)
        # What slid into the first page was never seen.
        assert names == ["net-005", "net-004", "net-002", "net-001"]
        assert counts == [5, 4, 4]


@pytest.mark.parametrize("says", ["unknown", "", "4.x"])
def test_server_whose_version_cannot_be_read(says: str) -> None:
    with SimulatorThread(estate(server={"version": "4.20.2.0", "says": says})) as simulator:
        client = Client(simulator)
        assert client.everything("listManagementServers", "managementserver")[0]["version"] == says
        assert client.ask(command="listCapabilities").body["capability"]["cloudstackversion"] == says


@pytest.mark.parametrize(("kind", "calls"), [("drop_before", 0), ("drop_after", 1)])
def test_dropped_connection(kind: str, calls: int) -> None:
    with with_fault({"kind": kind, "match": {"command": "restartNetwork"}}) as simulator:
        client = Client(simulator)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            client.ask(command="restartNetwork", id=NETWORK)
        assert len(simulator.journal()) == calls


def test_refused_connections() -> None:
    with with_fault({"kind": "refuse", "seconds": 0.3}) as simulator:
        client = Client(simulator)
        for _attempt in range(2):
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                client.ask(command="listZones")
        simulator.wait_until_up()
        assert client.ask(command="listZones").status == 200


def test_slow_answer_holds_up_no_other() -> None:
    with with_fault({"kind": "slow", "seconds": 3.0, "match": {"command": "listZones"}}) as simulator:
        client = Client(simulator)
        begin = time.monotonic()
        slow = threading.Thread(target=client.ask, kwargs={"command": "listZones"})
        slow.start()
        wait_for(lambda: [fault["struck"] for fault in simulator.faults()] == [1])
        assert client.ask(command="listZones").status == 200
        assert slow.is_alive()
        slow.join()
        assert time.monotonic() - begin >= 3.0


def test_clock_skew() -> None:
    with with_fault({"kind": "clock_skew", "seconds": 7200}) as simulator:
        client = Client(simulator)
        soon = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(time.time() + 600))
        answer = client.ask(command="listZones", signatureVersion="3", expires=soon)
        assert answer.status == 401
