# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes an archive of one run that can be sent to others: its data, log and evidence, without names."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from ..module_utils.api.errors import SysvmError
from .anonymise import Anonymizer, own_words

MOST_BYTES = 64 << 20  # of one file
README = """One run of the Ansible collection cloudstack.sysvm, without the names of its cloud.

Names, ids, addresses, accounts and endpoints are replaced, each always by the same label; so is every word that the
collection itself does not use. Pages, tables and tickets are left out, as they can be made again from the data.
Please look through it before you send it.
"""


class BundleError(SysvmError):
    """The archive cannot be made."""


def make_bundle(folder: str, target: str) -> dict[str, str]:
    """Write the archive of the run in a folder.

    :param target: its path; beside it C(.names.json) tells what stands for what, and stays at home.
    :returns: what stands for what.
    :raises BundleError: for a folder without a run, what cannot be read or written, and a name that would be left.
    """
    try:
        files = _read(Path(folder))
        anonymizer = Anonymizer(own_words())
        for content in files.values():
            if not isinstance(content, str):
                anonymizer.learn(content)
        without = {_renamed(name, anonymizer): _without_names(content, anonymizer) for name, content in files.items()}
        for name, content in without.items():
            if left := anonymizer.left([name, content]):
                raise BundleError(f"{len(left)} names would be left in {name}", remedy="Please report this as a bug.")
        texts = {name: content if isinstance(content, str) else _json(content) for name, content in without.items()}
        _write(target, {"README": README, **texts})
        _private(f"{target}.names.json", _json(anonymizer.labels))
    except OSError as error:
        raise BundleError(f"{error.filename} cannot be read or written: {error.strerror}") from None
    return anonymizer.labels


def _read(folder: Path) -> dict[str, Any]:
    """JSON as data, logs as texts."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or not (path.suffix == ".json" or path.name == "log"):
            continue
        if path.stat().st_size > MOST_BYTES:
            raise BundleError(f"{path} is too large", remedy="Send an excerpt by hand.")
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            found[str(path.relative_to(folder))] = json.loads(text) if path.suffix == ".json" else text
        except ValueError:
            raise BundleError(f"{path} is no JSON", remedy="Was it changed by hand?") from None
    if not any(name in found for name in ("plan.json", "report.json")):
        raise BundleError(f"{folder} has no run", remedy="Name the id of a run, as status_sysvms shows it.")
    return found


def _renamed(path: str, anonymizer: Anonymizer) -> str:
    folders, name = os.path.split(path)
    return os.path.join(*(anonymizer.text(folder) for folder in folders.split(os.sep)), name) if folders else name


def _without_names(content: Any, anonymizer: Anonymizer) -> Any:
    if isinstance(content, str):
        return "".join(anonymizer.text(line) for line in content.splitlines(keepends=True))
    return anonymizer.data(content)


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False)


def _write(target: str, texts: dict[str, str]) -> None:
    part = f"{target}.part"
    try:
        with (
            open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file,
            tarfile.open(fileobj=file, mode="w:gz") as archive,
        ):
            for name, text in texts.items():
                data = text.encode()
                entry = tarfile.TarInfo(f"sysvm-run/{name}")
                entry.size, entry.mode = len(data), 0o640
                archive.addfile(entry, io.BytesIO(data))
        os.replace(part, target)
    except OSError:
        with contextlib.suppress(OSError):
            os.remove(part)
        raise


def _private(path: str, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
