# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All tests on each Python and ansible-core that go together. C(make matrix) runs it; the Makefile says how each is
done."""

from __future__ import annotations

import shutil

import nox

PYTHONS = ("3.11", "3.12", "3.13")
CORES = ("2.18", "2.19", "2.20", "2.21")
NEEDS_PYTHON_3_12 = ("2.20", "2.21")
PAIRS = [(python, core) for python in PYTHONS for core in CORES if python != "3.11" or core not in NEEDS_PYTHON_3_12]

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "none"  # make makes one for each pair


def _name(python: str, core: str) -> str:
    """One that -k can take: it reads an expression, in which 3.11 would be a number."""
    return f"py{python}_core{core}".replace(".", "")


each = nox.parametrize("version,core", [nox.param(*pair, id=_name(*pair)) for pair in PAIRS])


@nox.session
@each
def tests(session: nox.Session, version: str, core: str) -> None:
    """Unit, contract, fault and integration tests."""
    _make(session, version, core, "tests", "MARK=", f"PYTEST_ARGS={' '.join(session.posargs)}")


@nox.session
@each
def sanity(session: nox.Session, version: str, core: str) -> None:
    """ansible-test sanity, of the tests as well."""
    _make(session, version, core, "sanity", "SANITY_ARGS=")


@nox.session
@each
def integration(session: nox.Session, version: str, core: str) -> None:
    """ansible-test integration: the main path."""
    _make(session, version, core, "integration")


@nox.session
@each
def docs(session: nox.Session, version: str, core: str) -> None:
    """The documentation, without a warning."""
    _make(session, version, core, "docs")


def _make(session: nox.Session, version: str, core: str, *arguments: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None:
        session.skip(f"there is no python{version}")
    venv = f".cache/venvs/{_name(version, core)}"  # .cache is left out by all that walks through this folder
    session.run("make", "--no-print-directory", f"PYTHON={python}", f"VENV={venv}", f"CORE={core}", *arguments)
