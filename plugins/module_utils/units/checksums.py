# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checksums of routers' scripts: md5 before 4.22.0 and sha512 since (apache/cloudstack pull request 11134), so
those of one sort are never compared with those of the other. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..cloud.model import Vm

DIGESTS = {32: "md5", 128: "sha512"}  # by the number of their hexadecimal digits
FIRST_SHA512 = (4, 22)


def digest(scripts: str | None) -> str | None:
    """What sort of checksum it is; None of none, and of one that is neither."""
    return DIGESTS.get(len(scripts or ""))


def of_other_release(vms: Iterable[Vm]) -> dict[str, str]:
    """The routers whose checksum is not of the sort that the version they claim has, by id, and why.

    A md5 counts as older only beside a sha512 of the same claim: hosts that are simulated tell md5 whatever they run.
    """
    claiming = [(vm, vm.software, digest(vm.scripts)) for vm in vms if vm.software]
    has_sha512 = any(kind == "sha512" and software.release >= FIRST_SHA512 for dummy, software, kind in claiming)
    found = {}
    for vm, software, kind in claiming:
        if kind == "md5" and software.release >= FIRST_SHA512 and has_sha512:
            found[vm.id] = (
                f"it claims {software}, but its checksum is an md5, as scripts older than 4.22 have: it was not "
                "patched, or the server kept the old checksum"
            )
        elif kind == "sha512" and software.release < FIRST_SHA512:
            found[vm.id] = f"it claims {software}, but its checksum is a sha512, as only scripts of 4.22 and newer have"
    return found
