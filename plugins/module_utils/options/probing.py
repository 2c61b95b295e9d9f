# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of probing: what customers notice is measured from outside while the units are upgraded."""

from __future__ import annotations

from ..cloud.endpoints import MOST
from .option import ACTING, CHECK, PREFLIGHT, UPGRADE, group, option, seconds

PLANNED = (CHECK, *ACTING, PREFLIGHT, UPGRADE)
RATE = 50

PROBING = group(
    PLANNED,
    option(
        "probe",
        "bool",
        "Whether to try, while a unit is upgraded, TCP connections to what it serves to the outside, and to say how"
        " long it did not answer.",
        "That is, as the API says, public addresses and ports of load balancer and port forwarding rules, static"
        " NAT addresses with O(probe_ports), and port 443 of SSVMs and CPVMs. Nothing is sent over these"
        " connections.",
        "A unit whose address answered before and does not answer in the end has failed, whatever the server reports.",
        default=False,
    ),
    option(
        "probe_from",
        "list",
        "Hosts of the inventory that try the connections, instead of the one that runs the modules: where"
        " customers are, or where there is a route to the public addresses.",
        "Each needs Python 3.8 or newer and nothing else. Nothing is left on it.",
        where=(PREFLIGHT, UPGRADE),
        default=(),
    ),
    seconds(
        "probe_patience",
        "How long in seconds an address that answered before may still be silent after the server's report has"
        " proven the unit. Then the unit has failed.",
        where=(*ACTING, UPGRADE),
        default=60,
    ),
    option(
        "probe_endpoints",
        "int",
        "How many addresses with ports of one unit are tried at most.",
        "One of each address before a second of any, load balancing first, the lowest ports first.",
        variable=False,
        default=MOST,
        lowest=1,
    ),
    option(
        "probe_ports",
        "list",
        "TCP ports that answer behind static NAT addresses, which only their owners know, for example V(22).",
        default=(),
        elements="int",
        means="ports",
    ),
    option(
        "probe_rate",
        "int",
        "How many connections are tried in a second at most, of all units together, from each host.",
        "An address is tried 5 times a second where there is room; 40 of them share the default evenly, each once a"
        " second.",
        variable=False,
        default=RATE,
        lowest=1,
    ),
)
