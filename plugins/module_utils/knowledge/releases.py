# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade to a release brings and wants: facts for a forecast. Pure.

Known for the releases 4.17 to 4.22; what was not looked at is None. Sources: the documentation of each release (its tag
in apache/cloudstack-documentation) and the server's repository at each release's commit.
"""

from __future__ import annotations

from dataclasses import dataclass

from .versions import Version, parse_version

# Hypervisors whose template the package cloudstack-management holds (upgrading/index, engine/schema/pom.xml).
PACKAGED_HYPERVISORS = frozenset({"KVM", "XenServer", "VMware"})
# The part of a template's name for each hypervisor (engine/schema/templateConfig.sh; the documentation says ovm).
HYPERVISOR_IN_NAME = {
    "KVM": "kvm",
    "XenServer": "xenserver",
    "VMware": "vmware",
    "Hyperv": "hyperv",
    "LXC": "lxc",
    "Ovm3": "ovm3",
}


def _version(text: str) -> Version:
    parsed = parse_version(text)
    if parsed is None:
        raise ValueError(text)
    return parsed


@dataclass(frozen=True)
class Release:
    """What is known of one release.

    :ivar templates: from which maintenance release on which version of the template is registered, which is what
        C(minreq.sysvmtemplate.version) is set to (updateRegisteredTemplateDetails).
    :ivar looked_at: the last maintenance release whose facts were looked up.
    :ivar java: the Java that the packages of the management server and the KVM agent want (debian/control, cloud.spec).
    :ivar router_memory_mib: the memory of the stock offering of routers and internal LB VMs after the upgrade. The
        offerings of SSVMs (512) and CPVMs (1024) did not change.
    :ivar guarded_from: from which maintenance release on the server refuses to upgrade the database while another
        management server is up; None: it does not refuse. The documentation wants all stopped in every case.
    """

    release: tuple[int, int]
    templates: tuple[tuple[Version, Version], ...]
    looked_at: Version
    java: int
    router_memory_mib: int
    guarded_from: Version | None = None

    def template(self, target: Version) -> Version | None:
        """The version of the template that an upgrade to I(target) registers; None where it was not looked up."""
        if target > self.looked_at:
            return None
        return max((template for first, template in self.templates if first <= target), default=None)

    def guards(self, target: Version) -> bool:
        """Whether I(target) refuses to upgrade the database while another management server is up."""
        return self.guarded_from is not None and target >= self.guarded_from


def _release(
    text: str,
    templates: dict[str, str],
    looked_at: str,
    java: int,
    router_memory_mib: int,
    guarded_from: str | None = None,
) -> Release:
    return Release(
        _version(text).release,
        tuple((_version(first), _version(template)) for first, template in templates.items()),
        _version(looked_at),
        java,
        router_memory_mib,
        parse_version(guarded_from),
    )


# Templates: project.systemvm.template.version in pom.xml and sysvm64-version in the documentation, which agree.
# Java: upgrading/upgrade/_java_version (4.17: debian/control); 4.20 also runs on 11 for now, from 4.22 on RPMs take 21.
# Memory: schema-41910to42000.sql raises the stock offerings, router.ram.size in Config.java is for new installations.
# Guard: upgrading/index of 4.20.3.0 and issue 11973, "from 4.20.3 and 4.22.1"; 4.21 had no maintenance release.
RELEASES = {
    release.release: release
    for release in (
        _release("4.17", {"4.17.0.0": "4.17.0", "4.17.2.0": "4.17.2"}, "4.17.2.0", 11, 256),
        _release("4.18", {"4.18.0.0": "4.18.0", "4.18.1.0": "4.18.1"}, "4.18.2.5", 11, 256),
        _release("4.19", {"4.19.0.0": "4.19.0", "4.19.1.0": "4.19.1"}, "4.19.3.0", 11, 256),
        _release(
            "4.20",
            {"4.20.0.0": "4.20.0", "4.20.1.0": "4.20.1", "4.20.2.0": "4.20.2"},
            "4.20.3.0",
            17,
            512,
            guarded_from="4.20.3.0",
        ),
        _release("4.21", {"4.21.0.0": "4.20.2"}, "4.21.0.0", 17, 512),
        _release("4.22", {"4.22.0.0": "4.22.0"}, "4.22.0.1", 17, 512, guarded_from="4.22.1.0"),
    )
}
# Names carry the architecture since 4.20.0, and KVM has a template for aarch64 since 4.20.1 (templateConfig.sh).
FIRST_WITH_ARCH = _version("4.20.0")
FIRST_AARCH64 = _version("4.20.1")


def release_of(target: Version) -> Release | None:
    """What is known of the release I(target) belongs to; None where nothing is."""
    return RELEASES.get(target.release)


def architectures(template: Version, hypervisor: str) -> frozenset[str]:
    """The architectures a template of this version exists for, in the words of the API."""
    both = hypervisor == "KVM" and template >= FIRST_AARCH64
    return frozenset({"x86_64", "aarch64"} if both else {"x86_64"})


def template_name(template: Version, hypervisor: str, arch: str = "x86_64") -> str | None:
    """The name a template is registered with, e.g. systemvm-kvm-4.20.2-x86_64; None where there is no such template."""
    word = HYPERVISOR_IN_NAME.get(hypervisor)
    if word is None or arch not in architectures(template, hypervisor):
        return None
    name = f"systemvm-{word}-{'.'.join(map(str, template.numbers[:3]))}"
    return f"{name}-{arch}" if template >= FIRST_WITH_ARCH else name


def documentation(source: Version, target: Version) -> str:
    """The URL of the page on upgrading from I(source) in the documentation of I(target)."""
    known = target.release in RELEASES and target <= RELEASES[target.release].looked_at
    major, minor = source.release
    return (
        f"https://docs.cloudstack.apache.org/en/{'.'.join(map(str, target.numbers)) if known else 'latest'}"
        f"/upgrading/upgrade/upgrade-{major}.{minor}.html"
    )


# The overview of every upgrade page (upgrading/upgrade/upgrade-*), with what it includes of the system VM part, and the
# first release whose documentation has the step.
_STEPS = (
    ((4, 17), "Check customisations and integrations; remove guest OS mappings that were added by hand"),
    (
        (4, 17),
        "Register the system VM template in each zone, unless the upgrade is to do it, and wait until it is Ready",
    ),
    ((4, 20), "Make Java 17 the default on the management servers and the KVM hosts"),
    ((4, 17), "Stop all management servers and usage servers"),
    ((4, 17), "Back up the databases cloud (with its procedures: mysqldump -R) and cloud_usage"),
    ((4, 17), "Upgrade the packages of the first management server"),
    ((4, 17), "Upgrade cloudstack-agent on each KVM host and restart it"),
    ((4, 17), "Start the first management server: it upgrades the database and registers the template"),
    ((4, 17), "Check that the upgraded environment works"),
    ((4, 17), "Upgrade and start the remaining management servers"),
    ((4, 17), "Live patch the system VMs and virtual routers, or recreate them from the new template"),
)


def documented_steps(target: Version) -> tuple[str, ...]:
    """The documentation's steps of an upgrade to I(target), in order; empty before 4.17."""
    return tuple(text for first, text in _STEPS if target.release >= first)
