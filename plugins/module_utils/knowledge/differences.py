# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers of older releases answer and do differently, as data with sources. Nothing else asks for a version.

A row is named where the code has to act on it. The others only tell what a release cannot tell. Looked up at the
release commits of 4.11.0.0 to 4.22.0.0, and asked of real servers of 4.17.2.0, 4.18.2.5, 4.19.3.0, 4.20.2.0, 4.21.0.0
and 4.22.0.0-SNAPSHOT. A server ignores parameters that it does not know, without an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from .versions import Version, parse_version

# The newest release that was looked at. Of newer ones nothing is taken for granted.
NEWEST_KNOWN = (4, 22)


@dataclass(frozen=True)
class Difference:
    """One thing that is so from some release on.

    :ivar command: the API command that it is seen in.
    :ivar what: the field, the parameter or the behaviour.
    :ivar since: the first version that has it, of each branch that got it.
    :ivar before: what an older server answers or does, and what is done about it.
    :ivar source: where in the server's repository it came in.
    :ivar unknown: what therefore cannot be known on an older server, in words for an operator; empty: nothing.
    :ivar careful: whether a server newer than all known ones is treated as one without it.
    """

    command: str
    what: str
    since: tuple[Version, ...]
    before: str
    source: str
    unknown: str = ""
    careful: bool = False

    def holds(self, server: Version | None) -> bool:
        """Whether a server of this version has it; not of one whose version is not known."""
        if server is None:
            return False
        if self.careful and is_newer_than_known(server):
            return False
        of_branch = [first for first in self.since if first.release == server.release]
        if of_branch:
            return server >= min(of_branch)
        return server > max(self.since)


def is_newer_than_known(server: Version) -> bool:
    """Whether nobody looked at the release of this server."""
    return server.release > NEWEST_KNOWN


def unknown_of(server: Version) -> tuple[str, ...]:
    """What a server of this version cannot tell, in words."""
    return tuple(row.unknown for row in DIFFERENCES if row.unknown and not row.holds(server))


def notes_on(server: Version) -> tuple[str, ...]:
    """What a plan for a server of this version has to say of it, in sentences."""
    notes = []
    if is_newer_than_known(server):
        newest = ".".join(map(str, NEWEST_KNOWN))
        notes.append(
            f"{server} is newer than {newest}, the newest release that was looked at: its lists are asked for in two "
            "ways and compared, and nothing is known of its defects."
        )
    if unknown := unknown_of(server):
        notes.append(f"{server} does not tell {'; '.join(unknown)}.")
    return tuple(notes)


def _since(*texts: str) -> tuple[Version, ...]:
    versions = tuple(version for text in texts if (version := parse_version(text)) is not None)
    if len(versions) != len(texts):
        raise ValueError(texts)
    return versions


SOFTWARE_VERSION = Difference(
    "listRouters",
    "softwareversion",
    _since("4.17.0.0"),
    "a router's template version is all there is; requiresupgrade goes by it alone",
    "DomainRouterJoinDaoImpl, #5831",
    unknown="the software of routers, but for the version of their template",
)
EVENT_TIMES = Difference(
    "listEvents",
    "startdate with a time",
    _since("4.18.0.0"),
    "cut to midnight of the server's own time zone, so the question begins a day earlier",
    "ParamProcessWorker.parseDate",
)
SYSTEM_VM_VOLUMES = Difference(
    "listVolumes",
    "listsystemvms",
    _since("4.18.0.0"),
    "ignored: no ROOT volume of a system VM or router is listed",
    "ListVolumesCmd, QueryManagerImpl.shouldListSystemVms",
    unknown="which template an SSVM or CPVM was made from (a recreated one is proven by its id, age and agent), nor, "
    "by its disk, of a VM that its own list leaves out",
)
HYPERVISORS_IN_TURN = Difference(
    "restartNetwork, restartVPC",
    "a new router is put on the next hypervisor of the zone where one has no host that is Up and Enabled",
    _since("4.18.1.0"),
    "one is taken by chance and the restart fails, so each hypervisor has to have room; of system VMs in all releases",
    "NetworkHelperImpl.deployRouter, checkIfZoneHasCapacity, #7877",
)
SYSTEM_TEMPLATES_OF_LATER_ZONES = Difference(
    "listTemplates",
    "SYSTEM templates in zones that were added later",
    _since("4.19.1.0"),
    "not listed there, though the server would use them: their absence is a warning and no refusal",
    "#8395",
    unknown="whether a zone that was added later has its system VM template, where none is listed",
)
IDS_OF_NETWORKS = Difference(
    "listNetworks",
    "an id that no network has is refused",
    _since("4.19.3.0", "4.20.1.0"),
    "an empty list, or another network: an answer counts only if it has the id that was asked for",
    "NetworkResponse, #10563",
)
DOMAIN_PATHS = Difference(
    "listRouters, listNetworks, listVPCs",
    "domainpath",
    _since("4.19.2.0"),
    "only the domain's own name is told",
    "ControlledViewEntityResponse",
    unknown="the paths of owners' domains (only their names)",
)
TEMPLATES_BY_ARCHITECTURE = Difference(
    "destroySystemVm",
    "the template of a new SSVM or CPVM is looked for by hypervisor and architecture, in the stores of any zone",
    _since("4.20.1.0"),
    "the newest SYSTEM template of all hypervisors must be in a store of the zone, or no SSVM or CPVM returns",
    "VMTemplateDaoImpl.findSystemVMReadyTemplate, isZoneReady",
)
SHUTDOWN_LETS_JOBS_END = Difference(
    "prepareForShutdown",
    "restarts under way go on while a management server prepares to shut down",
    _since("4.21.0.0"),
    "from 4.19.0.0 on they break off between their steps, so nothing is begun while any server prepares",
    "AsyncJobManagerImpl.checkShutdown, checkAsyncJobAllowed, #10417",
)
NETWORKS_OF_ALL_OWNERS = Difference(
    "listNetworks",
    "projectid=-1 with the networks of accounts",
    _since("4.22.0.0"),
    "only those of projects, and since 4.17.1 all shared ones: asked with and without it, joined by id",
    "NetworkServiceImpl.searchForNetworks, #11767",
    careful=True,
)

# By the first release that has it.
DIFFERENCES = (
    Difference(
        "listNetworks",
        "redundantrouter",
        _since("4.11.1.0"),
        "absent",
        "NetworkResponse",
        unknown="whether a network has a pair of routers",
    ),
    Difference(
        "listManagementServers",
        "the command itself",
        _since("4.12.0.0"),
        "listCapabilities tells the version of the one server that answers",
        "ListMgmtsCmd",
    ),
    Difference(
        "listRouters",
        "scriptsversion",
        _since("4.13.0.0"),
        "declared but never filled",
        "DomainRouterJoinDaoImpl, #3372",
        unknown="the scripts of routers",
    ),
    Difference(
        "listSystemVms",
        "version",
        _since("4.13.1.0"),
        "absent",
        "ApiResponseHelper.createSystemVmResponse",
        unknown="the software of SSVMs and CPVMs",
    ),
    Difference(
        "listSystemVms",
        "agentstate",
        _since("4.13.1.0"),
        "absent: agents look as if not connected",
        "ApiResponseHelper.createSystemVmResponse",
        unknown="whether the agents of SSVMs and CPVMs are connected",
    ),
    Difference(
        "listRouters",
        "healthchecksfailed",
        _since("4.14.0.0"),
        "absent",
        "DomainRouterResponse",
        unknown="the health of routers",
    ),
    Difference(
        "getRouterHealthCheckResults",
        "the command itself",
        _since("4.14.0.0"),
        "not asked",
        "GetRouterHealthCheckResultsCmd",
    ),
    Difference(
        "listRouters",
        "redundantstate PRIMARY",
        _since("4.16.0.0"),
        "MASTER, which is read as PRIMARY",
        "VirtualRouter.RedundantState",
    ),
    SOFTWARE_VERSION,
    Difference(
        "listEvents",
        "resourceid",
        _since("4.17.0.0"),
        "the description has the number of the database row",
        "EventJoinDaoImpl",
        unknown="which network or VPC a running restart works on, and how earlier restarts ended",
    ),
    Difference(
        "asynchronous commands",
        "the answer to a call whose job ends at once",
        _since("4.17.0.0"),
        "HTTP 530 without a text, although the job ran",
        "ApiServer.getBaseAsyncResponse, #6303",
    ),
    Difference(
        "listRouters",
        "hypervisor of a router that is stopped",
        _since("4.17.1.0"),
        "absent: that of its zone is taken where the zone has but one",
        "ApiDBUtils",
    ),
    Difference(
        "listAsyncJobs", "without pseudo jobs of type Thread", _since("4.17.1.0"), "passed over", "AsyncJobJoinDaoImpl"
    ),
    EVENT_TIMES,
    SYSTEM_VM_VOLUMES,
    Difference("listZones", "type", _since("4.18.0.0"), "there are no edge zones", "ZoneResponse"),
    Difference(
        "queryAsyncJobResult",
        "jobresultcode of a failed job",
        _since("4.18.1.0"),
        "530 for all: the code in jobresult is read",
        "ApiAsyncJobDispatcher.runJob, #7687",
    ),
    HYPERVISORS_IN_TURN,
    Difference(
        "listManagementServers",
        "states beyond Up and Down",
        _since("4.19.0.0"),
        "a server that prepares to shut down looks Up, but there is no such command either",
        "ManagementServerHost.State, #6755",
    ),
    Difference(
        "listTemplates",
        "templatetype",
        _since("4.19.0.0"),
        "ignored: all templates are listed; the field of each tells",
        "ListTemplatesCmd",
    ),
    Difference(
        "listSystemVms",
        "serviceofferingid",
        _since("4.19.0.0"),
        "absent",
        "SystemVmResponse, #7938",
        unknown="the memory of SSVMs and CPVMs",
    ),
    SYSTEM_TEMPLATES_OF_LATER_ZONES,
    Difference(
        "listVolumes",
        "one ROOT volume after a start with a new disk",
        _since("4.19.1.0"),
        "the old one stays beside it in state Destroy; one in such a state is nobody's disk",
        "VolumeOrchestrator.switchVolume, #9197",
    ),
    DOMAIN_PATHS,
    IDS_OF_NETWORKS,
    Difference("listTemplates", "arch", _since("4.20.0.0"), "all are x86_64", "TemplateResponse"),
    Difference(
        "listRouters",
        "arch",
        _since("4.20.1.0"),
        "absent",
        "DomainRouterResponse",
        unknown="the architecture of routers",
    ),
    Difference(
        "listSystemVms",
        "arch",
        _since("4.20.1.0"),
        "absent",
        "SystemVmResponse",
        unknown="the architecture of SSVMs and CPVMs",
    ),
    TEMPLATES_BY_ARCHITECTURE,
    Difference(
        "asynchronous commands",
        "503 while a management server prepares to shut down",
        _since("4.21.0.0"),
        "from 4.19.0.0 on 530 'A shutdown has been triggered', which is read as 503",
        "ApiServer.dispatch, AsyncJobManagerImpl.submitAsyncJob",
    ),
    SHUTDOWN_LETS_JOBS_END,
    NETWORKS_OF_ALL_OWNERS,
    Difference(
        "getRouterHealthCheckResults",
        "status, and a result that is not known",
        _since("4.22.0.0"),
        "success alone, which is false of a warning and of what is not known",
        "RouterHealthCheckResultResponse, #10710",
    ),
)
