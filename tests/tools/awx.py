# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX is given, as tests need it; the modules of awx.awx that it is given with, and a record of their arguments.

    python -m tests.tools.awx

records anew. The collection is not on its own in the registry of Python packages, but in the package ansible.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PACKAGE = "ansible==13.8.0"  # the newest that has awx.awx; 24.6.1 is also the newest release of AWX
RECORDED = ROOT / "tests/unit/awx_modules.json"
KINDS = yaml.safe_load((ROOT / "playbooks/awx.yml").read_text(encoding="utf-8"))[0]["tasks"][-1]["loop"]
VARIABLES = ROOT / "playbooks/vars/awx.yml"
KEPT = ("type", "elements", "required", "choices", "aliases")


class _Loader(yaml.SafeLoader):
    """Takes what is !unsafe as text."""

    def text(self, node: yaml.ScalarNode) -> str:
        return str(self.construct_scalar(node))


_Loader.add_constructor("!unsafe", _Loader.text)
LISTS = yaml.load(VARIABLES.read_text(encoding="utf-8"), _Loader)
SURVEY = LISTS["controller_workflows"][0]["survey_spec"]["spec"]


def playbooks() -> dict[str, str]:
    """Those of the project, as docs/awx.md shows them, by name."""
    page = (ROOT / "docs/awx.md").read_text(encoding="utf-8")
    return dict(re.findall(r"```yaml\n# (\w+\.yml)\n(.*?)```", page, re.DOTALL))


class NoRegistryError(Exception):
    """The package cannot be had."""


def collections() -> Path:
    """A folder with awx.awx to look for collections in; downloaded once.

    :raises NoRegistryError: with what the package client said.
    """
    folder = ROOT / ".cache" / "awx"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory() as download:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", download]
            # Only unpacked: which Python it is for does not matter.
            command += ["--only-binary=:all:", "--python-version", "3.12", PACKAGE]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise NoRegistryError(done.stderr.strip()[-300:])
            [wheel] = Path(download).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if name.startswith("ansible_collections/awx/awx/")]
                archive.extractall(folder, names)
        (folder / "complete").touch()
    return folder


def arguments(folder: Path) -> dict[str, Any]:
    """The collection's version, and of each module the names, types and choices of its arguments."""
    awx = folder / "ansible_collections/awx/awx"
    version = json.loads((awx / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_NOCOLOR": "1"}
    command = [str(BIN / "ansible-doc"), "-j", *(f"awx.awx.{kind['module']}" for kind in KINDS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    documented = json.loads(done.stdout)
    modules = {name.rpartition(".")[2]: _kept(entry["doc"]["options"]) for name, entry in documented.items()}
    return {"collection": "awx.awx", "version": version, "package": PACKAGE, "modules": modules}


def _kept(options: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, option in sorted(options.items()):
        found[name] = {key: option[key] for key in KEPT if option.get(key) not in (None, False, [])}
        if option.get("suboptions"):
            found[name]["options"] = _kept(option["suboptions"])
    return found


def _text(recorded: dict[str, Any]) -> str:
    """JSON with an argument on each line."""
    modules = []
    for module, options in sorted(recorded["modules"].items()):
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(option)}" for name, option in options.items())
        modules.append(f" {json.dumps(module)}: {{\n{lines}\n }}")
    head = {key: value for key, value in recorded.items() if key != "modules"}
    return json.dumps(head)[:-1] + ', "modules": {\n' + ",\n".join(modules) + "\n}}\n"


def main() -> None:
    RECORDED.write_text(_text(arguments(collections())), encoding="utf-8")
    print(f"written: {RECORDED.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
