# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stable words of plans and reports: why a condition is as it is, and why a unit came to its end."""

from __future__ import annotations

from typing import NamedTuple

from .conditions import Status, Type

YES, NO, UNKNOWN = Status.TRUE, Status.FALSE, Status.UNKNOWN


class Reason(NamedTuple):
    """Why a condition has a status."""

    type: Type
    status: Status
    word: str
    meaning: str


CONDITION_REASONS = (
    Reason(Type.EXISTS, YES, "Found", "its network, VPC or system VM is there"),
    Reason(Type.EXISTS, NO, "Gone", "somebody has deleted it"),
    Reason(
        Type.EXISTS, UNKNOWN, "NotAsked", "it has no VM, and the server has not been asked for the network or VPC yet"
    ),
    Reason(Type.RESTARTABLE, YES, "Allowed", "the server may work on it"),
    Reason(Type.RESTARTABLE, NO, "ListsContradict", "what the server's lists say of it does not fit together"),
    Reason(Type.RESTARTABLE, NO, "Orphan", "a router whose network or VPC no list shows"),
    Reason(Type.RESTARTABLE, NO, "WrongState", "its network or VPC is in a state in which the server restarts nothing"),
    Reason(Type.RESTARTABLE, NO, "SdnNetwork", "a network that the server cannot restart"),
    Reason(Type.RESTARTABLE, NO, "OtherProvider", "its services do not come from a virtual router"),
    Reason(Type.IDLE, YES, "NoJob", "nobody else works on it"),
    Reason(Type.IDLE, NO, "JobOfOthers", "a job of somebody else works on it"),
    Reason(Type.TARGET, YES, "SameVersion", "the management servers run what is upgraded to"),
    Reason(Type.TARGET, NO, "TargetMoved", "the management servers run another version now, or several"),
    Reason(Type.TARGET, UNKNOWN, "NotAsked", "not asked each time"),
    Reason(Type.HOSTS, YES, "Up", "the hosts of its VMs are Up and in use"),
    Reason(Type.HOSTS, NO, "HostAway", "a host is not Up, or in or on its way to maintenance"),
    Reason(Type.COMPLETE, YES, "AsManyAsExpected", "it has as many VMs as it should have"),
    Reason(Type.COMPLETE, NO, "Missing", "it has fewer VMs than it should have"),
    Reason(Type.COMPLETE, NO, "LeftOver", "a stopped router is left over from a recreation that failed"),
    Reason(Type.COMPLETE, NO, "TooMany", "it has more VMs than it should have"),
    Reason(Type.COMPLETE, UNKNOWN, "StillGoing", "a VM that was replaced is still being removed"),
    Reason(Type.RUNNING, YES, "AllRunning", "all its VMs are Running"),
    Reason(Type.RUNNING, NO, "Halted", "a VM is Stopped or in Error"),
    Reason(Type.RUNNING, UNKNOWN, "Settling", "a VM is Starting, Stopping or Migrating"),
    Reason(Type.AGENT, YES, "Up", "the system VM's agent is connected"),
    Reason(Type.AGENT, YES, "NoAgent", "routers have none"),
    Reason(Type.AGENT, NO, "AgentAway", "the system VM's agent is not connected"),
    Reason(Type.SOFTWARE, YES, "AtTarget", "version and scripts are the target's"),
    Reason(Type.SOFTWARE, NO, "OldVersion", "a VM reports another version"),
    Reason(Type.SOFTWARE, NO, "OldScripts", "a VM reports the target with the scripts of an older version"),
    Reason(Type.SOFTWARE, NO, "OtherScripts", "a router reports the target with other scripts than the others do"),
    Reason(Type.SOFTWARE, UNKNOWN, "AgentAway", "nothing tells the version while the agent is not connected"),
    Reason(Type.TEMPLATE, YES, "AsWanted", "new VMs are of the new template, or none is wanted"),
    Reason(Type.TEMPLATE, NO, "OldTemplate", "a VM that was to be of the new template is of another one"),
    Reason(Type.TEMPLATE, UNKNOWN, "NotTold", "the server does not tell what a VM was made from"),
    Reason(Type.RULES, YES, "Applied", "rules were applied since the last thing that put them in doubt"),
    Reason(Type.RULES, NO, "Pending", "the rules of these networks have to be applied again"),
    Reason(Type.RULES, NO, "RestartRequired", "the server wants these networks to be restarted"),
    Reason(Type.REDUNDANCY, YES, "Whole", "one PRIMARY and one BACKUP"),
    Reason(Type.REDUNDANCY, YES, "NoPair", "it has no two routers that elect one of them"),
    Reason(Type.REDUNDANCY, NO, "NotWhole", "the pair is anything but one PRIMARY and one BACKUP"),
    Reason(Type.REDUNDANCY, UNKNOWN, "NotLookedAtYet", "what is told is from before the last job"),
    Reason(Type.REDUNDANCY, UNKNOWN, "NeverLooked", "router.check.interval is 0, so the server never looks"),
    Reason(Type.HEALTH, YES, "NotWorse", "no health check fails that passed before"),
    Reason(Type.HEALTH, NO, "Worse", "a health check fails that passed before"),
    Reason(Type.HEALTH, UNKNOWN, "NotCompared", "nobody asked, or the router could not be asked before"),
    Reason(Type.HEALTH, UNKNOWN, "NotAsked", "not asked since the last job"),
    Reason(Type.HEALTH, UNKNOWN, "NotAskedAgain", "the results may be from before the last job"),
    Reason(Type.HEALTH, UNKNOWN, "NotJudged", "a check tells nothing, or could not be run"),
    Reason(Type.GATEWAY, YES, "Reached", "the router reaches its gateway as before"),
    Reason(Type.GATEWAY, NO, "NotReached", "the router reached its gateway before and does not now"),
    Reason(Type.GATEWAY, UNKNOWN, "NotCompared", "nobody asked, or it was not reached before either"),
    Reason(Type.GATEWAY, UNKNOWN, "NotAsked", "not asked since the last job"),
    Reason(Type.REACHABLE, YES, "AsBefore", "what it serves answers as before, or is not watched"),
    Reason(Type.REACHABLE, NO, "Silent", "what it serves answered before and does not now"),
    Reason(Type.REACHABLE, UNKNOWN, "NotTriedYet", "not tried since the last job"),
    Reason(Type.READY, YES, "NotWatched", "nobody wants it watched, or it is not proven yet"),
    Reason(Type.READY, YES, "LongEnough", "all of it has held for sysvm_soak"),
    Reason(Type.READY, UNKNOWN, "NotLongEnough", "it has not been watched for sysvm_soak yet"),
    Reason(Type.READY, NO, "Changed", "a VM is not as it was when it was proven"),
    Reason(Type.READY, NO, "NotWhole", "its pair has not been one PRIMARY and one BACKUP for a minute"),
    Reason(Type.READY, NO, "Alerted", "the server alerts people to something new about it"),
    Reason(Type.READY, NO, "Silent", "an address of it did not answer for a time"),
    Reason(Type.READY, NO, "Worse", "a health check fails that passed before"),
    Reason(Type.READY, NO, "NotReached", "the router does not reach its gateway any more"),
)

# Why a unit came to its end; what a plan says of a unit that it skips or leaves alone is among them.
END_REASONS = {
    "Done": "everything is as it should be",
    "Gone": "its network, VPC or system VM is not there any more",
    "TargetMoved": "the management servers run another version than when the run began",
    "Interrupted": "the run was interrupted, such as by Ctrl-C",
    "StoppedByFile": "somebody stopped the run by its control file",
    "Deadline": "it would not end before the deadline",
    "BudgetUsedUp": "more units failed than may fail",
    "ServerLost": "the management server does not answer, or takes nothing, for longer than it is waited for",
    "ServerTooOld": "this management server cannot live patch",
    "Forbidden": "the version matrix forbids to live patch it",
    "OriginUnknown": "nothing tells what it was built from, so nobody knows whether it may be live patched",
    "NeedsRecreation": "a live patch cannot help it, and its recreation is not wanted",
    "KnownDefect": "the server is known to do harm by what would be needed",
    "ZoneDisabled": "nothing new would be deployed in its zone",
    "NotApproved": "it needs something else than was approved",
    "WrongState": "its network or VPC is in a state in which the server restarts nothing",
    "SdnNetwork": "a network that the server cannot restart",
    "OtherProvider": "its services do not come from a virtual router",
    "Orphan": "a router whose network or VPC no list shows",
    "ListsContradict": "what the server's lists say of it does not fit together",
    "StillSettling": "a VM stays Starting, Stopping or Migrating",
    "AgentAway": "the system VM's agent does not connect, so nothing could be proven",
    "HostAway": "a host of its VMs is not Up, or in maintenance",
    "PairNotWhole": "its pair is not one PRIMARY and one BACKUP",
    "BusyWithOthers": "jobs of somebody else do not come to an end",
    "JobOverdue": "a job takes longer than sysvm_job_timeout; it was left running",
    "NoEffect": "the calls did not change what the VMs report",
    "NoReplacement": "the server made no new VM for the one that was destroyed",
    "OldTemplate": "the new VM is not of the new template",
    "RecreationIncomplete": "the recreation left an old VM, or did not make a new one",
    "RulesNotApplied": "it runs the target, but its rules could not be applied",
    "HostPackage": "the server refuses the router's checksum: the package of its host is not the server's",
    "Worse": "a health check fails that passed before",
    "NotReached": "the router reached its gateway before and does not now",
    "Silent": "what it serves answered before and does not now",
    "Changed": "while it was watched, a VM was not as it was any more",
    "NotWhole": "while it was watched, its pair ceased to be one PRIMARY and one BACKUP",
    "Alerted": "while it was watched, the server alerted people to something new about it",
    "Unreadable": "the server answers every question about it with an error",
    "TooManyAttempts": "it was worked on again and again, by us or by others",
}
