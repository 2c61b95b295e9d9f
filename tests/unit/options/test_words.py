# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts name what the person who reads them can set."""

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import (
    name_options,
    with_options_named,
)

OPTIONS = {"names", "exclude_names", "method"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sysvm_names has 'web'", "names has 'web'"),
        ("sysvm_names and sysvm_exclude_names both name", "names and exclude_names both name"),
        ("use sysvm_method: auto, or sysvm_steps", "use method: auto, or sysvm_steps"),  # no option of this module
        ("cs_sysvm_names, my_sysvm_method", "cs_sysvm_names, my_sysvm_method"),
    ],
)
def test_variables_are_named_as_options(text: str, told: str) -> None:
    assert name_options(text, OPTIONS) == told


def test_data_is_left_alone() -> None:
    unit = {"name": "sysvm_names", "reason": "leave it out with sysvm_names", "notes": ["sysvm_method"], "vms": []}
    told = with_options_named({"plan": {"units": [unit]}, "changed": False}, OPTIONS)
    named = {**unit, "reason": "leave it out with names", "notes": ["method"]}
    assert told == {"plan": {"units": [named]}, "changed": False}


def test_for_a_role_nothing_is_changed() -> None:
    values = {"reason": "sysvm_names"}
    assert with_options_named(values, ()) == values
    assert name_options("sysvm_names", ()) == "sysvm_names"
