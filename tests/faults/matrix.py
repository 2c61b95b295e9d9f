# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table: what may go wrong, when, and what has to become of the run."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Items
from tests.faults.relay import Fault, make_certificate
from tests.faults.scene import KEY, NEWEST, OLDEST, Circumstances, Killed, Phase, Scene, Versions, Way
from tests.simulator import uuid_of
from tests.support.virtual import VirtualSimulator
from tests.support.waiting import wait_until_down


class End(enum.Enum):
    SURVIVES = "all units are upgraded"
    FAILS = "the run fails, and says of each unit what became of it"
    REFUSES = "the run fails before anything was touched"
    TELLS = "the report cannot be written, but what became of each unit is shown"
    DIES = "the run says nothing any more"


@dataclass(frozen=True)
class Expected:
    """What has to become of a cell's run.

    :ivar words: a pattern that is in what the run says; C({target}) stands for one of C(Versions).
    :ivar first: the fault strikes before the run's first request, not at the first one of the phase.
    """

    end: End
    words: str = ""
    first: bool = False


def survives(words: str = "", **options: Any) -> Expected:
    return Expected(End.SURVIVES, words, **options)


def fails(words: str, **options: Any) -> Expected:
    return Expected(End.FAILS, words, **options)


def refuses(words: str, **options: Any) -> Expected:
    return Expected(End.REFUSES, words, **options)


def tells(words: str, **options: Any) -> Expected:
    return Expected(End.TELLS, words, **options)


DIES = Expected(End.DIES)
LOST = "contact with the management server was lost"


class Cells(TypedDict):
    """A row that states a law."""

    plan: Expected
    submit: Expected
    poll: Expected
    verify: Expected


def all_survive() -> Cells:
    """What comes once is met in every phase: reads are repeated, and a call is sent again with its job id."""
    return Cells(plan=survives(), submit=survives(), poll=survives(), verify=survives())


def fails_for_good(words: str, *, first: bool = False, submit: str = "") -> Cells:
    """A plan is refused; of a run's units it is said that contact was lost.

    :param submit: the words of a submit, where they are others.
    """
    lost = fails(f"{LOST}.*{words}")
    return Cells(plan=refuses(words, first=first), submit=fails(submit or words), poll=lost, verify=lost)


Strike = Callable[[Scene], bool | None]


@dataclass(frozen=True)
class Kind(Circumstances):
    """One row.

    :ivar repair: what an operator or time does before the next run.
    :ivar idle: no job runs any more when the next run has its plan.
    :ivar again: a live patch shows no effect and is sent once more.
    :ivar clouds: those in which it happens.
    """

    name: str
    strike: Strike
    plan: Expected | None = None
    submit: Expected | None = None
    poll: Expected | None = None
    verify: Expected | None = None
    report: Expected | None = None
    repair: Callable[[Scene], object] = lambda scene: None
    idle: bool = False
    again: bool = False
    slow: bool = False
    clouds: tuple[Versions, ...] = (NEWEST, OLDEST)

    def expected(self, phase: Phase) -> Expected | None:
        cell: Expected | None = getattr(self, phase.value)
        return cell


# --- what strikes


def answer(kind: str, times: int | str = 1, **options: Any) -> Strike:
    """A fault of the simulator in what is said over the wire, in answers to the command of the moment."""
    return lambda scene: _set(scene, {"kind": kind, "times": times, "match": {"command": scene.command}, **options})


def late(*seconds: float) -> Strike:
    """So long take the next answers to the command of the moment."""

    def strike(scene: Scene) -> None:
        scene.late[scene.command] = list(seconds)

    return strike


def job(kind: str, name: str = "web", **options: Any) -> Strike:
    """A fault of the simulator in the jobs or VMs of a unit."""
    return lambda scene: _set(scene, {"kind": kind, "match": {"name": name}, **options})


def lasting(kind: str, **options: Any) -> Strike:
    return lambda scene: _set(scene, {"kind": kind, **options})


def _set(scene: Scene, fault: dict[str, Any]) -> None:
    scene.simulator.add_faults([fault])


def restart(seconds: float, **options: Any) -> Strike:
    def strike(scene: Scene) -> None:
        scene.simulator.restart(seconds, **options)
        scene.simulator.sleep(0.05)  # in which the answer goes out
        wait_until_down(scene.simulator.url)

    return strike


def update(**facts: Any) -> Strike:
    return lambda scene: scene.simulator.update(**facts)


def forgotten(version: Callable[[Versions], str]) -> Strike:
    """One of the two management servers is of this version."""
    return lambda scene: scene.simulator.update(management_servers={"mgmt-2": {"version": version(scene.versions)}})


def worked_by(version: Callable[[Versions], str]) -> Strike:
    """The server that does the work is of this version, and so are its hosts."""

    def strike(scene: Scene) -> None:
        one = {"version": version(scene.versions)}
        scene.simulator.update(server=one, hosts={f"zone1-kvm-host-00{number}": one for number in (1, 2)})

    return strike


def target(versions: Versions) -> str:
    return versions.target


def earlier(versions: Versions) -> str:
    return versions.earlier


def relayed(fault: Fault, *, lasts: bool = False) -> Strike:
    return lambda scene: scene.relay.strike(fault, lasts=lasts)


def after(target: str, strike: Strike) -> Strike:
    """Not before the last call that the server took is about this object."""

    def strike_then(scene: Scene) -> bool:
        journal = scene.simulator.journal()
        return bool(journal) and journal[-1]["target"] == target and strike(scene) is not False

    return strike_then


def without_ids(strike: Strike) -> Strike:
    """The server does not know the parameter, and then this strikes."""

    def both(scene: Scene) -> bool | None:
        scene.simulator.update(server={"customjobid": "ignore"})
        return strike(scene)

    return both


def certificate(*, expired: bool = False, trusted: bool = False) -> Strike:
    """The load balancer gets another certificate."""

    def strike(scene: Scene) -> None:
        made = make_certificate(scene.folder / "other.pem", expired=expired)
        if trusted:
            with scene.trusted.open("ab") as file:
                file.write(made.read_bytes())
        scene.relay.show(made)

    return strike


def remove_router(name: str) -> Strike:
    def strike(scene: Scene) -> None:
        vms = scene.simulator.state()["vms"]
        [router] = [router for router, vm in vms.items() if vm.get("network") == name]
        scene.simulator.update(vms={router: {"removed": True}})

    return strike


def fill_disk_of_log(scene: Scene) -> None:
    scene.log.unlink(missing_ok=True)
    scene.log.symlink_to("/dev/full")


def report_to(path: str) -> Strike:
    def strike(scene: Scene) -> None:
        scene.report_dir = Path(path)

    return strike


def put_file_where_the_report_goes(scene: Scene) -> None:
    scene.report_dir.write_text("in the way", encoding="utf-8")


def kill(scene: Scene) -> None:
    raise Killed


def kill_after(target: str) -> Strike:
    """Right after a call about this object was taken."""

    def strike(scene: Scene) -> bool:
        if any(entry["target"] == target for entry in scene.simulator.journal()):
            raise Killed
        return False

    return strike


def work_for_others(seconds: float) -> Strike:
    """Somebody else patches a network; reading the cloud takes so long that the job may end meanwhile."""

    def strike(scene: Scene) -> None:
        with scene.client() as client:
            [web] = [item for item in client.list("listNetworks", "network", listall=True) if item["name"] == "web"]
            client.submit("restartNetwork", id=web["id"], cleanup=False, livepatch=True)
        scene.late["listNetworks"] = [seconds]

    return strike


def somebody(command: str, name: str, **params: Any) -> Strike:
    """An owner or administrator does something to a network or VPC, or to the first of its routers."""

    def strike(scene: Scene) -> None:
        vms = scene.simulator.state()["vms"].values()
        routers = [vm["id"] for vm in vms if vm["removed"] is None and name in (vm.get("network"), vm.get("vpc"))]
        unit = uuid_of("vpc" if name == "shop" else "network", name)
        identity = routers[0] if command.endswith("Router") else unit
        with scene.client() as client:
            scene.theirs.append(client.submit(command, id=identity, **params))

    return strike


def takes_no_jobs(seconds: float | None) -> Strike:
    """Both management servers are to be maintained; they answer all that only reads."""

    def turn(scene: Scene, state: str) -> None:
        scene.simulator.update(management_servers={name: {"state": state} for name in ("mgmt-1", "mgmt-2")})

    def strike(scene: Scene) -> None:
        turn(scene, "PreparingForMaintenance")
        if seconds is not None:
            assert isinstance(scene.simulator, VirtualSimulator)
            scene.simulator.later(seconds, lambda: turn(scene, "Up"))

    return strike


# --- what repairs


def end_jobs(scene: Scene) -> None:
    restart(0.02)(scene)


def wait(seconds: float) -> Callable[[Scene], None]:
    return lambda scene: scene.simulator.sleep(seconds)


def restart_network_with_cleanup(name: str) -> Callable[[Scene], None]:
    """What an operator does about a network whose pair is broken, who then waits until the server has looked at it."""

    def pair(client: Client) -> Items:
        routers = client.list("listRouters", "router", listall=True)
        return [vm for vm in routers if vm["isredundantrouter"]]

    def repair(scene: Scene) -> None:
        with scene.client() as client:
            [network] = [item for item in client.list("listNetworks", "network", listall=True) if item["name"] == name]
            client.submit("restartNetwork", id=network["id"], cleanup=True)
            scene.simulator.wait_for(lambda: not client.list("listAsyncJobs", "asyncjobs", listall=True))
            scene.simulator.wait_for(lambda: {vm["redundantstate"] for vm in pair(client)} == {"PRIMARY", "BACKUP"})

    return repair


BRIEF = 0.7

OTHER_OFFERING = uuid_of("offering", "other")
MOVES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "an owner restarts a network": ("restartNetwork", "db", {"cleanup": False}),
    "an owner restarts a network with cleanup": ("restartNetwork", "db", {"cleanup": True}),
    "an owner restarts a VPC with cleanup": ("restartVPC", "shop", {"cleanup": True}),
    "an owner gives a network another offering": ("updateNetwork", "web", {"networkofferingid": OTHER_OFFERING}),
    "an owner gives a VPC another address": ("updateVPC", "shop", {"sourcenatipaddress": "198.18.0.9"}),
    "an administrator migrates a network": ("migrateNetwork", "db", {"networkofferingid": OTHER_OFFERING}),
    "an administrator stops a router": ("stopRouter", "db", {}),
    "an administrator destroys a router": ("destroyRouter", "db", {}),
    "an administrator stops half of a pair": ("stopRouter", "pair", {}),
    "an administrator destroys half of a pair": ("destroyRouter", "pair", {}),
}

KINDS = (
    # --- connections
    Kind(
        "connection refused for a moment",
        restart(0.3, jobs="kept"),
        **all_survive(),
    ),
    Kind(
        "connection refused for good",
        restart(1.5, jobs="kept"),
        **fails_for_good("Connection refused", first=True),
        report=fails(f"{LOST}.*Connection refused"),
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "reset before the server took it",
        answer("drop_before"),
        **all_survive(),
    ),
    Kind(
        "dropped after the server took it",
        answer("drop_after"),
        **all_survive(),
    ),
    Kind(
        "reset again and again",
        answer("drop_before", "always"),
        **fails_for_good("connection failed", submit="connection failed.*may run"),
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "timeout, never taken",
        relayed(Fault.SWALLOW),
        **all_survive(),
        way=Way.BALANCER,
        timeout=1.0,
        slow=True,
    ),
    Kind(
        "timeout, taken at once",
        relayed(Fault.WITHHOLD),
        submit=survives(),
        poll=survives(),
        verify=survives(),
        way=Way.BALANCER,
        timeout=1.0,
        slow=True,
    ),
    Kind(
        "timeout, taken later",
        answer("slow", seconds=1.2),
        plan=survives(),
        submit=survives(),
        timeout=1.0,
        repair=wait(0.5),
        slow=True,
    ),
    Kind(
        "timeout, taken much later",
        answer("slow", seconds=2.0),
        submit=survives(),
        timeout=1.0,
        repair=wait(1.0),
        slow=True,
    ),
    Kind(
        "timeout for good",
        relayed(Fault.SWALLOW, lasts=True),
        plan=refuses("no answer within 1 seconds"),
        submit=fails(f"{LOST}.*no answer within 1 seconds"),
        poll=fails(f"{LOST}.*no answer within 1 seconds"),
        verify=fails(f"{LOST}.*no answer within 1 seconds"),
        way=Way.BALANCER,
        timeout=1.0,
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "slow answers",
        late(0.3, 0.3, 0.3),
        **all_survive(),
    ),
    # --- answers
    Kind(
        "401 after the key was rotated",
        update(server={"key": "another-key-that-nobody-may-see"}),
        **fails_for_good("unable to verify user credentials", first=True, submit="took this key until now"),
        report=fails(f"{LOST}.*took this key until now"),
        repair=update(server={"key": KEY}),
    ),
    Kind(
        "401 once",
        answer("http_status", status=401),
        **all_survive(),
    ),
    Kind(
        "429 once",
        answer("http_status", status=429),
        **all_survive(),
    ),
    Kind(
        "429 again and again",
        answer("http_status", "always", status=429),
        **fails_for_good("api limit"),
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "502 HTML",
        answer("http_status", status=502),
        **all_survive(),
    ),
    Kind(
        "502 HTML, but taken",
        answer("http_status", status=502, phase="after"),
        submit=survives(),
    ),
    Kind(
        "503 HTML",
        answer("http_status", 2, status=503, body="html"),
        **all_survive(),
    ),
    Kind(
        "503 HTML, but taken",
        answer("http_status", status=503, body="html", phase="after"),
        submit=survives(),
    ),
    Kind(
        "503 of CloudStack",
        answer("http_status", 2, status=503),
        **all_survive(),
    ),
    Kind(
        "503 for good",
        answer("http_status", "always", status=503, body="html"),
        **fails_for_good("HTTP 503"),
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "HTML with 200",
        answer("html"),
        **all_survive(),
    ),
    Kind(
        "HTML with 200, but taken",
        answer("html", phase="after"),
        submit=survives(),
    ),
    Kind(
        "HTML with 200 for good",
        answer("html", "always"),
        **fails_for_good("text/html instead of CloudStack's JSON"),
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "truncated JSON",
        answer("truncated_json"),
        **all_survive(),
    ),
    Kind(
        "truncated JSON for good",
        answer("truncated_json", "always"),
        plan=refuses("broken or unexpected JSON"),
        poll=fails(f"{LOST}.*broken or unexpected JSON"),
        verify=fails(f"{LOST}.*broken or unexpected JSON"),
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "empty answer",
        answer("empty_body"),
        **all_survive(),
    ),
    Kind(
        "empty answer for good",
        answer("empty_body", "always"),
        plan=refuses("empty, broken or unexpected JSON"),
        poll=fails(f"{LOST}.*empty, broken"),
        verify=fails(f"{LOST}.*empty, broken"),
        patience=BRIEF,
        slow=True,
        timings={"restart": 1.0},  # so that the job is still there to be found
    ),
    Kind(
        "wrong content type",
        answer("wrong_content_type"),
        **all_survive(),
    ),
    Kind(
        "wrong content type for good",
        answer("wrong_content_type", "always"),
        plan=refuses("text/html instead of CloudStack's JSON"),
        poll=fails(f"{LOST}.*text/html"),
        verify=fails(f"{LOST}.*text/html"),
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "fewer items than counted, once",
        answer("count_lies"),
        plan=survives(),
        poll=survives(),
        verify=survives(),
    ),
    Kind(
        "fewer items than counted, for good",
        answer("count_lies", "always"),
        plan=refuses("counts 6 items but lists 5"),
        verify=fails(f"{LOST}.*counts . items but lists"),
    ),
    # --- servers
    Kind(
        "server restarted, jobs lost, work not done",
        restart(0.2),
        poll=survives("sent once more.*was restarted"),
        again=True,
    ),
    Kind(
        "server restarted, jobs lost, work done",
        restart(0.2, work_done=True),
        poll=survives("was restarted"),
    ),
    Kind(
        "two servers of different version",
        forgotten(earlier),
        plan=refuses("no single version", first=True),
        submit=refuses("no single version", first=True),
        repair=forgotten(target),
    ),
    Kind(
        "an older server does the work",
        worked_by(earlier),
        submit=fails("reports {earlier}, not {target}"),
        poll=fails("reports {earlier}, not {target}"),
        again=True,
        repair=worked_by(target),
    ),
    Kind(
        "server's clock 1 h ahead",
        lasting("clock_skew", seconds=3600),
        **fails_for_good("a clock on this machine", first=True),
    ),
    Kind(
        "server's clock 1 h behind",
        lasting("clock_skew", seconds=-3600),
        plan=survives(first=True),
        submit=survives(),
        poll=survives(),
        verify=survives(),
    ),
    # --- jobs and VMs
    Kind(
        "job never ends", job("job_never_ends"), poll=fails("still runs after", first=True), repair=end_jobs, slow=True
    ),
    Kind(
        "job cancelled, work not done", job("job_cancelled"), poll=survives("cancelled the job", first=True), again=True
    ),
    Kind("job cancelled, work done", job("job_cancelled", work_done=True), poll=survives(first=True)),
    Kind(
        "VPC's job lost, work not done",
        job("job_lost", "shop-tier1"),
        poll=survives("was restarted", first=True),
        again=True,
    ),
    Kind(
        "VPC's answer lost, job over when looked for",
        after("pair", relayed(Fault.WITHHOLD)),
        submit=survives(),
        way=Way.BALANCER,
        timeout=1.0,
        slow=True,
    ),
    Kind(
        "answer about a second tier lost",
        after("shop-tier1", relayed(Fault.WITHHOLD)),
        submit=survives(),
        way=Way.BALANCER,
        timeout=1.0,
        slow=True,
    ),
    Kind(
        "VPC's job lost, work done",
        job("job_lost", "shop-tier1", work_done=True),
        poll=survives("was restarted", first=True),
    ),
    Kind(
        "job fails",
        job("job_fails"),
        poll=survives("sent once more.*Failed to restart network", first=True),
        again=True,
    ),
    Kind(
        "job fails, work done", job("job_fails", work_done=True), poll=survives("Failed to restart network", first=True)
    ),
    Kind(
        "restart of a VPC's second tier fails",
        job("job_fails", "shop-tier2"),
        poll=fails("rules not applied in .*shop-tier2.*Failed to restart network", first=True),
    ),
    Kind(
        "patch fails silently",
        job("silent_patch_failure"),
        verify=survives("no effect and is sent once more", first=True),
        again=True,
    ),
    Kind(
        "patch fails silently, twice",
        job("silent_patch_failure", times=2),
        verify=fails("reports {told}, not", first=True),
        again=True,
    ),
    Kind(
        "scripts stay old, twice",
        job("stale_scripts", times=2),
        verify=fails("with the scripts of an older version", first=True),
        again=True,
    ),
    Kind(
        "scripts stay old",
        job("stale_scripts"),
        verify=survives("left the old scripts and is sent once more", first=True),
        again=True,
    ),
    Kind(
        "answers a moment old",
        lasting("stale_reads", seconds=0.15),
        plan=survives(first=True),
        submit=survives(first=True),
        poll=survives(),
        verify=survives(),
    ),
    Kind(
        "answers a minute old",
        lasting("stale_reads", seconds=60.0),
        plan=survives(first=True),
        again=True,
        submit=fails("reports {told}, not", first=True),
        poll=fails("reports {told}, not"),
        verify=fails("reports {told}, not"),
    ),
    Kind(
        "a router vanished since the plan",
        remove_router("web"),
        submit=survives(first=True),
    ),
    Kind(
        "a router vanishes before its job",
        job("vanish_before"),
        poll=survives(first=True),
    ),
    Kind(
        "a router vanishes after its job",
        job("vanish_after"),
        verify=survives(first=True),
    ),
    # --- after the patch
    Kind(
        "rules fail after the patch",
        job("rules_fail"),
        poll=survives("Failed to restart network.*a restart has applied its rules since", first=True),
    ),
    Kind(
        "rules fail again and again",
        job("rules_fail", times="always"),
        poll=fails("patched, rules not applied in network web.*Failed to restart network", first=True),
        report=fails("patched, rules not applied in network web", first=True),
    ),
    Kind(
        "rules of a VPC's first tier fail",
        job("rules_fail", "shop"),
        poll=survives("Failed to restart network", first=True),
    ),
    Kind(
        "server dies between patch and rules",
        job("server_dies", down_seconds=0.3),
        poll=survives("was restarted", first=True),
        again=True,
    ),
    Kind(
        "server dies while units are between patch and rules",
        restart(0.3, work_done="patched"),
        poll=survives("was restarted"),
        again=True,
    ),
    Kind(
        "server dies, its hosts come back late",
        restart(0.3, work_done="patched"),
        poll=survives("was restarted"),
        again=True,
        timings={"host_reconnect": 0.6},
    ),
    Kind(
        "a pair breaks, which shows when the server looks again",
        job("pair_breaks", "pair", states=["BACKUP", "FAULT"], times="always"),
        verify=fails("not one PRIMARY and one BACKUP", first=True),
        repair=restart_network_with_cleanup("pair"),
    ),
    Kind(
        "a host is away",
        update(hosts={"zone1-kvm-host-001": {"state": "Down"}}),
        submit=fails("zone1-kvm-host-001 is Down; nothing was sent", first=True),
        repair=update(hosts={"zone1-kvm-host-001": {"state": "Up"}}),
    ),
    # --- job ids
    Kind(
        "job ids are not known",
        update(server={"customjobid": "ignore"}),
        submit=survives("takes no job ids of ours", first=True),
        poll=survives(),
    ),
    Kind(
        "job ids are refused",
        update(server={"customjobid": "refuse"}),
        submit=survives("refused a job id", first=True),
        poll=survives("refused a job id"),
    ),
    Kind(
        "job ids are not known, an answer is lost",
        without_ids(answer("drop_after")),
        submit=survives("takes no job ids of ours"),
    ),
    # --- this side
    Kind(
        "disk full, log",
        fill_disk_of_log,
        submit=survives("No space left", first=True),
        poll=survives("No space left"),
        verify=survives("No space left"),
    ),
    Kind(
        "report folder is a file",
        put_file_where_the_report_goes,
        report=tells("exist|not a directory"),
    ),
    Kind("report folder cannot be made", report_to("/proc/sysvm"), report=tells("No such file")),
    Kind("disk full, report", report_to("/dev/full"), report=tells("/dev/full")),
    Kind(
        "self-signed certificate",
        certificate(),
        **fails_for_good("certificate.*self-signed", first=True),
        way=Way.TLS,
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "expired certificate",
        certificate(expired=True, trusted=True),
        **fails_for_good("certificate.*expired", first=True),
        way=Way.TLS,
        patience=BRIEF,
        slow=True,
    ),
    Kind(
        "proxy that refuses",
        relayed(Fault.DENY, lasts=True),
        **fails_for_good("HTTP 403.*proxy", first=True),
        way=Way.PROXY,
        patience=BRIEF,
        slow=True,
    ),
    Kind("the run is killed", kill, submit=DIES, poll=DIES, verify=DIES),
    Kind(
        "the run is killed while a VPC is patched",
        kill_after("shop-tier1"),
        poll=DIES,
        timings={"patch": 0.5},
    ),
    Kind(
        "the same, and the job ends after the next plan",
        kill_after("shop-tier1"),
        poll=DIES,
        timings={"patch": 0.5},
        idle=True,
    ),
    Kind(
        "the run is killed while a tier is restarted",
        kill_after("shop-tier2"),
        poll=DIES,
        timings={"restart": 0.4},
    ),
    # --- a cloud that moves
    *(
        Kind(f"meanwhile {what}", somebody(*does[:2], **does[2]), poll=survives(), verify=survives(), again=True)
        for what, does in MOVES.items()
    ),
    Kind(
        "meanwhile an owner restarts with cleanup, and the old router is expunged for a while",
        somebody("restartNetwork", "db", cleanup=True),
        poll=survives(),
        verify=survives(),
        timings={"expunge": 0.4},
    ),
    Kind("one node knows jobs only later", lasting("late_jobs", seconds=0.3, every=2), submit=survives(first=True)),
    Kind("all know jobs only later", lasting("late_jobs", seconds=0.3), submit=survives(first=True)),
    # The oldest knows neither maintenance nor shutdown.
    Kind(
        "the server takes no jobs for a while",
        takes_no_jobs(0.8),
        submit=survives(),
        poll=survives(),
        clouds=(NEWEST,),
    ),
    Kind(
        "the server takes no jobs",
        takes_no_jobs(None),
        submit=fails("Maintenance or Shutdown has been initiated"),
        clouds=(NEWEST,),
        patience=BRIEF,
        repair=update(management_servers={name: {"state": "Up"} for name in ("mgmt-1", "mgmt-2")}),
    ),
    Kind(
        "nothing is listed for a moment",
        lasting("drops_rows", every=1, match={"command": "listRouters"}, times=2),
        poll=survives(),
        verify=survives(),
    ),
    Kind("somebody else's job runs", work_for_others(0.0), submit=survives(first=True), timings={"patch": 0.3}),
    Kind("somebody else's job ends while the cloud is read", work_for_others(0.4), submit=survives(first=True)),
)
