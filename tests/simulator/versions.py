# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which versions of the server something is so: its behaviour, commands, parameters, keys of answers and settings.

The one table of all that differs. Versions are spans: "4.17.0" from that one on; "4.19.3-4.20.0 4.20.1" from 4.19.3 to
before 4.20.0, and again from 4.20.1 on, which is how something came into two branches.

Each is that of the server's source at the commit that brought the thing (CloudStack's git history; for keys that of
api/src/main/java/org/apache/cloudstack/api/response), which is now and then older than what its documentation says.
tests/contract holds it against recordings of 4.17.2.0, 4.18.2.5, 4.19.3.0, 4.20.2.0, 4.21.0.0 and 4.22. Parameters of
the commands that recorded/apis.json describes have theirs there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tests.simulator.identity import parse_version


@dataclass(frozen=True)
class Behaviour:
    """Something that servers do in some versions and not in others; source: class or pull request."""

    spans: str
    what: str
    source: str


ROLLING_RESTART = Behaviour("4.11.1", "network.rolling.restart replaces routers one by one", "#2508")
PATCHES = Behaviour("4.17.0", "a router's software is told apart from its template", "DomainRouterJoinDaoImpl, #4940")
MEMORY_RAISED = Behaviour("4.20.0", "routers' own offerings have 512 MiB", "schema-41910to42000.sql")
VERSION_HIDDEN = Behaviour("4.21.0", "listCapabilities hides the version unless a setting shows it", "#11083")
TIER_PATCHES_VPC = Behaviour("4.18.2", "a tier's live patch is of its VPC's routers, whatever its state", "#7958")
ASYNC_ANSWERS = Behaviour("4.17.0", "a job that ends at once does not lose its submission's answer", "ApiServer")
NO_PSEUDO_JOBS = Behaviour("4.17.1", "listAsyncJobs leaves out the threads that wait for a VM", "AsyncJobJoinDao")
SHUTDOWN_530 = Behaviour("4.19.0-4.21.0", "while it prepares to shut down a server takes no new jobs: 530", "#6755")
SHUTDOWN_503 = Behaviour("4.21.0", "the same, 503", "#10417")
RESTARTS_SURVIVE = Behaviour("4.21.0", "restarts under way go on then", "#10417")
SCAN_BY_ARCH = Behaviour("4.20.1", "a new SSVM or CPVM may have any architecture", "findSystemVMReadyTemplates")
TEMPLATES_OF_NEW_ZONES = Behaviour("4.19.1", "SYSTEM templates show in zones that were added later", "#8395")
MAKEREDUNDANT = Behaviour("4.19.3-4.20.0 4.20.1", "makeredundant needs an offering that has it", "#10612")
TIERLESS_UNKNOWN = Behaviour("4.20.2-4.21.0 4.22.0", "a redundant VPC without tiers is UNKNOWN", "#11518")
PRETTY_PATHS = Behaviour("4.22.0", "domainpath is ROOT/a/b and not /a/b/", "ApiResponseHelper.getPrettyDomainPath")
HYPERVISOR_OF_STOPPED = Behaviour("4.17.1-4.19.0", "a router without a host shows its hypervisor", "domain_router_view")
ARCH_IN_NAMES = Behaviour("4.20.0", "names of templates end with their architecture", "templateConfig.sh")
EVENTS_UNORDERED = Behaviour("4.19.1", "a page of events is not in the order of their age", "QueryManagerImpl")
EVENTS_CAPITAL = Behaviour("4.19.1", "a Started event begins with a capital letter", "ActionEventInterceptor")
JOBS_NAME_SERVERS = Behaviour("4.21.0", "a job has its server's id and not its number", "AsyncJobResponse")
JOB_CODES = Behaviour(
    "4.18.1", "a failed job's jobresultcode is its errorcode, not always 530", "ApiAsyncJobDispatcher, #7687"
)
CHECKSUM_SUFFICES = Behaviour(
    "4.17.0", "a router below the minimum takes rules with the server's checksum", "NetworkHelper"
)
OLD_DISKS_GO = Behaviour("4.19.1", "a start on a new disk leaves no old one beside it", "VolumeOrchestrator, #9197")
HEALTH_STATUS = Behaviour("4.22.0", "a health check's result may be neither true nor false", "#10710")
DATES_HAVE_TIMES = Behaviour("4.18.0", "a date with T and a zone is not cut to midnight", "ParamProcessWorker")
NETWORKS_OF_ALL = Behaviour("4.22.0", "listNetworks projectid=-1 lists networks of accounts, too", "#11767")
DOMAIN_NETWORKS = Behaviour("4.17.1", "listNetworks projectid=-1 lists networks of domains", "NetworkServiceImpl")
NETWORKS_IN_ONE_QUERY = Behaviour(
    "4.19.1", "networks of accounts and domains are sorted together", "NetworkServiceImpl"
)
NETWORK_IDS = Behaviour("4.19.3-4.20.0 4.20.1", "an unknown id of a network is refused", "NetworkResponse, #10563")

COMMANDS = {
    "listManagementServers": "4.12.0",
    "runDiagnostics": "4.12.0",
    "getDiagnosticsData": "4.14.0",
    "getRouterHealthCheckResults": "4.14.0",
    "updateImageStore": "4.15.0",
    "listIpv6FirewallRules": "4.17.0",
    "patchSystemVm": "4.17.0",
    "listSharedFileSystems": "4.20.0",
    "restartSharedFileSystem": "4.20.0",
    "listConsoleSessions": "4.21.0",
}
PARAMETERS = {
    "listEvents": {"resourceid": "4.17.0", "resourcetype": "4.17.0", "archived": "4.19.0", "state": "4.21.0"},
    "listImageStores": {"readonly": "4.15.0"},
    "listNetworks": {"retrieveonlyresourcecount": "4.19.0"},
    "listVolumes": {"retrieveonlyresourcecount": "4.19.0"},
    "listServiceOfferings": {"account": "4.18.0", "projectid": "4.18.0"},
    "listStoragePools": {"status": "4.18.0"},
    "createRole": {"ispublic": "4.19.0"},
    "listPublicIpAddresses": {"forsystemvms": "4.20.0", "forprovider": "4.21.0"},
}
# Of the package that a host delivers, not of the server.
KEYTOOL_PRINTS = Behaviour("4.19.2-4.20.0 4.20.1-4.20.2 4.21.0-4.22.0", "a patch hides its new checksum", "#10962")
INSTALLS_PACKAGES = Behaviour("4.20.0", "the first patch of an older template installs Debian packages", "#8497")
NEEDS_NEW_PYTHON = Behaviour("4.22.0", "monitorServices.py does not run on templates before 4.20", "#10710")

KEYS: Mapping[str, Mapping[str, str]] = {
    "managementserver": {
        **dict.fromkeys(("javadistribution", "javaversion", "osdistribution", "lastboottime"), "4.17.0"),
        **dict.fromkeys(("lastserverstart", "lastserverstop"), "4.17.0"),
        "serviceip": "4.18.1",
        "ipaddress": "4.20.1",
        **dict.fromkeys(("agents", "agentscount", "lastagents", "pendingjobscount"), "4.21.0"),
    },
    "systemvm": {
        **dict.fromkeys(("agentstate", "version", "disconnected"), "4.13.1"),
        **dict.fromkeys(("podname", "templatename"), "4.13.2"),
        "isdynamicallyscalable": "4.16.0",
        "hostcontrolstate": "4.18.0",
        **dict.fromkeys(("serviceofferingid", "serviceofferingname"), "4.19.0"),
        "arch": "4.20.1",
    },
    # Internal load balancer VMs, too.
    "router": {
        **dict.fromkeys(("podname", "templatename"), "4.13.2"),
        **dict.fromkeys(("healthchecksfailed", "healthcheckresults"), "4.14.0"),
        "softwareversion": "4.17.0",
        "hostcontrolstate": "4.18.0",
        "domainpath": "4.19.2",
        "arch": "4.20.1",
    },
    "nic": {"mtu": "4.18.0"},
    "network": {
        "details": "4.13.0",
        "vpcname": "4.15.0",
        **dict.fromkeys(("created", "receivedbytes", "sentbytes"), "4.16.0"),
        "egressdefaultpolicy": "4.17.0",
        **dict.fromkeys(("privatemtu", "publicmtu", "supportsvmautoscaling"), "4.18.0"),
        "specifyvlan": "4.19.0",
        "domainpath": "4.19.2",
    },
    "vpc": {"vpcofferingname": "4.13.2", "publicmtu": "4.18.0", "domainpath": "4.19.2"},
    "zone": {
        **dict.fromkeys(("allowuserspecifyvrmtu", "type"), "4.18.0"),
        **dict.fromkeys(("routerprivateinterfacemaxmtu", "routerpublicinterfacemaxmtu"), "4.18.0"),
        **dict.fromkeys(("asnrange", "ismultiarch", "isnsxenabled"), "4.20.0"),
        "routedmodeenabled": "4.20.1",
        **dict.fromkeys(("gputotal", "gpuused"), "4.21.0"),
    },
    "cluster": {"arch": "4.20.0"},
    "host": {
        **dict.fromkeys(("cpuloadaverage", "ueficapability"), "4.14.0"),
        **dict.fromkeys(("cpuallocatedvalue", "cpuallocatedpercentage", "cpuallocatedwithoverprovisioning"), "4.14.1"),
        **dict.fromkeys(("memoryallocatedbytes", "memoryallocatedpercentage"), "4.14.1"),
        "arch": "4.20.0",
        **dict.fromkeys(("gputotal", "gpuused", "managementservername", "virtualmachineid"), "4.21.0"),
    },
    "template": {
        "requireshvm": "4.12.0",
        "url": "4.14.1",
        **dict.fromkeys(("deployasis", "downloaddetails"), "4.15.0"),
        "domainpath": "4.19.2",
        "arch": "4.20.0",
        "forcks": "4.21.0",
    },
    "virtualmachine": {"domainpath": "4.19.2", "vmtype": "4.20.0", "arch": "4.20.1"},
    "volume": {
        "supportsstoragesnapshot": "4.16.0",
        "vmtype": "4.18.0",
        "domainpath": "4.19.2",
        "deleteprotection": "4.20.0",
    },
    "imagestore": {"readonly": "4.15.0"},
    "storagepool": {
        "istagarule": "4.19.0",
        "managed": "4.19.2",
        **dict.fromkeys(("capacityiops", "usediops"), "4.20.1"),
        "details": "4.21.0",
        "capacitybytes": "4.22.0",
    },
    "serviceoffering": {
        "rootdisksize": "4.15.0",
        "dynamicscalingenabled": "4.16.0",
        "diskofferingstrictness": "4.17.0",
        **dict.fromkeys(("diskofferingid", "diskofferingname"), "4.21.0"),
        "encryptroot": "4.18.0",
        "state": "4.19.1",
    },
    "networkoffering": {
        "internetprotocol": "4.17.0",
        "fortungsten": "4.18.0",
        **dict.fromkeys(("networkmode", "specifyasnumber", "fornsx", "supportsinternallb"), "4.20.0"),
    },
    "configuration": {
        "isdynamic": "4.14.0",
        **dict.fromkeys(("component", "defaultvalue", "displaytext", "group", "options", "parent"), "4.18.0"),
        **dict.fromkeys(("subgroup", "type"), "4.18.0"),
    },
    "event": {
        **dict.fromkeys(("resourceid", "resourcename", "resourcetype"), "4.17.0"),
        "domainpath": "4.19.2",
    },
    # Of queryAsyncJobResult, too.
    "asyncjobs": {
        **dict.fromkeys(("account", "domainid", "domainpath", "managementserverid"), "4.19.0"),
        "managementservername": "4.21.0",
    },
    "publicipaddress": {
        **dict.fromkeys(("hasrules", "purpose", "virtualmachinetype"), "4.19.0"),
        **dict.fromkeys(("virtualmachineid", "virtualmachinename"), "4.19.0"),
        "domainpath": "4.19.2",
        "forsystemvms": "4.20.0",
        "forprovider": "4.21.0",
    },
    "project": {"owner": "4.15.0", "created": "4.16.0"},
    "downloaddetails": dict.fromkeys(("datastoreId", "datastoreRole"), "4.19.0"),
    "capability": {
        **dict.fromkeys(("instancesstatsretentiontime", "instancesstatsuseronly"), "4.18.0"),
        **dict.fromkeys(("instancesdisksstatsretentionenabled", "instancesdisksstatsretentiontime"), "4.18.0"),
        "customhypervisordisplayname": "4.19.0",
        **dict.fromkeys(("allowuserforcestopvm", "dynamicscalingenabled"), "4.20.0"),
        **dict.fromkeys(("sharedfsvmmincpucount", "sharedfsvmminramsize"), "4.20.0"),
        "additionalconfigenabled": "4.20.2-4.21.0 4.22.0",
        **dict.fromkeys(("extensionspath", "instanceleaseenabled"), "4.21.0"),
    },
    "healthchecks": {"status": "4.22.0"},
}
SAME_KEYS = {"internalloadbalancervm": "router"}
ANNOTATED = {
    *("systemvm", "router", "network", "vpc", "zone", "cluster", "host", "template", "volume", "imagestore"),
    *("storagepool", "serviceoffering", "networkoffering", "publicipaddress"),
}
HASANNOTATIONS = "4.16.0"
SETTINGS = {
    "network.rolling.restart": "4.11.1",
    "max.ssvm.count": "4.15.0",
    **dict.fromkeys(("secondary.storage.capacity.threshold", "systemvm.root.disk.size"), "4.16.0"),
    "secstorage.vm.auto.scale.down": "4.16.1",
    "systemvm.release.control.ip.on.stop": "4.19.1",
    **dict.fromkeys(("commands.timeout", "system.vm.preferred.architecture"), "4.20.1"),
    "enforce.post.requests.and.timestamps": "4.21.0",
    "expose.cloudstack.version.api.list.capabilities": "4.21.0",
    "systemvm.userdata.enabled": "4.22.0",
}
# Before, a zone has no value of its own.
ZONE_SETTINGS = {
    **dict.fromkeys(("allow.end.users.to.specify.vr.mtu", "ca.framework.cert.systemvm.allow.host.ip"), "4.18.0"),
    **dict.fromkeys(("mac.identifier", "router.logrotate.frequency", "tungsten.plugin.enable"), "4.18.0"),
    **dict.fromkeys(("vr.private.interface.max.mtu", "vr.public.interface.max.mtu"), "4.18.0"),
    **dict.fromkeys((f"router.template.{each}" for each in ("hyperv", "kvm", "lxc", "ovm3", "vmware")), "4.18.0"),
    **dict.fromkeys(("denied.routes", "kvm.ha.fence.on.storage.heartbeat.failure"), "4.19.0"),
    "metadata.custom.cloud.name": "4.19.0",
    **dict.fromkeys(("nsx.plugin.enable", "powerflex.connect.on.demand", "routed.network.vpc.enabled"), "4.20.0"),
    **dict.fromkeys(("pool.storage.allocated.resize.capacity.disablethreshold", "vm.ha.enabled"), "4.20.0"),
    **dict.fromkeys(("vm.ha.alerts.enabled", "vm.metadata.manufacturer", "vm.metadata.product"), "4.20.0"),
    "volume.resize.allowed.beyond.allocation": "4.20.0",
    **dict.fromkeys(("netris.plugin.enable", "powerflex.block.sdc.unprepare"), "4.21.0"),
    **dict.fromkeys(("powerflex.mdm.change.apply.wait", "powerflex.mdm.validate.on.connect"), "4.21.0"),
    "zone.backupStorage.capacity.notificationthreshold": "4.21.0",
}
ZONE_SETTINGS_BY_PREFIX = {
    **dict.fromkeys(("console.proxy.", "consoleproxy.", "novnc.", "secstorage.vm.", "virtual.router."), "4.22.0"),
    "backup.plugin.networker.": "4.22.0",
}
SETTINGS_BY_PREFIX = {"router.health.checks.": "4.14.0", "sharedfsvm.": "4.20.0"}


def at_least(have: str, want: str) -> bool:
    """Whether a server of version have is want or newer, which may be as short as "4.18"."""
    mine, wanted = parse_version(have), parse_version(want if want.count(".") > 1 else f"{want}.0")
    return mine is None or wanted is None or mine >= wanted


@lru_cache
def within(version: str, spans: str) -> bool:
    """Whether a server of this version is in one of the spans."""
    for span in spans.split():
        first, dummy, end = span.partition("-")
        if at_least(version, first) and not (end and at_least(version, end)):
            return True
    return False


@lru_cache
def missing_keys(kind: str, version: str) -> frozenset[str]:
    """The keys that a server of this version does not show of such an object; kind is the name of its list."""
    kind = SAME_KEYS.get(kind, kind)
    known = {**KEYS.get(kind, {}), **({"hasannotations": HASANNOTATIONS} if kind in ANNOTATED else {})}
    return frozenset(key for key, spans in known.items() if not within(version, spans))


def is_listed(name: str, version: str, names: Mapping[str, str], prefixes: Mapping[str, str]) -> bool:
    by_prefix = (spans for prefix, spans in prefixes.items() if name.startswith(prefix))
    spans = names.get(name) or next(by_prefix, None)
    return spans is None or within(version, spans)


@lru_cache
def has_setting(name: str, version: str) -> bool:
    return is_listed(name, version, SETTINGS, SETTINGS_BY_PREFIX)


@lru_cache
def may_be_a_zones(setting: str, version: str) -> bool:
    return has_setting(setting, version) and is_listed(setting, version, ZONE_SETTINGS, ZONE_SETTINGS_BY_PREFIX)
