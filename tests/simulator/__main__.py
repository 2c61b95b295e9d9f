# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys

from tests.simulator.estate import build_with, read_estate
from tests.simulator.estate_schema import EstateError
from tests.simulator.from_plan import load_plan
from tests.simulator.server import Simulator


async def serve(arguments: argparse.Namespace) -> None:
    spec = load_plan(arguments.plan, arguments.anonymous) if arguments.plan else read_estate(arguments.estate)
    world = build_with(spec, arguments.set)
    simulator = Simulator(world)
    simulator.stop_at_signals()

    def tell() -> None:
        facts = {"url": simulator.url, "key": world.server.key, "secret": world.server.secret}
        print(json.dumps(facts), flush=True)

    await simulator.serve(tell, arguments.port)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description="A simulated CloudStack server.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--estate", help="the cloud to simulate, a YAML file")
    source.add_argument(
        "--from", dest="plan", metavar="PLAN", help="a plan.json: simulate a cloud like the one it read"
    )
    parser.add_argument("--anonymous", action="store_true", help="replace the names of a plan, and leave out its tags")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--set", action="append", default=[], metavar="KEY.PATH=VALUE", help="change the estate")
    arguments = parser.parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(arguments))
    except (EstateError, OSError) as error:
        print(f"{arguments.plan or arguments.estate}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
