# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that tell how routers and system VMs are: alerts, health checks and diagnostics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tests.simulator import checks, versions
from tests.simulator.commands import Call, command, dump
from tests.simulator.entities import CPVM, Router, SystemVm, Vm
from tests.simulator.errors import INTERNAL, ApiError, invalid, unknown_value
from tests.simulator.jobs import EventPlan, Job, JobResult
from tests.simulator.lists import PAGED
from tests.simulator.patching import strike
from tests.simulator.versions import within


@command("listAlerts", f"{PAGED} id:uuid name type")
def list_alerts(call: Call) -> str:
    chosen = call.select(
        list(reversed(call.world.alerts.alerts)),
        values={
            "id": lambda alert: alert.id,
            "name": lambda alert: alert.name,
            "type": lambda alert: str(alert.type),
        },
        keyword=lambda alert: [alert.description],
    )
    return call.rows("alert", chosen, lambda alert: asdict(alert) | {"sent": call.world.stamp(alert.sent)})


# -- health checks


@command("getRouterHealthCheckResults", ids="router systemvm")
def get_router_health_check_results(call: Call) -> str:
    world = call.world
    router = call.objects["routerid"]
    if not isinstance(router, Router) or router.removed is not None:
        raise unknown_value(call.command.name, "routerid", router.id)
    if not world.setting_is_true("router.health.checks.enabled", router.zone):
        raise no_results(f"Router health checks are not enabled for router: {router.name}")
    if call.flag("performfreshchecks"):
        reason = None
        if not checks.can_be_asked(router):
            reason = "Basic tests results unavailable"
        elif router.hypervisor == "Simulator":
            reason = f"Basic tests failed - {checks.UNSUPPORTED}"
        else:
            checks.fetch(world, router)
        if reason is not None:
            raise no_results(f"Unable to perform fresh checks on router - {reason}")
    if router.health is None:
        raise no_results(
            "No health check results found for the router. This could happen for a newly created router. "
            "Please wait for periodic results to populate or manually call for checks to execute."
        )
    return dump({"routerhealthchecks": {"routerid": router.id, "healthchecks": results(call, router)}})


def no_results(reason: str) -> ApiError:
    return ApiError(INTERNAL, f"Failed to get health check results due to: {reason}")


def results(call: Call, router: Router) -> list[dict[str, Any]]:
    health, world = router.health, call.world
    assert health is not None
    # Connectivity and file system are the server's own tests, always new.
    rows = [(name, "SUCCESS", health.at, "") for name in checks.BASIC]
    if router.hypervisor == "Simulator":
        # As recorded: such hosts cannot be asked.
        details = f"Failed to fetch results with details: {checks.UNSUPPORTED}"
        states = zip(checks.BASIC, ("FAILED", "UNKNOWN"), strict=True)
        rows = [(name, status, health.at, details) for name, status in states]
    elif health.ran is not None and health.scripts is not None:
        found = dict.fromkeys(checks.RUN, "SUCCESS") | health.failing
        # Those of older scripts are written as true and false, which this server cannot read.
        readable = within(health.scripts, versions.HEALTH_STATUS.spans) or not world.does(versions.HEALTH_STATUS)
        rows += [
            (name, status if readable else "UNKNOWN", health.ran, f"{name} fails" if name in health.failing else "")
            for name, status in found.items()
        ]
    has_status = world.does(versions.HEALTH_STATUS)
    return [
        {
            "checkname": name,
            "checktype": "basic" if name in (*checks.BASIC, *checks.RUN) else "advanced",
            "success": status == "SUCCESS",
            **({"status": status} if has_status else {}),
            "lastupdated": world.stamp(at),
            "details": details,
        }
        for name, status, at, details in rows
    ]


# -- diagnostics

DIAGNOSTICS = "org.apache.cloudstack.api.command.admin.diagnostics"


@command("runDiagnostics", "targetid!:uuid type! ipaddress! params", isasync=True)
def run_diagnostics(call: Call) -> str:
    vm = target(call)
    asked, address = call.params["type"].lower(), call.params["ipaddress"]

    async def work(job: Job) -> JobResult:
        await call.world.timings.pause("restart")
        fault = strike(call.world, {"ping_fails"}, call.command.name, vm) if asked == "ping" else None
        text = f"{asked.upper()} {address} executed in {vm.name}"
        if asked == "ping" and vm.hypervisor != "Simulator":
            text = ping(address, lost=fault is not None)
        # The job succeeds, whatever comes of the command.
        stdout = text if fault is None else fault.options.get("text", text)
        return {"diagnostics": {"stdout": stdout, "stderr": "", "exitcode": "0" if fault is None else "1"}}

    return diagnostics_job(call, vm, "RunDiagnosticsCmd", work)


def ping(address: str, lost: bool) -> str:
    """What ping -c 4 writes, whose summary is all that matters."""
    figures = "4 packets transmitted, 0 received, 100% packet loss, time 3059ms"
    if not lost:
        figures = "4 packets transmitted, 4 received, 0% packet loss, time 3004ms"
        figures += "\nrtt min/avg/max/mdev = 0.311/0.352/0.402/0.034 ms"
    return f"PING {address} ({address}) 56(84) bytes of data.\n\n--- {address} ping statistics ---\n{figures}"


@command("getDiagnosticsData", "targetid!:uuid files", isasync=True)
def get_diagnostics_data(call: Call) -> str:
    vm = target(call)

    async def work(job: Job) -> JobResult:
        zone = dump({"id": str(vm.zone.nr), "name": vm.zone.name, "uuid": vm.zone.id})
        raise ApiError(INTERNAL, f"No suitable secondary storage found to retrieve diagnostics in Zone: Zone {zone}")

    return diagnostics_job(call, vm, "GetDiagnosticsDataCmd", work)


def target(call: Call) -> Vm:
    vm = call.objects["targetid"]
    if not isinstance(vm, Vm) or vm.removed is not None or vm.state != "Running":
        raise invalid("Unable to find a running system VM to diagnose")
    return vm


def diagnostics_job(call: Call, vm: Vm, java_class: str, work: Any) -> str:
    kind = "DomainRouter"
    if isinstance(vm, SystemVm):
        kind = "ConsoleProxy" if vm.type == CPVM else "SystemVm"
    plan = EventPlan(
        "SYSTEM.VM.DIAGNOSTICS",
        f"Executing diagnostics on system vm: {vm.id}",
        call.world.caller,
        (vm.id, kind, vm.name),
    )
    job = call.jobs.submit(
        call.command.name,
        f"{DIAGNOSTICS}.{java_class}",
        work,
        target=vm,
        plan=plan,
        instance_type=kind,
        instance_id=vm.id,
        custom_id=call.custom_job_id,
    )
    return dump({"jobid": job.id})
