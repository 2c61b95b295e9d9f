# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the connection, which all modules have, and those that only modules have, not the roles.

The connection's have the names and environment variables of ngine_io.cloudstack and the C(cs) library.
"""

from __future__ import annotations

from ..knowledge.permissions import OFFERED, USUAL
from ..knowledge.vocabulary import ACTING as ACTING_METHODS
from .option import ACTING, CHECK, CONNECTED, EVIDENCE, LIVE_PATCH, RECREATE, ROLE, ROUTERS, group, option, seconds

NO_VERIFY_VARIABLE = "CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY"  # the opposite of validate_certs

# As variables without a default: what is not given comes from module_defaults, then from the environment. None is
# required: api.connection says better what is missing.
CONNECTION = group(
    CONNECTED,
    option(
        "api_url",
        "str",
        "URL of the CloudStack API, for example V(https://cloud.example.com/client/api).",
        "Several management servers of one cloud with commas between them: when one is away, the next is asked."
        " A call that changes something is sent to one of them only. Reports name the cloud after the first.",
        env="CLOUDSTACK_ENDPOINT",
        hides=True,  # it may have a password in it
    ),
    option("api_key", "str", "API key of a root administrator.", env="CLOUDSTACK_KEY", no_log=True, hides=True),
    option(
        "api_secret", "str", "Secret key that belongs to O(api_key).", env="CLOUDSTACK_SECRET", no_log=True, hides=True
    ),
    option(
        "api_http_method",
        "str",
        "HTTP method for calls that only read; calls that change something are always sent with POST.",
        "With V(get), the API key stands in URLs and so in the access logs of the management server and of proxies.",
        variable=False,
        default="post",
        choices=("get", "post"),
        env="CLOUDSTACK_METHOD",
    ),
    seconds(
        "api_timeout",
        "How many seconds to wait for a connection, and for the answer to each call; not the time an upgrade may take.",
        default=60,
        lowest=1,
        env="CLOUDSTACK_TIMEOUT",
    ),
    option(
        "api_verify_ssl_cert",
        "path",
        "Path of a file, or of a directory, with the CA certificates to trust instead of the usual ones.",
        env="CLOUDSTACK_VERIFY",
    ),
    option(
        "validate_certs",
        "bool",
        "Whether to check the TLS certificate of the server.",
        unset="V(true)",
        env=NO_VERIFY_VARIABLE,
    ),
    seconds(
        "api_retry_limit",
        "For how many seconds to repeat a call that only reads while the management server cannot be reached, for"
        " example because it restarts.",
        "While units are at work everything waits as long for a server that is away or takes no jobs. A server that"
        " has not answered at all is given up after a few seconds.",
        default=300,
    ),
    option(
        "api_config",
        "path",
        "A file that has the connection already: C(cloudstack.ini) of the Python library C(cs), or"
        " C(~/.cmk/config) of CloudMonkey.",
        "URL, key and secret are taken together from one place: from options, else from the environment, else from"
        " a file. Given as an option, this or O(api_region) goes before the environment.",
        variable=False,
        env="CLOUDSTACK_CONFIG",
        unset="V(cloudstack.ini) in the working directory, then V(~/.cloudstack.ini)",
    ),
    option(
        "api_region",
        "str",
        "The section of O(api_config).",
        variable=False,
        env="CLOUDSTACK_REGION",
        unset="V(cloudstack), or CloudMonkey's current profile",
    ),
    option(
        "api_cert",
        "path",
        "Path of a client certificate (PEM), where the server or a proxy in front of it wants one.",
        variable=False,
        env="CLOUDSTACK_CERT",
    ),
    option(
        "api_cert_key",
        "path",
        "Path of the key of O(api_cert) (PEM), unless it is in the same file.",
        variable=False,
        env="CLOUDSTACK_CERT_KEY",
    ),
    option(
        "api_connections",
        "int",
        "How many pages of one listing to read at a time, each over a connection of its own.",
        "A management server takes about 20 milliseconds for each network that it lists, so a large cloud's pages"
        " are worth reading side by side. Calls that change something are always sent one after the other.",
        default=4,
        lowest=1,
    ),
)

_SYSTEM_VMS = (LIVE_PATCH, RECREATE)
# Names may differ in meaning from module to module, and from a variable of the roles.
OWN = (
    option(
        "system_vms",
        "list",
        "Names or ids of the system VMs.",
        where=_SYSTEM_VMS,
        required=True,
        aliases=("names", "name", "id"),
    ),
    option(
        "networks",
        "list",
        "Names or ids of isolated or shared networks. A VPC tier is not a unit, name its VPC in O(vpcs).",
        where=(ROUTERS,),
    ),
    option("vpcs", "list", "Names or ids of VPCs.", where=(ROUTERS,)),
    option(
        "routers", "list", "Names or ids of routers; each means the whole unit that it belongs to.", where=(ROUTERS,)
    ),
    option(
        "if_gone",
        "str",
        "What a target means that is not there. V(fail) takes it for a mistake and touches nothing; V(report) is"
        " for ids from a plan: it was there then, and its result says that it is gone.",
        where=ACTING,
        default="fail",
        choices=("fail", "report"),
    ),
    option(
        "mode",
        "str",
        "V(live_patch) patches running routers without a reboot, and starts those that are stopped or missing.",
        "V(restart) stops and starts the routers, one half of a pair after the other, and starts stopped ones. A"
        " start always brings the new software, and a new template only after an upgrade that registered one.",
        "V(recreate) restarts the networks and VPCs with cleanup, so that new routers are made from the new template.",
        where=(ROUTERS,),
        default="live_patch",
        choices=tuple(method.value for method in ACTING_METHODS),
    ),
    option(
        "mode",
        "str",
        "V(destroy) destroys the VM; the server's capacity scan makes a new one with another id and name.",
        "V(restart) stops and starts it in one job. It keeps id, name and addresses, and gets a new disk only at"
        " the first start after an upgrade that registered a template; the module refuses where it would keep the"
        " old one.",
        where=(RECREATE,),
        default="destroy",
        choices=("destroy", "restart"),
    ),
    option(
        "forced",
        "bool",
        "Patch even if the VM has the new scripts already.",
        "This restarts its agent for nothing; only for repair.",
        where=(LIVE_PATCH,),
        default=False,
    ),
    option(
        "health_checks",
        "bool",
        "Whether to look inside of each router before and afterwards. One that fails a health check that it passed"
        " before, or does not reach its gateway any more (ping), has failed. Each takes some seconds, in which"
        " nothing else is asked. What the server cannot ask a router is no failure.",
        "Health checks only in zones where the settings C(router.health.checks.enabled) is true and"
        " C(router.health.checks.failures.to.recreate.vr) is empty; elsewhere a failing check could make the server"
        " recreate the router.",
        where=ACTING,
        default=False,
    ),
    option(
        "control",
        "path",
        "A file by which the rollout is steered while it runs, on the host that runs the module. Lines are C(pause)"
        " (nothing new begins, what runs goes on), C(resume), C(stop) (nothing new begins; what runs is waited for"
        " and proven) and C(parallel: 3). The last of each kind counts; C(stop) stays.",
        "There must be no such file before. It is not removed.",
        where=ACTING,
    ),
    option(
        "log",
        "path",
        "A file to which one line is appended when a unit starts and when it ends, for C(tail -f).",
        "It is on the host that runs the module.",
        where=ACTING,
    ),
    option("label", "str", "What the counts in the progress lines are of, for example V(step 2 of 7).", where=ACTING),
    option(
        "approved_lines",
        "list",
        "What was approved, a line for each unit. No other unit is touched, and none by another method than its"
        " line says, whatever has changed since.",
        "Each has C(id) and C(method); where they are told C(recreates), whether the unit may be recreated if its"
        " live patch fails, and C(destroys), names of left-over routers that may be destroyed. A line of another"
        " C(cloud) (the host of the API) or C(target_version) is refused. C(place) and C(name) are for messages.",
        "The roles take them from C(sysvm_approved_plan).",
        where=(CHECK, *ACTING),
        elements="dict",
        unset="whatever is needed",
    ),
    option(
        "known_restarts",
        "list",
        "What an earlier report tells of the last restart of each network, as it stands in the C(restarts) of its"
        " units.",
        "The server is not asked how these ended; one that failed counts until a later one of ours has succeeded.",
        where=(CHECK,),
        default=(),
        elements="dict",
        suboptions=(
            option("network_id", "str", "The network, or the VPC that was recreated.", required=True),
            option("job_id", "str", "The job.", required=True),
            option("created", "str", "When it began, as the server wrote it.", required=True),
            option("succeeded", "bool", "Whether it is known to have succeeded.", required=True),
            option("why", "str", "Of one that failed, what is known of that.", default=""),
        ),
    ),
    option(
        "known_durations",
        "list",
        "What earlier reports tell of how long units took, for how long it will take now.",
        "The roles take it from the reports of this cloud in their folder.",
        where=(CHECK,),
        default=(),
        elements="dict",
        suboptions=(
            option("done", "str", "What was done to the unit.", required=True),
            option("ids", "list", "The ids of the unit and of its VMs.", required=True, elements="str"),
            option("seconds", "float", "How long others had to wait for its place.", required=True),
        ),
    ),
    option(
        "known_gaps",
        "list",
        "What an earlier report tells of how long what units serve did not answer, for what the plan says of it.",
        "The roles take it from the last report in their folder.",
        where=(CHECK,),
        default=(),
        elements="dict",
        suboptions=(
            option("kind", "str", "The kind of the units.", required=True),
            option("method", "str", "What was done to them.", required=True),
            option("shortest_s", "float", "The shortest gap of a unit in seconds.", required=True),
            option("longest_s", "float", "The longest one.", required=True),
        ),
    ),
    option(
        "units",
        "list",
        "The units to read about, each as it stands in the C(results) of an acting module or in the C(units) of a"
        " report.",
        "The first 20; the others are left out.",
        where=(EVIDENCE,),
        required=True,
        elements="dict",
    ),
    option(
        "diagnostics",
        "bool",
        "Whether the evidence about a unit names a bundle of its VMs' log files, which the server makes"
        " (getDiagnosticsData) and puts on secondary storage.",
        "It takes up to 5 minutes for all units together.",
        where=(EVIDENCE,),
        default=False,
    ),
    option("name", "str", "The name of the role.", where=(ROLE,), required=True),
    option(
        "uses",
        "list",
        "What the role is for. Each use has also what V(check) needs, as it begins with a plan.",
        "With V(check) alone nothing can be changed; the check C(permissions) says what an upgrade would lack.",
        "The commands of each are in docs/permissions.md of the collection.",
        where=(ROLE,),
        default=tuple(use.value for use in USUAL),
        choices=tuple(use.value for use in OFFERED),
    ),
    option(
        "optional",
        "bool",
        "Whether to allow also commands that are not indispensable, whose absence is only told of.",
        where=(ROLE,),
        default=True,
    ),
    option("fail_on_checks", "bool", "Whether the module fails when a check fails.", where=(CHECK,), default=True),
)
