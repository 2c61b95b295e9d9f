# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades the management servers and the KVM hosts of the simulated cloud: python -m tests.demo.upgrade VERSION."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from urllib.parse import urljoin


def main(version: str) -> None:
    options = json.dumps({"version": version, "hosts": True}).encode()
    address = urljoin(os.environ["CLOUDSTACK_ENDPOINT"], "/_simulator/upgrade")
    urllib.request.urlopen(urllib.request.Request(address, options, method="POST")).close()


if __name__ == "__main__":
    main(sys.argv[1])
