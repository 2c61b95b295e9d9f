# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys

from tests.simulator.estate import load
from tests.simulator.estate_schema import EstateError
from tests.simulator.server import Simulator


async def serve(arguments: argparse.Namespace) -> None:
    world = load(arguments.estate, arguments.set)
    simulator = Simulator(world)
    simulator.stop_at_signals()

    def tell() -> None:
        facts = {"url": simulator.url, "key": world.server.key, "secret": world.server.secret}
        print(json.dumps(facts), flush=True)

    await simulator.serve(tell, arguments.port)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description="A simulated CloudStack server.")
    parser.add_argument("--estate", required=True, help="the cloud to simulate, a YAML file")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--set", action="append", default=[], metavar="KEY.PATH=VALUE", help="change the estate")
    arguments = parser.parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(arguments))
    except (EstateError, OSError) as error:
        print(f"{arguments.estate}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
