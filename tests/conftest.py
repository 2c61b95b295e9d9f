# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.examples import examples

ROOT = Path(__file__).resolve().parent.parent
SITE_PACKAGES = sysconfig.get_path("purelib")

# Whoever runs the tests may have settings for a cloud and for Ansible: none of them reaches a test or what it starts.
for name in [name for name in os.environ if name.startswith(("ANSIBLE_", "CLOUDSTACK_", "CONTROLLER_", "TOWER_"))]:
    del os.environ[name]
os.environ["ANSIBLE_CONFIG"] = str(ROOT / "tests/support/ansible.cfg")
# Keeps an older copy in ~/.ansible/collections out of every ansible command that a test starts.
os.environ["ANSIBLE_COLLECTIONS_PATH"] = SITE_PACKAGES
# For what tests start.
os.environ["PYTHONPATH"] = str(ROOT / "tests" / "support" / "short_lived")
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".cache" / "hypothesis"))
# How long something takes is a matter of benchmarks; a test shares its machine with others.
settings.register_profile("here", examples(100))
settings.load_profile("here")

link = Path(SITE_PACKAGES, "ansible_collections", "cloudstack", "sysvm")
if link.resolve() != ROOT:
    pytest.exit(f"{link} does not lead to {ROOT}: run `make setup`, then .venv/bin/pytest", returncode=2)

# Their tests look at one run, which each worker would make for itself.
SHARE_A_RUN = {"test_docs.py", "test_happy_path.py", "test_inventory.py", "test_mixed_estate.py", "test_skipped.py"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Between several workers: tests that compute beside tests that wait, so each folder is spread over the whole time;
    but the long ones not in the end, when some workers have no test any more."""
    if not hasattr(config, "workerinput"):
        return
    folders = [item.path.relative_to(ROOT).parts[1] for item in items]
    sizes, places = Counter(folders), Counter[str]()
    moments = {}
    for item, folder in zip(items, folders, strict=True):
        places[folder] += 1
        moments[item] = places[folder] / sizes[folder] * (0.9 if folder == "integration" else 1)
    items.sort(key=moments.__getitem__)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        """Hands out tests one by one, and as a whole the files above and those whose tests take no time."""

        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return path if Path(path).name in SHARE_A_RUN or path.startswith("tests/unit/") else nodeid

    return Scheduling(config, log)
