# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent to others has nothing of the names in it, and can still be understood."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.anonymise import TOKEN, Anonymizer, own_words
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.bundle import BundleError, make_bundle

UUID = "422244dd-11b1-505d-9a87-eb4579a88b98"
# Letters of many scripts, marks, and words that this collection uses itself.
NAME = st.one_of(
    st.text(min_size=1, max_size=12).filter(lambda text: re.search(r"\w", text) is not None and text == text.strip()),
    st.sampled_from(["network", "failed", "live", "web", "8", "010", "4.22.0.0", "network-1", "name", "Zürich", "a b"]),
)


def unit(name: str, zone: str, account: str) -> dict[str, Any]:
    return {
        "id": UUID,
        "name": name,
        "kind": "network",
        "zone": zone,
        "owner": {"account": account, "domain": "ROOT", "project": None},
        "status": "failed",
        "method": "live_patch",
        "reason": f"network {name} in {zone} of {account}: r-3-VM reports 4.19.1.0, not 4.22.0.0",
        "tags": {account: name},
        "vms": [{"id": UUID, "name": "r-3-VM", "host": f"{zone}-kvm-01"}],
    }


@given(st.lists(NAME, min_size=3, max_size=3))
def test_no_name_is_left_whatever_it_is(names: list[str]) -> None:
    anonymizer, report = Anonymizer(own_words()), {"units": [unit(*names)], "zones": [{"name": names[1], "span_s": []}]}
    anonymizer.learn(report)
    made = anonymizer.data(report)
    line = anonymizer.text(f"19:40:06 FAILED network {names[0]} in 10 s")
    [told] = made["units"]
    texts = [told["name"], told["zone"], *told["owner"].values(), told["reason"], *told["tags"], *told["tags"].values()]
    for text in filter(None, [*texts, line, made["zones"][0]["name"]]):
        tokens = {token.casefold() for token in TOKEN.findall(text)}
        assert not {name.casefold() for name in names} & tokens, text
    assert (told["status"], told["kind"], told["method"]) == ("failed", "network", "live_patch"), "they are ours"
    assert anonymizer.left(made) == anonymizer.left(line) == set()


def test_what_is_left_can_be_understood() -> None:
    anonymizer, report = Anonymizer(own_words()), {"units": [unit("shop-db", "Berlin", "acme")]}
    anonymizer.learn(report)
    [told] = anonymizer.data(report)["units"]
    assert told["reason"] == "network network-1 in zone-1 of account-1: name-1 reports 4.19.1.0, not 4.22.0.0"
    assert (told["name"], told["vms"][0]["name"]) == ("network-1", "name-1"), "one label for one name"
    assert told["id"] == told["vms"][0]["id"] == "id-1"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("10.1.1.5 does not answer", "address-1 does not answer"),
        ("fd00::17 and 02:00:5e:10:00:01", "address-1 and address-2"),
        ("02-00-10-10-00-01 has 4.20.1.77 and 4.20.31.7", "address-1 has address-2 and address-3"),
        ("2026-11-30T02:28:34.567+00:00 at 19:40:06", "2026-11-30T02:28:34.567+00:00 at 19:40:06"),
        ("https://cloud.acme.com/client/api", "https://word-1/client/api"),
        ("jane.doe@acme.com", "word-1"),
        ("from 4.19.1.0 to 4.22.0.0 in 12.5 s", "from 4.19.1.0 to 4.22.0.0 in 12.5 s"),
        (
            "Scope: cloud c.acme.com (1 zone); names web*, 010; method auto",
            "Scope: cloud word-1 (1 zone); (names); method auto",
        ),
    ],
)
def test_texts(text: str, made: str) -> None:
    assert Anonymizer(own_words()).text(text) == made


def folder_of(tmp_path: Path) -> Path:
    evidence = tmp_path / "run/evidence/shop-db-422244dd"
    evidence.mkdir(parents=True)
    (evidence / "evidence.json").write_text(json.dumps({"unit": unit("shop-db", "Berlin", "acme")}), "utf-8")
    (tmp_path / "run/report.json").write_text(json.dumps({"units": [unit("shop-db", "Berlin", "acme")]}), "utf-8")
    (tmp_path / "run/log").write_text("2026-11-30 19:40:06 FAILED network shop-db in 10 s\n", "utf-8")
    (tmp_path / "run/report.html").write_text("shop-db", "utf-8")
    return tmp_path / "run"


def test_a_bundle_has_data_and_log_and_no_pages(tmp_path: Path) -> None:
    labels = make_bundle(str(folder_of(tmp_path)), str(tmp_path / "bundle.tar.gz"))
    with tarfile.open(tmp_path / "bundle.tar.gz") as archive:
        names = archive.getnames()
        text = "\n".join(archive.extractfile(name).read().decode() for name in names)  # type: ignore[union-attr]
    assert sorted(Path(name).name for name in names) == ["README", "evidence.json", "log", "report.json"]
    for original in ("shop-db", "Berlin", "acme", UUID, "422244dd"):
        assert original not in text + "".join(names)
    assert labels["shop-db"] == "network-1" and "FAILED network network-1 in 10 s" in text
    kept = tmp_path / "bundle.tar.gz.names.json"
    assert json.loads(kept.read_text("utf-8")) == labels and kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("change", ["nothing", "broken", "unwritable"])
def test_what_cannot_be_made_is_told(change: str, tmp_path: Path) -> None:
    run = folder_of(tmp_path)
    target = tmp_path / "bundle.tar.gz"
    if change == "nothing":
        (run / "report.json").unlink()
    elif change == "broken":
        (run / "report.json").write_text("{", "utf-8")
    else:
        target = tmp_path / "none/bundle.tar.gz"
    with pytest.raises(BundleError):
        make_bundle(str(run), str(target))
    assert not target.exists()
