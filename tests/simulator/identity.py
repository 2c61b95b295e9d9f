# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers, addresses and checksums that are the same in every run."""

from __future__ import annotations

import hashlib
import re
import uuid

NAMESPACE = uuid.UUID("5f2b1c9e-8a0d-4d53-9b6e-c1005ac5beef")


def uuid_of(kind: str, name: str) -> str:
    """The id of an object: kind is zone, host, template, network, vpc, vm, project, domain, account ...

    The second object of the same kind and name is uuid_of(kind, name + "#2"), and so on.
    """
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{name}"))


def mac(prefix: str, number: int) -> str:
    return f"{prefix}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def parse_version(text: str) -> tuple[int, int, int, int] | None:
    """A CloudStack version as the server compares it: cut at the first "-" (here "+", too), padded to four numbers."""
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(?:\.(\d+))?", re.split("[-+]", text.strip())[0])
    if match is None:
        return None
    a, b, c, d = match.groups()
    return int(a), int(b), int(c), int(d or 0)


def software_version(text: str) -> str:
    """4.22.0.0-SNAPSHOT -> 4.22.0.0, as the server writes softwareversion."""
    numbers = parse_version(text)
    return text if numbers is None else ".".join(map(str, numbers))


def template_version(text: str) -> str:
    """4.22.0.0-SNAPSHOT -> 4.22.0, as a template's release file says it."""
    numbers = parse_version(text)
    return text if numbers is None else ".".join(map(str, numbers[:3]))


def scripts_checksum(version: str) -> str:
    """What cloud-scripts-signature holds for a package of this version: md5 before 4.22, sha512 since.

    Each build packs anew: 4.22.0.0+rpm has the same files as 4.22.0.0 and another checksum.
    """
    numbers = parse_version(version)
    content = f"cloud-scripts {software_version(version)}{''.join(version.partition('+')[1:])}".encode()
    if numbers is not None and numbers >= (4, 22, 0, 0):
        return hashlib.sha512(content).hexdigest()
    return hashlib.md5(content).hexdigest()
