# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All tests on each Python and ansible-core that go together. C(make matrix) runs it."""

from __future__ import annotations

import os
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
PYTHONS = ("3.11", "3.12", "3.13")
CORES = ("2.18", "2.19", "2.20", "2.21")
NEEDS_PYTHON_3_12 = ("2.20", "2.21")
PAIRS = [(python, core) for python in PYTHONS for core in CORES if python != "3.11" or core not in NEEDS_PYTHON_3_12]
# Names that -k can take: it reads an expression, in which 3.11 would be a number.
each = nox.parametrize(
    "python,core", [nox.param(python, core, id=f"py{python}_core{core}".replace(".", "")) for python, core in PAIRS]
)

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.envdir = ".cache/nox"  # which all that walks through this folder leaves out
if "PIP_INDEX_URL" in os.environ:
    os.environ.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])


@nox.session
@each
def tests(session: nox.Session, core: str) -> None:
    """Unit, contract, fault and integration tests."""
    _install(session, core)
    session.run("pytest", "-n", "4", *session.posargs)


@nox.session
@each
def sanity(session: nox.Session, core: str) -> None:
    """ansible-test sanity."""
    _install(session, core)
    session.run("tests/tools/sanity.sh", external=True)


@nox.session
@each
def integration(session: nox.Session, core: str) -> None:
    """ansible-test integration: the main path."""
    _install(session, core)
    session.run("tests/tools/integration.sh", external=True)


@nox.session
@each
def docs(session: nox.Session, core: str) -> None:
    """The documentation, without a warning."""
    _install(session, core)
    session.run("tests/tools/docsite/build.sh", external=True)


def _install(session: nox.Session, core: str) -> None:
    """What .venv has, with this ansible-core, and the link that makes this folder importable as the collection."""
    needs = ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt")
    session.install(*(part for file in needs for part in ("-r", file)), f"ansible-core~={core}.0")
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(str(session.run("python", "-c", place, silent=True)).strip())
    folder = packages / "ansible_collections" / "cloudstack"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "sysvm"
    if not link.exists():
        link.symlink_to(ROOT)
    session.env.update(
        VENV=session.virtualenv.location, ANSIBLE_COLLECTIONS_PATH=str(packages), PYTHONDONTWRITEBYTECODE=""
    )
