# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts name what the person who reads them can set, and leave alone what the cloud is called."""

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import (
    OptionError,
    called,
    naming_options,
    words,
)

OWN = ("names", "exclude_names", "method")


@pytest.mark.parametrize(
    ("text", "alone", "in_a_role"),
    [
        ("O(names) has 'web'", "names has 'web'", "sysvm_names has 'web'"),
        ("use O(method): auto", "use method: auto", "use sysvm_method: auto"),
        ("or O(probe)", "or sysvm_probe", "or sysvm_probe"),  # no option of this module
        ("sysvm_names, MO(names)", "sysvm_names, MO(names)", "sysvm_names, MO(names)"),
    ],
)
def test_options_are_named_as_whoever_reads_can_set_them(text: str, alone: str, in_a_role: str) -> None:
    with naming_options(OWN):
        assert words(text) == alone
    assert words(text) == in_a_role


def test_an_error_is_put_into_words_where_it_is_shown() -> None:
    error = OptionError("has 'sysvm_names' and O(names), but nothing is called so", option="names", remedy="Look.")
    told = " has 'sysvm_names' and O(names), but nothing is called so"
    with naming_options(OWN):
        assert str(error) == f"names{told}. Look."
        assert error.details() == {
            **{"type": "OptionError", "message": f"names{told}"},
            **{"remedy": "Look.", "option": "names"},
        }
    assert str(error) == f"sysvm_names{told}. Look."


def test_names_hold_until_the_module_ends_also_by_an_error() -> None:
    with pytest.raises(ZeroDivisionError), naming_options(OWN):
        assert called("names") == "names"
        raise ZeroDivisionError
    assert called("names") == "sysvm_names"
