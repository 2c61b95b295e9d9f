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
CHECKSUM_SUFFICES = Behaviour(
    "4.17.0", "a router below the minimum takes rules with the server's checksum", "NetworkHelper"
)
HEALTH_STATUS = Behaviour("4.22.0", "a health check's result may be neither true nor false", "#10710")
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
        "domainpath": "4.19.0",
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
        "usediops": "4.20.1",
        "details": "4.21.0",
        "capacitybytes": "4.22.0",
    },
    "serviceoffering": {
        "rootdisksize": "4.15.0",
        "dynamicscalingenabled": "4.16.0",
        **dict.fromkeys(("diskofferingid", "diskofferingname", "diskofferingstrictness"), "4.17.0"),
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
        **dict.fromkeys(("hasrules", "virtualmachinetype"), "4.19.0"),
        "domainpath": "4.19.2",
        "forsystemvms": "4.20.0",
        "forprovider": "4.21.0",
    },
    "project": {"owner": "4.15.0", "created": "4.16.0"},
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


@lru_cache
def has_setting(name: str, version: str) -> bool:
    by_prefix = (spans for prefix, spans in SETTINGS_BY_PREFIX.items() if name.startswith(prefix))
    spans = SETTINGS.get(name) or next(by_prefix, None)
    return spans is None or within(version, spans)
