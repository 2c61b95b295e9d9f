# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gets a new disk, and the checks that it has to pass; the findings of the audit are named where they are met."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Capacity,
    Cloud,
    Host,
    ImageStore,
    Offering,
    Settings,
    StoragePool,
    Template,
    Zone,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Kind,
    Method,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.rollout import LIMITS
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.catalogue import CHECKS
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import (
    CheckContext,
    CheckStatus,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.new_disks import new_disks
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan import decide_all
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Verdict
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.templates import new_template
from tests.unit.builders import (
    TARGET,
    estate,
    make_policy,
    network_unit,
    settings,
    system_vm_unit,
    version,
    vm,
    vpc_unit,
)

OLD = version("4.20.1.0")


def template(name: str = "systemvm-4.22.0", **more: Any) -> Template:
    facts: dict[str, Any] = {"ready": True, "arch": "x86_64", "created": "2026", "hypervisor": "KVM"} | more
    return Template(f"id-{name}-{facts['arch']}", name, "id-zone", **facts)


def host(
    name: str = "h1",
    hypervisor: str = "KVM",
    agent: Any = TARGET,
    arch: str | None = "x86_64",
    *,
    state: str = "Up",
    tags: tuple[str, ...] | None = (),
    **more: Any,
) -> Host:
    known = None if tags is None else frozenset(tags)
    return Host(f"id-{name}", name, "id-zone", hypervisor, agent, state, "Enabled", arch, tags=known, **more)


def zone(**values: str) -> Zone:
    known = {name.replace("_", "."): value for name, value in values.items()}
    return Zone("id-zone", "zone", True, router_templates={"kvm": "systemvm-4.22.0"}, settings=Settings(known))


def internal_lb(**more: Any) -> Unit:
    one = vm("lb", internal_lb=True, network_id="id-tier", root_template_id="id-old", next_template_id="id-x", **more)
    return Unit(one.id, one.name, Kind.INTERNAL_LB, "id-zone", "zone", one.owner, (one,))


def ssvm(**more: Any) -> Unit:
    return system_vm_unit(vm("s-1", Kind.SSVM, built_from="4.11", **more))


def cpvm() -> Unit:
    return system_vm_unit(vm("v-2", Kind.CPVM, built_from="4.11"))


WEB = network_unit("web", vm("r-web", built_from="4.11", offering_id="id-offering"))
PATCHED = network_unit("patched")
EMPTY_VPC = vpc_unit("empty", tiers=0)
RECREATE = {"unsupported": True}
SMALL = {"offerings": {"id-offering": Offering("small", 256)}}
OLD_TEMPLATE = {
    "templates": (template("systemvm-4.19.1"),),
    "servers": ("4.19.3.0",),
    "zones": (replace(zone(), router_templates={"kvm": "systemvm-4.19.1"}),),
    "hosts": (host(agent=version("4.19.3.0")),),
}
LATER = template("systemvm-4.22.1", created="2027", ready=False)
FULL = ImageStore("full", "id-zone", read_only=False, total=100, used=95)
READ_ONLY = ImageStore("old", "id-zone", read_only=True)
XEN = host("x1", "XenServer", None)

PARALLEL = LIMITS["parallel"].default


def no_addresses(free: int = 0) -> dict[str, Any]:
    return {"capacities": (Capacity("id-zone", "PRIVATE_IP", free),)}


def vmware(free: int) -> dict[str, Any]:
    """A zone of VMware with so many addresses left in its pods."""
    return {
        **no_addresses(free),
        "hosts": (host("v1", "VMware", None),),
        "templates": (template(hypervisor="VMware"),),
        "zones": (replace(zone(), router_templates={"vmware": "systemvm-4.22.0"}),),
    }


def newest_elsewhere(server: str) -> dict[str, Any]:
    """The newest SYSTEM template is one for VMware, and in another zone only."""
    other = replace(template("vmware", hypervisor="VMware", created="2027"), zone_id="id-other")
    return {"servers": (server,), "templates": (template(), other)}


def old_routers(number: int) -> tuple[Unit, ...]:
    """That can only be recreated."""
    return tuple(network_unit(f"w{n}", vm(f"r-w{n}", built_from="4.11", hypervisor="VMware")) for n in range(number))


OLD_WEB = network_unit("web", vm("r-web", built_from="4.11", software="4.17.2.0"))
OLD_SSVM = system_vm_unit(vm("s-1", Kind.SSVM, built_from="4.11", software="4.17.2.0"))
VMWARE: dict[str, Any] = {"hosts": (host(), host("v1", "VMware", None, state="Maintenance")), "servers": ("4.18.1.0",)}
BEFORE_4_18_1 = {**VMWARE, "servers": ("4.18.0.0",)}
DISABLED = {"hosts": (host(cluster_id="id-cluster", pod_id="id-pod"),), "disabled_places": frozenset({"id-cluster"})}
ON_DISABLED = "allow.router.on.disabled.resources"
TAGGED = {"offerings": {"id-offering": Offering("routers", 512, host_tags=frozenset({"edge", "ssd"}))}}
FAST = {"offerings": {"id-offering": Offering("fast", 512, storage_tags=frozenset({"nvme"}))}}


def system_vm(state: str, kind: Kind) -> Unit:
    return system_vm_unit(vm("x-9", kind, state=state, zone_id="id-other", zone="other"))


Case = tuple[str, CheckStatus, str, tuple[Unit, ...], dict[str, Any], dict[str, Any]]
CASES: list[Case] = [
    # a start with a new disk
    ("new_template", CheckStatus.FAIL, "is not in zone zone", (internal_lb(),), {}, {}),
    ("new_template", CheckStatus.FAIL, "not ready", (internal_lb(),), {}, {"templates": (replace(LATER, id="id-x"),)}),
    ("room_for_new_vms", CheckStatus.FAIL, "no KVM host", (internal_lb(),), {}, {"hosts": ()}),
    # a host with an old agent pushes its old scripts into what is made there
    ("host_agents", CheckStatus.FAIL, "h1 4.20.1.0", (WEB,), RECREATE, {"hosts": (host(agent=OLD),)}),
    ("host_agents", CheckStatus.WARN, "h1 4.20.1.0", (PATCHED,), {}, {"hosts": (host(agent=OLD),)}),
    ("host_agents", CheckStatus.FAIL, "h1", (PATCHED,), {"fallback": True}, {"hosts": (host(agent=OLD),)}),
    # an SSVM that could not come back
    ("image_store", CheckStatus.FAIL, "writable", (ssvm(),), RECREATE, {"image_stores": (READ_ONLY,)}),
    ("image_store", CheckStatus.FAIL, "used to 90%", (ssvm(),), RECREATE, {"image_stores": (FULL, READ_ONLY)}),
    (
        "image_store",
        CheckStatus.OK,
        "",
        (ssvm(),),
        RECREATE,
        {"image_stores": (FULL,), "settings": settings({"secondary.storage.capacity.threshold": "0.96"})},
    ),
    ("image_store", CheckStatus.OK, "", (ssvm(),), RECREATE, {"image_stores": (FULL, ImageStore("all", None, False))}),
    ("image_store", CheckStatus.OK, "", (cpvm(),), RECREATE, {"image_stores": ()}),
    (
        "primary_storage",
        CheckStatus.FAIL,
        "no local",
        (ssvm(),),
        RECREATE,
        {"zones": (zone(system_vm_use_local_storage="true"),)},
    ),
    (
        "primary_storage",
        CheckStatus.FAIL,
        "no shared",
        (WEB,),
        RECREATE,
        {
            "storage_pools": (
                StoragePool("disk", "id-zone", "Up", "HOST"),
                StoragePool("p", "id-zone", "Maintenance", "ZONE"),
            )
        },
    ),
    ("primary_storage", CheckStatus.OK, "", (WEB,), RECREATE, {}),
    (
        "capacity_scan",
        CheckStatus.FAIL,
        "zone zone",
        (cpvm(),),
        RECREATE,
        {"zones": (zone(consoleproxy_restart="false"),)},
    ),
    (
        "capacity_scan",
        CheckStatus.OK,
        "",
        (cpvm(),),
        RECREATE,
        {"zones": (zone(consoleproxy_restart="true"),), "settings": settings({"consoleproxy.restart": "false"})},
    ),
    # the new VM may be of another hypervisor or architecture than the old one
    ("new_template", CheckStatus.FAIL, "for XenServer", (ssvm(),), RECREATE, {"hosts": (host(), XEN)}),
    (
        "new_template",
        CheckStatus.OK,
        "",
        (ssvm(),),
        RECREATE,
        {"hosts": (host(), XEN), "settings": settings({"system.vm.default.hypervisor": "KVM"})},
    ),
    ("new_template", CheckStatus.FAIL, "on aarch64", (ssvm(),), RECREATE, {"hosts": (host(arch="aarch64"),)}),
    (
        "new_template",
        CheckStatus.OK,
        "",
        (ssvm(),),
        RECREATE,
        {"hosts": (host(arch="aarch64"),), "templates": (template(), template(arch="aarch64"))},
    ),
    (
        "room_for_new_vms",
        CheckStatus.FAIL,
        "which is for x86_64",
        (WEB,),
        RECREATE,
        {"hosts": (replace(host(), state="Down"), host("h2", arch="aarch64"))},
    ),
    # before 4.20 the stock router offering has 256 MiB, and that is enough
    ("offerings", CheckStatus.OK, "", (WEB,), RECREATE, {**SMALL, **OLD_TEMPLATE}),
    ("offerings", CheckStatus.FAIL, "256 MiB of 512 MiB", (WEB,), RECREATE, SMALL),
    # a router keeps its public address
    (
        "room_for_new_vms",
        CheckStatus.OK,
        "",
        (WEB, ssvm()),
        RECREATE,
        {"capacities": (Capacity("id-zone", "VIRTUAL_NETWORK_PUBLIC_IP", 0),)},
    ),
    # On VMware and Hyper-V a router's control network is the pod's, on KVM it is link-local.
    ("room_for_new_vms", CheckStatus.OK, "", (WEB,), RECREATE, {"capacities": (Capacity("id-zone", "PRIVATE_IP", 0),)}),
    ("room_for_new_vms", CheckStatus.FAIL, "no PRIVATE_IP left for one more VM", (ssvm(),), RECREATE, no_addresses()),
    ("room_for_new_vms", CheckStatus.FAIL, "no PRIVATE_IP left for one more VM", old_routers(1), RECREATE, vmware(0)),
    ("room_for_new_vms", CheckStatus.OK, "", old_routers(1), RECREATE, vmware(1)),
    (
        "room_for_new_vms",
        CheckStatus.FAIL,
        "only 1 PRIVATE_IP left for 3 more VMs",
        old_routers(3),
        RECREATE,
        vmware(1),
    ),
    ("room_for_new_vms", CheckStatus.OK, "", old_routers(40), RECREATE, vmware(PARALLEL)),
    ("room_for_new_vms", CheckStatus.OK, "", (network_unit("p", vm("w", hypervisor="VMware")),), {}, vmware(0)),
    # a ROUTING template is the documented way to change the routers' template
    ("new_template", CheckStatus.OK, "", (WEB,), RECREATE, {"templates": (template(type="ROUTING"),)}),
    # the newest template that is ready counts, and that of system VMs is not that of routers
    ("new_template", CheckStatus.WARN, "systemvm-4.22.1", (ssvm(),), RECREATE, {"templates": (template(), LATER)}),
    ("new_template", CheckStatus.OK, "", (WEB,), RECREATE, {"templates": (template(), LATER)}),
    (
        "new_template",
        CheckStatus.FAIL,
        "systemvm-4.22.1",
        (ssvm(),),
        RECREATE,
        {"templates": (template("systemvm-4.18.1", created="2025"), LATER)},
    ),
    (
        "new_template",
        CheckStatus.FAIL,
        "older than the minimum",
        (WEB,),
        RECREATE,
        {"zones": (replace(zone(), minimum_version=version("4.22.1")),)},
    ),
    ("system_vms_present", CheckStatus.OK, "", (ssvm(),), {}, {"zones": (zone(enable_consoleproxy_vm="false"),)}),
    ("system_vms_present", CheckStatus.OK, "", (), {}, {"hosts": (host("ext", "External", None),)}),
    # In a zone that was added later older servers list no SYSTEM template, although it may be there (8395).
    (
        "new_template",
        CheckStatus.WARN,
        "added later",
        (OLD_SSVM,),
        RECREATE,
        {"servers": ("4.18.2.5",), "templates": ()},
    ),
    ("new_template", CheckStatus.FAIL, "no SYSTEM", (OLD_SSVM,), RECREATE, {"servers": ("4.19.3.0",), "templates": ()}),
    # Until 4.20.0 a zone that lacks the newest template of any hypervisor gets no SSVM and CPVM; routers it gets.
    ("new_template", CheckStatus.FAIL, "makes no SSVM", (OLD_SSVM,), RECREATE, newest_elsewhere("4.20.0.0")),
    ("new_template", CheckStatus.OK, "", (OLD_WEB,), RECREATE, newest_elsewhere("4.20.0.0")),
    ("new_template", CheckStatus.OK, "", (OLD_SSVM,), RECREATE, newest_elsewhere("4.20.1.0")),
    # another address of a console proxy with a fixed name
    (
        "console_domain",
        CheckStatus.WARN,
        "fixed name",
        (cpvm(),),
        RECREATE,
        {"zones": (zone(consoleproxy_url_domain="c.example"),)},
    ),
    (
        "console_domain",
        CheckStatus.OK,
        "",
        (cpvm(),),
        RECREATE,
        {"zones": (zone(consoleproxy_url_domain="*.example"),)},
    ),
    # A router is put on the next hypervisor where one has no host, since 4.18.1; a system VM gets one by chance.
    ("room_for_new_vms", CheckStatus.OK, "", (OLD_WEB,), RECREATE, VMWARE),
    ("new_template", CheckStatus.OK, "", (OLD_WEB,), RECREATE, VMWARE),
    ("room_for_new_vms", CheckStatus.FAIL, "no VMware host", (OLD_WEB,), RECREATE, BEFORE_4_18_1),
    ("room_for_new_vms", CheckStatus.FAIL, "no VMware host", (OLD_SSVM,), RECREATE, VMWARE),
    (
        "room_for_new_vms",
        CheckStatus.FAIL,
        "no VMware host",
        (OLD_WEB,),
        RECREATE,
        {**VMWARE, "settings": settings({"system.vm.default.hypervisor": "VMware"})},
    ),
    ("room_for_new_vms", CheckStatus.FAIL, "no KVM host", (WEB,), RECREATE, {"hosts": (host(state="Down"),)}),
    # Hosts of a disabled cluster or pod
    ("room_for_new_vms", CheckStatus.FAIL, "in a cluster or pod that is Disabled", (WEB,), RECREATE, DISABLED),
    (
        "room_for_new_vms",
        CheckStatus.FAIL,
        "Disabled",
        (ssvm(),),
        RECREATE,
        {**DISABLED, "disabled_places": {"id-pod"}},
    ),
    ("room_for_new_vms", CheckStatus.OK, "", (WEB,), RECREATE, {**DISABLED, "disabled_places": {"id-other"}}),
    (
        "room_for_new_vms",
        CheckStatus.OK,
        "",
        (WEB,),
        RECREATE,
        {**DISABLED, "settings": settings({ON_DISABLED: "true"})},
    ),
    ("room_for_new_vms", CheckStatus.WARN, "listClusters", (WEB,), RECREATE, {**DISABLED, "disabled_places": None}),
    # Tags of the system offering
    (
        "room_for_new_vms",
        CheckStatus.FAIL,
        "tags edge, ssd",
        (WEB,),
        RECREATE,
        {**TAGGED, "hosts": (host(tags=("edge",)),)},
    ),
    (
        "room_for_new_vms",
        CheckStatus.OK,
        "",
        (WEB,),
        RECREATE,
        {**TAGGED, "hosts": (host(), host("h2", tags=("ssd", "x", "edge")))},
    ),
    (
        "room_for_new_vms",
        CheckStatus.FAIL,
        "tags edge, ssd",
        (WEB,),
        RECREATE,
        {**TAGGED, "hosts": (host(), host("h2", tags=("ssd", "edge"), state="Down"))},
    ),
    ("room_for_new_vms", CheckStatus.OK, "", (WEB,), RECREATE, {**TAGGED, "hosts": (host(tags=None),)}),  # by a rule
    ("primary_storage", CheckStatus.FAIL, "tags nvme", (WEB,), RECREATE, FAST),
    (
        "primary_storage",
        CheckStatus.OK,
        "",
        (WEB,),
        RECREATE,
        {**FAST, "storage_pools": (StoragePool("p", "id-zone", "Up", "ZONE", tags=frozenset({"nvme"})),)},
    ),
    (
        "primary_storage",
        CheckStatus.OK,
        "",
        (WEB,),
        RECREATE,
        {**FAST, "storage_pools": (StoragePool("p", "id-zone", "Up", "ZONE", tags=None),)},
    ),
    # What holds up the scan in all zones, each sort of VM its own
    (
        "capacity_scan",
        CheckStatus.FAIL,
        "x-9 is Starting",
        (cpvm(),),
        RECREATE,
        {"also": system_vm("Starting", Kind.CPVM)},
    ),
    (
        "capacity_scan",
        CheckStatus.FAIL,
        "x-9 is Stopping",
        (cpvm(),),
        RECREATE,
        {"also": system_vm("Stopping", Kind.CPVM)},
    ),
    (
        "capacity_scan",
        CheckStatus.FAIL,
        "x-9 is Stopping",
        (ssvm(),),
        RECREATE,
        {"also": system_vm("Stopping", Kind.SSVM)},
    ),
    ("capacity_scan", CheckStatus.OK, "", (ssvm(),), RECREATE, {"also": system_vm("Starting", Kind.SSVM)}),
    ("capacity_scan", CheckStatus.OK, "", (ssvm(),), RECREATE, {"also": system_vm("Stopping", Kind.CPVM)}),
    ("capacity_scan", CheckStatus.OK, "", (cpvm(),), RECREATE, {"also": system_vm("Stopping", Kind.SSVM)}),
]


@pytest.mark.parametrize(("name", "status", "words", "units", "wanted", "facts"), CASES)
def test_check(
    name: str, status: CheckStatus, words: str, units: tuple[Unit, ...], wanted: dict[str, Any], facts: dict[str, Any]
) -> None:
    policy, facts = make_policy(**wanted), {**facts}
    others = [facts.pop("also")] if "also" in facts else []  # out of scope
    cloud = estate(*units, *others, **{"hosts": (host(),), "templates": (template(),), "zones": (zone(),), **facts})
    answer = next(check for check in CHECKS if check.name == name).ask(
        CheckContext(cloud, decide_all(cloud, units, policy), policy)
    )
    assert answer.status is status, answer
    assert words in answer.seen
    assert answer.status is CheckStatus.OK or answer.remedy


def test_where_a_system_vm_may_get_a_hypervisor_without_hosts_it_says_what_to_do() -> None:
    cloud = estate(OLD_SSVM, templates=(template(), template(hypervisor="VMware")), zones=(zone(),), **VMWARE)
    answer = next(check for check in CHECKS if check.name == "room_for_new_vms").ask(
        CheckContext(cloud, [(OLD_SSVM, Verdict(Method.RECREATE, ""))], make_policy())
    )
    assert "system.vm.default.hypervisor" in answer.remedy and "KVM" in answer.remedy


STOPPED_ROUTER = network_unit("n", vm("r-1", state="Stopped", root_template_id="a", next_template_id="b"))
SAME_DISK = network_unit("n", vm("r-1", root_template_id="a", next_template_id="a"))


@pytest.mark.parametrize(
    ("unit", "method", "fallback", "expected"),
    [
        (WEB, Method.RECREATE, False, 1),
        (WEB, Method.LIVE_PATCH, False, 0),
        (WEB, Method.LIVE_PATCH, True, 1),
        (WEB, Method.SKIP, True, 0),
        (STOPPED_ROUTER, Method.RESTART, False, 1),
        (STOPPED_ROUTER, Method.LIVE_PATCH, False, 1),
        (SAME_DISK, Method.RESTART, False, 0),
        (internal_lb(), Method.RESTART, False, 1),
    ],
)
def test_what_gets_a_new_disk(unit: Unit, method: Method, fallback: bool, expected: int) -> None:
    assert len(new_disks(estate(unit), [(unit, Verdict(method, ""))], fallback=fallback)) == expected


def cloud_of(*templates: Template, hosts: tuple[Host, ...] = (host(),), name: str | None = None) -> Cloud:
    where = replace(zone(), router_templates={"kvm": name} if name else {})
    return estate(templates=templates, hosts=hosts, zones=(where,))


def test_of_routers_a_routing_template_wins_and_of_system_vms_none_counts() -> None:
    cloud = cloud_of(template("own", type="ROUTING"), template("own", arch="s390x"), name="own")
    assert new_template(cloud, "id-zone", "KVM", for_routers=True).ids == {"id-own-x86_64"}
    assert new_template(cloud, "id-zone", "KVM", for_routers=False).ids == frozenset()


def test_each_architecture_that_has_hosts_has_its_newest() -> None:
    templates = (
        template("a"),
        template("b", created="2027"),
        template("c", arch="aarch64"),
        template("d", arch="s390x"),
    )
    cloud = cloud_of(*templates, hosts=(host(), host("h2", arch="aarch64")))
    assert new_template(cloud, "id-zone", "KVM", for_routers=False).ids == {"id-b-x86_64", "id-c-aarch64"}


def test_a_vm_is_of_the_new_template_by_its_disk_or_else_by_its_version() -> None:
    made = new_template(cloud_of(template()), "id-zone", "KVM", for_routers=False)

    def one(**more: Any) -> Vm:
        return vm("s", Kind.SSVM, **more)

    assert made.carries(one(root_template_id="id-systemvm-4.22.0-x86_64"))
    assert not made.carries(one(root_template_id="id-other", built_from="4.22.0"))
    assert made.carries(one(built_from="4.22.0"))


def test_what_guards_data_cannot_be_ignored() -> None:
    assert all(check.guards for check in CHECKS if check.new_disks)


def test_beside_a_stopped_ssvm_none_is_made_if_no_capacity_is_reserved() -> None:
    check = next(check for check in CHECKS if check.name == "capacity_scan")
    stopped = system_vm_unit(vm("s-9", Kind.SSVM, state="Stopped"))
    cloud = estate(ssvm(), stopped, settings=settings({"system.vm.auto.reserve.capacity": "false"}))
    answer = check.ask(CheckContext(cloud, [(ssvm(), Verdict(Method.RECREATE, ""))], make_policy()))
    assert answer.status is CheckStatus.FAIL
    assert "s-9 of zone zone is Stopped" in answer.seen
