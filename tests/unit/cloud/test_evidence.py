# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked about a unit that failed, what is kept of the answers, and what is said where there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.evidence import (
    DIAGNOSTICS_S,
    MOST_JOBS,
    Evidence,
    Reader,
)
from tests.unit.api.conversation import Clock, Conversation, answer, client_for, ok, recorded, refusal

NOW = 1_790_000_000.0
FACTS = {"state": "Running", "software_version": "4.18.1.0", "template_version": "4.18.1", "host": "h1"}
NETWORK = {
    **{"id": "id-net", "name": "net", "kind": "network", "zone": "z", "method": "live_patch", "status": "failed"},
    **{"reason": "r", "started": "2026-09-21T14:00:00+00:00", "job_ids": ["j1"], "owner": {"account": "acme"}},
    "vms": [{"id": "id-r-1", "name": "r-1-VM", "before": FACTS, "after": FACTS}],
}
SYSTEM_VM = {**NETWORK, "id": "id-s", "name": "s-1-VM", "kind": "ssvm", "vms": [{"id": "id-s", "name": "s-1-VM"}]}
ROUTER = {
    **{"id": "id-r-1", "name": "r-1-VM", "state": "Running", "hostid": "id-h1", "hostname": "h1"},
    **{"version": "4.18.1", "softwareversion": "4.18.1.0", "account": "acme"},
}
EVENT = {"created": "2026-09-21T14:01:00+0000", "type": "NETWORK.RESTART", "description": "Restarting network"}
SECRETS = {
    **{"password": "Planted", "ipsecpsk": "Planted", "userdata": "Planted", "url": "https://u:Planted@h/"},
    **{"details": {"vnc.password": "Planted"}, "signature": "Planted"},
}

ROUTERS = ("listRouters", {"networkid": "id-net", "listall": "true"}, ok(count=1, router=[{**ROUTER, **SECRETS}]))
SERVERS = (
    "listManagementServers",
    ok(count=1, managementserver=[{"name": "ms", "state": "Up", "version": "4.22.0.0"}]),
)
JOB = (
    "queryAsyncJobResult",
    {"jobid": "j1"},
    ok(
        **{"jobid": "j1", "jobstatus": 1, "cmd": "org.RestartNetworkCmd"},
        jobresult={"success": True, "network": {"id": "id-net", **SECRETS}},
    ),
)
OF_NETWORK = {"resourceid": "id-net", "resourcetype": "Network", "startdate": "2026-09-21T13:00:00+0000"}
OF_ROUTER = {"resourceid": "id-r-1", "resourcetype": "DomainRouter"}
ALERTS = [
    {"sent": "2026-09-21T14:02:00+0000", "name": "A", "description": "Health checks failed on router r-1-VM / x"},
    {"sent": "2026-09-21T14:01:00+0000", "name": "A", "description": "host h1 is down, token=Planted", **SECRETS},
    {"sent": "2026-09-21T14:00:00+0000", "name": "A", "description": "Health checks failed on router r-17-VM / y"},
    {"sent": "2026-09-21T09:00:00+0000", "name": "A", "description": "r-1-VM, long before"},
]
HOSTS = (
    "listHosts",
    {"type": "Routing"},
    ok(count=2, host=[{"id": "1", "name": "h1", "state": "Up", **SECRETS}, {"id": "2", "name": "h2"}]),
)
CHECKS = {"routerid": "id-r-1", "healthchecks": [{"checkname": "dns", "success": False, "details": "psk=Planted"}]}


def events(*items: dict[str, Any], **filters: str) -> Any:
    return ("listEvents", filters, ok(count=len(items), event=list(items)))


def read(*exchanges: Any, unit: dict[str, Any] | None = None, clock: Clock | None = None, **more: Any) -> Evidence:
    clock = clock or Clock()
    with client_for(Conversation(*exchanges), clock, retry_limit=0) as client:
        reader = Reader(client, now=lambda: NOW, sleep=clock.sleep, **more)
        return reader.read(unit or NETWORK)


def whole() -> list[Any]:
    return [
        *(ROUTERS, SERVERS, JOB),
        events({**EVENT, "resourceid": "id-net", **SECRETS}, **OF_NETWORK),
        events(**OF_ROUTER),
        ("listAlerts", ok(count=len(ALERTS), alert=ALERTS)),
        HOSTS,
        ("getRouterHealthCheckResults", {"routerid": "id-r-1"}, ok(routerhealthchecks=CHECKS)),
    ]


def test_a_network() -> None:
    found = read(*whole())
    assert found["missing"] == [] and found["diagnostics"] == []
    assert found["vms"][0]["now"]["software_version"] == "4.18.1.0" and found["vms"][0]["before"] == FACTS
    assert found["jobs"][0]["status"] == "succeeded" and found["jobs"][0]["success"] is True
    assert [event["type"] for event in found["events"]] == ["NETWORK.RESTART"]
    assert [alert["description"] for alert in found["alerts"]] == [
        "host h1 is down, token=(hidden)",
        "Health checks failed on router r-1-VM / x",
    ]
    assert [host["name"] for host in found["hosts"]] == ["h1"]
    assert found["health_checks"][0]["checkname"] == "dns"
    assert found["management_servers"] == [{"name": "ms", "state": "Up", "version": "4.22.0.0"}]


def test_no_field_with_a_secret_is_kept() -> None:
    assert "Planted" not in json.dumps(read(*whole()))


def test_health_checks_are_never_run_for_this() -> None:
    """A failing one could make the server recreate the router."""
    conversation = Conversation(*whole())
    with client_for(conversation) as client:
        Reader(client, now=lambda: NOW).read(NETWORK)
    sent = [str(prepared.body or prepared.url) for prepared in conversation.prepared]
    assert any("getRouterHealthCheckResults" in each for each in sent)
    assert not any("performfreshchecks" in each for each in sent)


def test_a_system_vm_is_told_by_the_text_of_its_events() -> None:
    """They have no resource; a server before 4.17 knows none at all and lists those of others too."""
    about = {**EVENT, "type": "LIVE.PATCH.SYSTEM.VM", "description": "Attempting to live patch System VM with Id: id-s"}
    found = read(
        ("listSystemVms", {"id": "id-s"}, ok()),
        *(SERVERS, JOB),
        events(about, {**EVENT, "description": "Restarting network: 204"}, keyword="id-s"),
        ("listAlerts", ok()),
        ("listHosts", ok()),
        unit=SYSTEM_VM,
    )
    assert [event["type"] for event in found["events"]] == ["LIVE.PATCH.SYSTEM.VM"]
    assert found["vms"] == [{"id": "id-s", "name": "s-1-VM", "before": {}, "after": {}, "now": {}}], "it is gone"


def test_what_a_server_refuses_is_said_and_the_rest_is_read() -> None:
    script = whole()
    script[3] = ("listEvents", refusal(431, "Invalid resourceid"))
    script[5] = ("listAlerts", refusal(432, "no such command"))
    script[7] = ("getRouterHealthCheckResults", refusal(530, "Router health checks are not enabled"))
    found = read(*script)
    assert [each.partition(":")[0] for each in found["missing"]] == [
        *("events of id-net", "alerts", "health checks of r-1-VM")
    ]
    assert found["jobs"] and found["hosts"], "all else is there"


def test_a_server_that_is_gone_is_not_asked_again() -> None:
    found = read(ROUTERS, ("listManagementServers", ConnectionError("refused")))
    assert found["vms"][0]["now"], "what was read before"
    assert found["jobs"] == [{"id": "j1", "status": "not read"}]
    assert all("not asked any more" in each for each in found["missing"][1:])
    assert len(found["missing"]) == 7


def test_a_command_that_an_older_server_does_not_have_closes_its_section_only() -> None:
    """It says 401, as of a wrong key, and each such question is repeated for seconds."""
    two = {**NETWORK, "job_ids": []}
    unknown = ("getRouterHealthCheckResults", recorded("unknown_command"))
    clock = Clock()
    first = [ROUTERS, SERVERS, events(), events(), ("listAlerts", ok()), HOSTS, *[unknown] * 30]
    conversation = Conversation(*first)
    with client_for(conversation, clock) as client:
        reader = Reader(client, now=lambda: NOW)
        assert [each.partition(":")[0] for each in reader.read(two)["missing"]] == ["health checks of r-1-VM"]
        conversation.exchanges[:] = [ROUTERS, events(), events()]
        assert [each.partition(":")[0] for each in reader.read(two)["missing"]] == ["health checks of r-1-VM"]


def test_what_is_the_same_for_all_is_asked_once() -> None:
    of_one = [ROUTERS, JOB, events(**OF_NETWORK), events(**OF_ROUTER), whole()[-1]]
    again = [
        ("listRouters", ok(count=1, router=[ROUTER])),
        ("queryAsyncJobResult", recorded("no_such_job")),
        *(events(), events()),
        ("getRouterHealthCheckResults", ok()),
    ]
    script = [of_one[0], SERVERS, *of_one[1:4], ("listAlerts", ok()), HOSTS, of_one[4], *again]
    with client_for(Conversation(*script)) as client:
        reader = Reader(client, now=lambda: NOW)
        first, second = reader.read(NETWORK), reader.read(NETWORK)
    assert first["hosts"] == second["hosts"] != []
    assert second["jobs"][0]["status"] == "expired"


def test_many_jobs_are_cut_and_that_is_said() -> None:
    unit = {**SYSTEM_VM, "job_ids": [f"j{number}" for number in range(MOST_JOBS + 5)]}
    jobs = [
        ("queryAsyncJobResult", {"jobid": f"j{number}"}, ok(jobid=f"j{number}", jobstatus=1))
        for number in range(5, MOST_JOBS + 5)
    ]
    found = read(
        *(("listSystemVms", ok()), SERVERS, *jobs, events(), ("listAlerts", ok()), ("listHosts", ok())), unit=unit
    )
    assert found["missing"] == [f"jobs: {MOST_JOBS} of {MOST_JOBS + 5} were looked at"]


def job(**more: Any) -> Any:
    return ("queryAsyncJobResult", {"jobid": "d"}, ok(jobid="d", cmd="org.GetDiagnosticsDataCmd", **more))


@pytest.mark.parametrize(
    ("ends", "url", "missing"),
    [
        (
            [job(jobstatus=0), job(jobstatus=1, jobresult={"diagnostics": {"url": "https://ssvm/userdata/a.zip"}})],
            "https://ssvm/userdata/a.zip",
            "",
        ),
        (
            [job(jobstatus=1, jobresult={"diagnostics": {"url": "https://u:Planted@ssvm/a.zip?sig=Planted"}})],
            "https://(hidden)@ssvm/a.zip",
            "",
        ),
        (
            [
                job(
                    **{"jobstatus": 2, "jobresultcode": 530},
                    jobresult={"errorcode": 530, "errortext": "No suitable secondary storage found"},
                )
            ],
            None,
            "diagnostics of r-1-VM: GetDiagnosticsDataCmd job d failed: No suitable secondary storage found.",
        ),
        (
            [job(jobstatus=0) for _again in range(int(DIAGNOSTICS_S / 2) + 1)],
            None,
            "diagnostics of r-1-VM: not made within 300 seconds, in which all have to be",
        ),
    ],
    ids=["made", "with secrets", "as recorded", "too slow"],
)
def test_diagnostics(ends: list[Any], url: str | None, missing: str) -> None:
    found = read(*whole(), ("getDiagnosticsData", {"targetid": "id-r-1"}, ok(jobid="d")), *ends, diagnostics=True)
    assert found["diagnostics"] == [{"vm": "r-1-VM", "job_id": "d", "url": url}]
    assert found["missing"] == ([missing] if missing else [])


@pytest.mark.parametrize("unit", [{}, {"id": "x"}, {"id": "x", "name": "x", "kind": "network"}])
def test_what_is_no_unit_is_refused(unit: dict[str, Any]) -> None:
    with pytest.raises(SysvmError, match=r"units: one of them has no .*vms.*results of a module"):
        read(unit=unit or {"owner": "x"})


def test_an_answer_that_makes_no_sense_is_not_believed() -> None:
    script = whole()
    script[3] = ("listEvents", ok(count="many", event="none"))
    script[5] = ("listAlerts", ok(alert=[1, {"sent": 5, "description": ["r-1-VM"]}]))
    script[7] = ("getRouterHealthCheckResults", answer({"response": {"routerhealthchecks": "none"}}))
    found = read(*script)
    assert (found["events"], found["alerts"], found["health_checks"]) == ([], [], [])
