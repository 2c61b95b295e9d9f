# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes docs/images anew, with headless Chromium: `python -m tests.tools.screenshots`.

What they show is true: plans and a run against the simulator, while it goes on and when it has ended, with something
that fails and with gaps that are seen from outside. Look at them before they are committed.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.estates import estate
from tests.support.runner import UPGRADE, Cloud, extra_vars
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs/images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Debian's browser looks up hosts of its maker at each start unless it is told not to.
QUIET = (
    "--disable-gpu",
    "--disable-lcd-text",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTH, TERMINAL_WIDTH = 1200, 1240
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #16191f; color: #d7dae0 }
pre { margin: 0; padding: 16px 20px; font: 13px/1.45 "DejaVu Sans Mono", monospace; white-space: pre; overflow: hidden }
b { color: #fff }
</style><pre>%s</pre>"""

CLOUD = estate(
    listeners=True,
    gaps={"patch": 0.7, "restart": 4, "redundant": 0.2},
    timings={"patch": 1.5, "restart": 0.4, "start": 3, "stop": 0.8, "agent_reconnect": 1.5, "scan_interval": 1,
             "router_check_interval": 1, "jitter": 0.4},
    defaults={"version": "4.19.1"},
    zones=[{"name": "Berlin", "hosts": 6, "ssvm": {"version": "4.18.1"}, "cpvm": {"version": "4.18.1", "sessions": 2}}],
    networks=[
        {"name": "intranet", "account": "acme", "domain": "Customers/Acme", "count": 5, "port_forwardings": [2222]},
        {"name": "mail", "account": "acme", "domain": "Customers/Acme", "port_forwardings": [2525], "gap": 2},
        {"name": "telemetry", "account": "acme", "domain": "Customers/Acme"},
        {"name": "payment", "account": "shop", "domain": "Customers/Shop", "redundant": True, "load_balancers": 1},
        {"name": "shop", "account": "shop", "domain": "Customers/Shop", "count": 2, "load_balancers": 2},
        {"name": "legacy", "account": "lab", "version": "4.15.2", "load_balancers": 1, "gap": "never"},
    ],
    vpcs=[
        {"name": "erp", "account": "acme", "domain": "Customers/Acme", "tiers": ["web", "app", "db"]},
        {"name": "sandbox", "account": "lab", "tiers": 0, "version": "4.20.0"},
    ],
    faults=[{"kind": "silent_patch_failure", "match": {"name": "telemetry"}, "times": "always"}],
)  # fmt: skip


def main() -> int:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"none of {', '.join(BROWSERS)} is installed; Debian's package is chromium", file=sys.stderr)
        return 1
    # Chromium of some distributions may only read what is below a home.
    with tempfile.TemporaryDirectory() as folder, Cloud(CLOUD, Path(folder)) as cloud:
        plan = cloud.check(probe=True)
        cloud.check(nights={"start": "23:00", "length": "8m"})
        night = _read(cloud, "latest/plan.html")
        run = cloud.start(UPGRADE, *extra_vars({"probe": True, "probe_patience": 5, "max_failures": 3}))
        wait_for(lambda: json.loads(_read(cloud, "latest/report.json"))["summary"].get("upgraded", 0) > 3)
        living, runs = _read(cloud, "latest/report.html"), _read(cloud, "index.html")
        run.communicate()
        page = _read(cloud, "latest/report.html")
        shots = {
            "plan.png": (TERMINAL % _terminal(plan.stdout), TERMINAL_WIDTH),
            "plan-timeline.png": (_only(night, r"class=\"outcome\"|<h2>Predicted timeline"), WIDTH),
            "living.png": (_only(living, r"class=\"outcome\"|<h2>Timeline"), WIDTH),
            "index.png": (_only(runs, ""), WIDTH),
            "report.png": (_only(page, r"class=\"outcome\"|<h2>What is not done|<h2>Checks"), WIDTH),
            "report-timeline.png": (_only(page, r"<h2>Timeline"), WIDTH),
        }
        for name, (text, width) in shots.items():
            _shoot(browser, text, width, IMAGES / name, Path(folder))
            print(f"written: docs/images/{name}")
    return 0


def _read(cloud: Cloud, name: str) -> str:
    file = cloud.folder / "sysvm-report" / name
    return file.read_text(encoding="utf-8") if file.exists() else '{"summary": {}}'


def _terminal(output: str) -> str:
    """The plan in what a run prints, with its first lines in bold."""
    start = output.index("Scope: ")
    lines = ["$ ansible-playbook cloudstack.sysvm.check_sysvms -e sysvm_probe=true", "", *output[start:].splitlines()]
    end = next(number for number, line in enumerate(lines) if line.startswith("ok: ["))
    shown = [html.escape(line if len(line) <= 150 else f"{line[:149]}…") for line in lines[:end]]
    bold = re.compile(r"(\$ |Scope: |Upgrade to |Step |Checks: )")
    return "\n".join(f"<b>{line}</b>" if bold.match(line) else line for line in shown).rstrip()


def _only(page: str, titles: str) -> str:
    """The page with only those sections that have one of these in their first lines."""
    head, *sections = page.split("<section")
    head = re.sub(r"<meta http-equiv=.*?>", "", head, flags=re.DOTALL)  # it forbids the script that measures
    kept = [section for section in sections if re.search(titles, section.partition("</h2>")[0] + "</h2>")]
    return (
        head
        + "".join(f"<section{section.partition('</section>')[0]}</section>" for section in kept)
        + "</main></body></html>"
    )


def _shoot(browser: str, page: str, width: int, image: Path, folder: Path) -> None:
    """As high as the page is."""
    file = folder / "page.html"
    file.write_text(f"{page}<script>document.title = document.documentElement.scrollHeight</script>", encoding="utf-8")
    own = ("--headless", "--no-sandbox", *QUIET, "--hide-scrollbars", f"--user-data-dir={folder / 'browser'}")

    def start(*options: str) -> str:
        command = (browser, *own, *options, file.as_uri())
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    height = re.search(r"<title>(\d+)</title>", start(f"--window-size={width},100", "--dump-dom"))
    if height is None:
        raise RuntimeError("the browser did not say how high the page is")
    start(f"--window-size={width},{height[1]}", f"--screenshot={image}")


if __name__ == "__main__":
    sys.exit(main())
