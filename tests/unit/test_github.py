# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GitHub does: it calls make, with pinned actions that may only read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAY_WRITE = {
    ("docs", "deploy"): {"pages": "write", "id-token": "write"},
    ("release", "github"): {"contents": "write"},
}

WHO = {
    f"GIT_{role}_{what}": f"nobody{at}"
    for role in ("AUTHOR", "COMMITTER")
    for what, at in (("NAME", ""), ("EMAIL", "@example.com"))
}

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def targets(path: Path) -> Iterator[str]:
    """The targets of the Makefile that a workflow names."""
    for job in jobs(path).values():
        for step in job["steps"]:
            for words in re.findall(r"\bmake ([^\n]*)", step.get("run", "")):
                named = [word for word in words.split() if "=" not in word]
                yield from job["strategy"]["matrix"]["target"] if named == ['"$TARGET"'] else named


def test_all_that_is_made_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    there = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {path.stem: set(targets(path)) for path in WORKFLOWS}
    assert {target for found in named.values() for target in found} <= there
    assert {"test", "docs", "sanity", "integration"} <= named["ci"]
    assert {"nightly", "bench"} <= named["nightly"]
    assert {"test", "build", "publish"} <= named["release"]


@each_workflow
def test_actions_are_pinned_and_say_which_version_that_is(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    assert [each for each in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_one_action_has_one_version() -> None:
    used = {each for path in WORKFLOWS for each in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))}
    assert len(used) == len({each.partition("@")[0] for each in used})


@each_workflow
def test_a_job_may_write_only_what_it_has_to(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}
    asked = {(path.stem, name): job["permissions"] for name, job in jobs(path).items() if "permissions" in job}
    assert asked == {key: rights for key, rights in MAY_WRITE.items() if key[0] == path.stem}


@each_workflow
def test_no_job_lasts_for_ever_or_keeps_credentials(path: Path) -> None:
    for job in jobs(path).values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@each_workflow
def test_a_shell_gets_what_others_wrote_in_variables_only(path: Path) -> None:
    runs = [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]
    assert [run for run in runs if "${{" in run] == []


def test_the_pairs_are_those_of_nox() -> None:
    matrix = jobs(ROOT / ".github/workflows/ci.yml")["units"]["strategy"]["matrix"]
    excluded = {(each["python"], each["core"]) for each in matrix["exclude"]}
    pairs = {(python, core) for python in matrix["python"] for core in matrix["core"]} - excluded
    assert jobs(ROOT / ".github/workflows/ci.yml")["sanity"]["strategy"]["matrix"]["core"] == matrix["core"]
    nox = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    constants: dict[str, Any] = {}
    exec("\n".join(re.findall(r"^(?:[A-Z_0-9]+ = [(\[].*)$", nox, re.MULTILINE)), constants)
    assert pairs == set(constants["PAIRS"])
    assert len(pairs) == 10


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="there is no actionlint here")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


# A release


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The working folder as one commit, with this venv."""
    copy = tmp_path / "clone"
    listed = ["git", "ls-files", "-z", "-co", "--exclude-standard", "--deduplicate"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in names:
        if name and not name.startswith("tests/recordings/") and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    (copy / ".venv").mkdir()
    (copy / ".venv/bin").symlink_to(Path(sys.executable).parent)
    for mark in (".runtime", ".dev"):
        (copy / ".venv" / mark).touch()
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All of it"]):
        subprocess.run(["git", *command], cwd=copy, env={**os.environ, **WHO}, check=True)
    return copy


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=clone, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.nightly
def test_a_release_has_version_notes_tarball_and_checksum(clone: Path) -> None:
    done = make(clone, "release", "VERSION=7.8.9")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "version: 7.8.9\n" in (clone / "galaxy.yml").read_text(encoding="utf-8")
    assert "sysvm-7.8.9.tar.gz" in (clone / "execution-environment.yml").read_text(encoding="utf-8")
    notes = (clone / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "#v7-8-9" in notes and "The first release" in notes and "Changes" not in notes, "nobody saw any"
    assert list((clone / "changelogs/fragments").glob("*.yml")) == []
    assert [path.name for path in (clone / "dist").glob("*.tar.gz")] == ["cloudstack-sysvm-7.8.9.tar.gz"]
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=clone / "dist", check=True, capture_output=True)
    assert "git tag -s 7.8.9" in done.stdout
    folders = (clone / name for name in ("docs", "playbooks", "plugins", "roles"))
    texts = [path.read_text(encoding="utf-8", errors="replace") for folder in folders for path in folder.rglob("*.*")]
    named = re.findall(r"(?:cloudstack-sysvm[-:]|\nversion_added: )(\d+\.\d+\.\d+)", "".join(texts))
    assert len(named) > 15 and {*named} == {"7.8.9"}
    [commit] = [line for line in done.stdout.splitlines() if "git commit" in line]
    subprocess.run(commit.partition(" && git tag")[0], shell=True, cwd=clone, env={**os.environ, **WHO}, check=True)
    left = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert left.stdout == "", "also what the next release needs"
    assert make(clone, "build", "TAG=7.8.8").returncode != 0, "a tag of another version"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "words"), [("", "VERSION is ''"), ("1.0", "Give three numbers"), ("1.0.0", "has changes")]
)
def test_a_release_is_refused_before_anything_is_written(clone: Path, version: str, words: str) -> None:
    (clone / "README.md").write_text("changed", encoding="utf-8")
    done = make(clone, "release", f"VERSION={version}")
    assert done.returncode != 0 and words in done.stderr
    assert not (clone / "dist").exists()
