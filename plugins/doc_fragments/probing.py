# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of modules that try from outside what units serve."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: # Made from plugins/module_utils/options by make generate.
  probe:
    description:
      - Whether to try, while a unit is upgraded, TCP connections to what it serves to the outside, and to say how long
        it did not answer.
      - That is, as the API says, public addresses and ports of load balancer and port forwarding rules, static NAT
        addresses with O(probe_ports), and port 443 of SSVMs and CPVMs. Nothing is sent over these connections.
      - A unit whose address answered before and does not answer in the end has failed, whatever the server reports.
    type: bool
    default: false
  probe_endpoints:
    description:
      - How many addresses with ports of one unit are tried at most.
      - One of each address before a second of any, load balancing first, the lowest ports first.
      - At least V(1).
    type: int
    default: 5
  probe_ports:
    description:
      - TCP ports that answer behind static NAT addresses, which only their owners know, for example V(22).
    type: list
    elements: int
    default: []
  probe_rate:
    description:
      - How many connections are tried in a second at most, of all units together, from each host.
      - An address is tried 5 times a second where there is room; 40 of them share the default evenly, each once a
        second.
      - At least V(1).
    type: int
    default: 50
"""
