# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person may write in a variable: every variable, in every form in which YAML, -e and surveys hand it over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import PREFIX, OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.table import VARIABLES, default_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.wanted import SCOPE
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.variables import (
    OPTIONS_OF_MODULES,
    OWN_PREFIX,
    VariableError,
    read_one,
    read_variables,
    refuse_empty,
    refuse_unknown,
)
from tests.tools.generate import GROUPS, role_default

ROOT = Path(__file__).resolve().parents[3]
REFUSED = "refused"
MOST_VARIABLES = 47
LISTS: tuple[str, ...] = ("zones", "names", "exclude_names", "cidrs", "clouds", "ignore_checks")
FLAGS: tuple[str, ...] = ("validate_certs",)
WHOLE = {"parallel": 1, "per_host": 0, "api_connections": 1}
SECONDS = {
    "wait_idle": 0,
    **{"api_timeout": 1, "api_retry_limit": 0},
}
LINES: tuple[str, ...] = (
    *("log", "report_dir"),
    *("api_url", "api_key", "api_secret", "api_verify_ssl_cert"),
)
CHOICES: dict[str, tuple[str, ...]] = {
    "method": ("auto", "live_patch", "recreate"),
    "system_vm_mode": ("destroy", "restart"),
    "health_checks": ("none", "canary", "all"),
    "pause": ("none", "after_canary", "after_each_step"),
    "on_interrupt": ("leave", "wait"),
    "progress": ("stdout", "stderr", "none"),
}
SOME_OF: dict[str, tuple[str, ...]] = {"kinds": ("ssvm", "cpvm", "router", "network", "vpc", "internal_lb")}
MEANT = {
    **{"select": "expression", "waves": "sizes", "max_failures": "share"},
    **{"deadline": "moment", "target_version": "release"},
}

# What these are is pinned above; an option that is added to the table is tested by its type, without a line here.
for _option in VARIABLES.values():
    _name, _type, _lowest = _option.name, _option.type, _option.lowest
    if _name in {*LISTS, *FLAGS, *WHOLE, *SECONDS, *LINES, *CHOICES, *SOME_OF, *MEANT}:
        continue
    if _option.choices and not _option.means:
        (SOME_OF if _type == "list" else CHOICES)[_name] = _option.choices
    elif _type == "int" and _lowest is not None:
        (SECONDS if _option.means == "seconds" else WHOLE)[_name] = int(_lowest)
    elif _option.means:
        MEANT[_name] = _option.means
    elif _type == "list":
        LISTS = (*LISTS, _name)
    elif _type == "bool":
        FLAGS = (*FLAGS, _name)
    else:
        LINES = (*LINES, _name)


def means(meant: Any, *written: Any) -> list[tuple[Any, Any]]:
    return [(each, meant) for each in written]


def forms(name: str) -> list[tuple[Any, Any]]:
    """What may be written, and what it means."""
    if name in LISTS:
        return [
            ("a", ["a"]),
            ("a, b", ["a", "b"]),
            ("a\nb", ["a", "b"]),
            ("a\r\n b \r\n", ["a", "b"]),
            (["a", "b, c"], ["a", "b, c"]),
            ('["a", "b, c"]', ["a", "b, c"]),
            (["a\nb"], ["a", "b"]),
            (["a", None, "", " b "], ["a", "b"]),
            ("010,", ["010"]),
            (10, REFUSED),  # what YAML makes of 10, 012 and 0xA
            ([10, "x"], REFUSED),
            *means(REFUSED if name in SCOPE else [], [], [None], [""], ",", "\n,\n"),
            ({"a": 1}, REFUSED),
            (True, REFUSED),
            ([["a"]], REFUSED),
        ]
    if name in FLAGS:
        return [
            *means(True, True, "true", "True", "yes", "on", "1", 1, " YES ", "y", "t"),
            *means(False, False, "false", "False", "no", "off", "0", 0, "n", "f"),
            *means(REFUSED, "maybe", 2, "2", [], {}, 0.5, [True]),
        ]
    if name in WHOLE or name in SECONDS:
        lowest = {**WHOLE, **SECONDS}[name]
        return [
            *means(12, 12, "12", " 12 ", 12.0, "12.0"),
            *means(REFUSED, "ten", lowest - 1, str(lowest - 1), True, "true", [12], {}, 1.5, "nan", "inf", "1e400"),
            *([("30m", 1800), ("1h30m", 5400), ("90s", 90)] if name in SECONDS else [("30m", REFUSED)]),
        ]
    if name in LINES:
        return [
            ("~/a b", "~/a b"),
            (" /x \n", "/x"),
            *means(REFUSED, "a\nb", ["a"], {"a": 1}, True, 7),
        ]
    if name in CHOICES:
        return [
            *((choice, choice) for choice in CHOICES[name]),
            *((f" {choice.upper()} ", choice) for choice in CHOICES[name]),
            *((choice.replace("_", "-"), choice) for choice in CHOICES[name]),
            *means(REFUSED, "other", True, [CHOICES[name][0]], {}, 3),
        ]
    if name in SOME_OF:
        first, second = SOME_OF[name][:2]
        return [
            *means([first, second], f"{first},{second}", f"{first}\n{second}", [first, second.upper()]),
            ([first, first], [first]),
            *means(REFUSED, "other", f"{first} {second}", True, {first: 1}),
        ]
    others: dict[str, list[tuple[Any, Any]]] = {
        "expression": [
            ("a == 'b'", "a == 'b'"),
            ("a == 'x  y'\n && b\n", "a == 'x  y' && b"),
            (["a"], REFUSED),
            (True, REFUSED),
            (1, REFUSED),
        ],
        "sizes": [
            *means(["1", "5", "20%"], [1, 5, "20%"], ["1", "5", "20 %"], "1, 5, 20%", "1\n5\n20%", '[1, 5, "20%"]'),
            (5, ["5"]),
            *means(REFUSED, "0", [0], "0%", "x", True, {"a": 1}, [1.5], -1, "101%"),
        ],
        "ports": [
            *means([22, 443], [22, 443], "22, 443", "22\n443", ["22", 443.0]),
            (22, [22]),
            *means(REFUSED, "ssh", [0], 65536, -1, True, [1.5], {"a": 1}),
        ],
        "evidence": [
            *means("server", True, "true", "yes", "server", " SERVER "),
            *means("none", False, "false", "none"),
            ("diagnostics", "diagnostics"),
            *means(REFUSED, "all", 2, ["server"], {}),
        ],
        "timeouts": [
            *means({"job": 3600, "verify": 10}, {"job": "1h", "verify": 10}, "job=1h, verify=10", "job=1h\nverify=10"),
            ('{"agent": "20m"}', {"agent": 1200}),
            ({}, {}),
            *means(REFUSED, 5, True, ["job"], "job", {"jobs": 5}, {"job": 0}, {"job": "soon"}, {1: 2}),
        ],
        "nights": [
            *means(
                {"start": "23:00", "length": 14400, "days": ["mon", "tue"], "zones": {}},
                {"start": "23:00", "length": "4h", "days": ["mon", "tue"]},
                '{"start": "T23:00", "length": "240m", "days": "Monday, tue"}',
            ),
            ({}, {}),
            *means(REFUSED, 5, True, "23:00", ["23:00"], {"start": 1380, "length": "4h"}, {"start": "23:00"}),
        ],
        "rehearse": [
            *means(True, True, "true", "yes", 1, {}, "{}"),
            *means(False, False, "no", 0),
            *means(
                {"fail": "2%", "slow": 2.0, "server_restart": "2400s", "host_down": "kvm1"},
                {"fail": "2 %", "slow": 2, "server_restart": "00:40", "host_down": "kvm1"},
                '{"fail": "2%", "slow": 2.0, "server_restart": "40m", "host_down": " kvm1 "}',
                "fail=2%, slow=2, server_restart=00:40, host_down=kvm1",
                {"fail": "2%", "slow": 2.0, "server_restart": "2400s", "host_down": "kvm1"},  # as it was read
            ),
            *means(REFUSED, "fail", 5, ["fail"], {"fails": 1}, {"fail": -1}, {"fail": "101%"}, {"slow": 0}),
            *means(REFUSED, {"slow": "fast"}, {"slow": True}, {"slow": 101}, {"host_down": ["a"]}, {1: 2}),
            *means(REFUSED, {"server_restart": 40}, {"server_restart": "soon"}, {"server_restart": "00:60"}),
        ],
        "release": [
            ("4.22", "4.22"),
            (" 4.20.1.0 ", "4.20.1.0"),
            *means(REFUSED, 4.2, 4, True, ["4.22"], {}, "4.22\n4.20"),
        ],
        "canaries": [
            *means(True, True, "true", "yes", 1, "1"),
            *means(False, False, "no", 0),
            *means(["web", "shop"], ["web", "shop"], "web, shop", "web\nshop"),
            (["yes"], ["yes"]),
            ("web-*", ["web-*"]),
            *means(REFUSED, 7, [], ",", {"a": 1}, [7], [True]),
        ],
        "hooks": [
            *means({"end": "end.yml"}, {"end": " end.yml "}, '{"end": "end.yml"}', {"end": "end.yml", "begin": None}),
            *means({}, {}, "{}", {"end": ""}),
            *means(
                REFUSED, "end.yml", ["end.yml"], {"ends": "end.yml"}, {"end": ["end.yml"]}, {"end": "a\nb"}, 1, True
            ),
        ],
        "plan": [
            (" a/plan.csv ", "a/plan.csv"),
            ([{"id": "1"}], [{"id": "1"}]),
            ({"localhost": {}}, {"localhost": {}}),
            *means(REFUSED, 7, True, [], ["a"], {}, "a\nb"),
        ],
        "share": [
            *means("3", 3, "3", " 3 ", 3.0),
            *means("10%", "10%", "10 %"),
            ("100%", "100%"),
            *means(REFUSED, "ten", -1, "-1", 1.5, "101%", True, [3], {}),
        ],
        "moment": [
            *means("22:00", "22:00", " 22:00 "),
            ("4h30m", "4h30m"),
            (datetime(2026, 11, 23, 6), "2026-11-23T06:00:00"),
            # what YAML 1.1 makes of 22:00 without quotes
            *means(REFUSED, yaml.safe_load("22:00"), 1320, "1320", True, ["22:00"], 6.5),
        ],
    }
    return others[MEANT[name]]


CASES = [(name, value, meant) for name in VARIABLES for value, meant in forms(name)]


@pytest.mark.parametrize(("name", "value", "meant"), CASES, ids=[f"{name}-{value!r}" for name, value, _meant in CASES])
def test_every_variable_in_every_form(name: str, value: Any, meant: Any) -> None:
    if meant == REFUSED:
        with pytest.raises(OptionError, match=f"^sysvm_{name} is ") as error:
            read_one(name, value)
        assert error.value.remedy
    else:
        found = read_one(name, value)
        assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("nothing", [None, "", "  ", "\n"])
def test_what_is_empty_is_refused_as_it_may_be_more_than_was_meant(name: str, nothing: Any) -> None:
    with pytest.raises(OptionError, match=f"^sysvm_{name} is given, but (is empty|names nothing).* leave it out"):
        refuse_empty({PREFIX + name: nothing})


def test_a_role_gives_nothing_that_is_empty() -> None:
    """Else what somebody gives could not be told from it."""
    defaults = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in ROOT.glob("roles/*/defaults/main.yml"))
    refuse_empty({name: value for each in defaults for name, value in each.items()})


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("nothing", ["", "  ", "\n"])
def test_a_question_of_awx_without_an_answer_is_the_default(name: str, nothing: Any) -> None:
    """But for what says which units are meant: there a text that comes out empty would mean all of them."""
    if name in SCOPE and nothing != "":
        with pytest.raises(OptionError, match=f"^sysvm_{name} is given, but names nothing"):
            read_one(name, nothing)
    else:
        assert read_one(name, nothing) == default_of(name)


@pytest.mark.parametrize("name", [name for name in VARIABLES if role_default(name) is not None])
def test_a_default_means_itself(name: str) -> None:
    assert read_one(name, role_default(name)) == default_of(name)


@pytest.mark.parametrize("name", ["names", "exclude_names", "zones", "cidrs"])
@pytest.mark.parametrize("number", [8, [8], 12.5, [2024]])
def test_what_came_as_a_number_is_refused_with_what_to_type(name: str, number: Any) -> None:
    """010 in a survey of AWX is 8 for ansible-core 2.19 and newer, and 12:30 is 750."""
    with pytest.raises(OptionError, match=r"quotes in YAML.*a comma.*010,"):
        read_one(name, number)


def test_a_name_that_yaml_takes_for_a_date_is_told_as_it_was_written() -> None:
    with pytest.raises(
        OptionError, match=r"^sysvm_names is \['a', 2026-01-02\]\. Give names as text: with quotes.*date"
    ):
        read_one("names", ["a", date(2026, 1, 2)])


def test_a_time_of_day_can_be_given_in_a_survey() -> None:
    with pytest.raises(OptionError, match="T22:00"):
        read_one("deadline", 1320)
    assert read_one("deadline", "T22:00") == "T22:00"


def test_a_secret_is_not_repeated() -> None:
    for name in ("api_url", "api_key", "api_secret"):
        with pytest.raises(OptionError) as error:
            read_one(name, ["geheim"])
        assert "geheim" not in str(error.value)
    with pytest.raises(VariableError, match="sysvm_api_secret: ") as unread:
        refuse_unknown({}, {"_raw_params": "sysvm_api_secret: geheim"})
    assert "geheim" not in str(unread.value)


def test_an_unquoted_time_of_day() -> None:
    with pytest.raises(OptionError, match="quote it"):
        read_one("deadline", yaml.safe_load("22:00"))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4))
def test_nothing_is_more_than_refused(value: Any) -> None:
    for name in VARIABLES:
        try:
            read_one(name, value)
        except OptionError as error:
            assert f"sysvm_{name}" in str(error)


# Names


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("sysvm_job_timeout", "is a part of sysvm_timeouts: write sysvm_timeouts: {job: 20m}"),
        ("sysvm_diagnostics", "is a part of sysvm_evidence"),
        ("sysvm_unsupported", "is a part of sysvm_recreate: write sysvm_recreate: [unsupported]"),
        ("sysvm_fallback", "is a part of sysvm_recreate: write sysvm_recreate: [failed]"),
        ("sysvm_allow_degraded", "is a part of sysvm_recreate: write sysvm_recreate: [degraded]"),
        ("sysvm_poll_interval", "is no variable; poll_interval is an option of the modules"),
        ("sysvm_api_region", "is no variable; api_region is an option of the modules. Set the environment variable"),
    ],
)
def test_an_option_of_the_modules_is_refused_with_the_variable_that_says_it(name: str, instead: str) -> None:
    with pytest.raises(VariableError, match=re.escape(f"{name} {instead}")):
        refuse_unknown({name: "x"}, {})


def test_no_variable_is_called_like_an_option_of_the_modules_alone() -> None:
    assert not {name.removeprefix(PREFIX) for name in OPTIONS_OF_MODULES} & set(VARIABLES)
    assert len(VARIABLES) <= MOST_VARIABLES


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("sysvm_zone", "sysvm_zones"),
        ("sysvm_exclude", "sysvm_exclude_names"),
        ("sysvm_exclude_name", "sysvm_exclude_names"),
        ("sysvm_name", "sysvm_names"),
        ("sysvm_kind", "sysvm_kinds"),
        ("sysvm_Zones", "sysvm_zones"),
        ("SYSVM_ZONES", "sysvm_zones"),
        ("sysvm_dead_line", "sysvm_deadline"),
        ("sysvm_owner", "sysvm_owners"),
    ],
)
def test_a_variable_that_nobody_reads_is_refused(name: str, near: str) -> None:
    with pytest.raises(VariableError, match=f"^{name}: did you mean {near}\\? No variable"):
        refuse_unknown({"sysvm_method": "auto", name: "Berlin"}, {})


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"zones": "Berlin"}, "zones: did you mean sysvm_zones?"),
        ({"exclude_names": "a"}, "exclude_names: did you mean sysvm_exclude_names?"),
        ({"sysvm": {"zones": ["Berlin"]}}, "sysvm is no variable of this collection"),
        ({"_raw_params": "sysvm_zones: Berlin"}, "sets nothing"),
        ({"sysvm_report": "/tmp/report"}, "sysvm_report would hide what the roles set themselves"),
    ],
)
def test_other_ways_to_miss_the_scope(extra: Mapping[str, Any], says: str) -> None:
    with pytest.raises(VariableError, match=re.escape(says)):
        refuse_unknown({**extra, "sysvm_zones": []}, extra)


def test_variables_of_ones_own() -> None:
    refuse_unknown({f"{OWN_PREFIX}ticket": 1, "my_sysvm_x": 1, "sysvmx": 1, "name": "theirs", "sysvm_planned": {}}, {})
    refuse_unknown({"sysvm_check": {}, "sysvm_zones": []}, {"sysvm_check": {}})
    refuse_unknown({"zones": ["Berlin"], "sysvm_zones": "{{ zones }}"}, {"zones": ["Berlin"]})


@pytest.mark.parametrize(
    "together",
    [
        {"pause": "after_canary", "canaries": "false"},
        {"soak": 60, "canaries": "false"},
    ],
)
def test_contradictions(together: Mapping[str, Any]) -> None:
    with pytest.raises(OptionError) as error:
        read_variables({PREFIX + name: value for name, value in together.items()})
    assert all(PREFIX + name in str(error.value) for name in together)
    for name in together:
        read_variables({PREFIX + each: value for each, value in together.items() if each != name})


def test_a_pause_after_a_canary_that_there_is_not() -> None:
    with pytest.raises(OptionError, match="there would be no pause at all"):
        read_variables({"sysvm_pause": "after_canary", "sysvm_canaries": False})


def test_a_mistake_is_named_with_the_way_out() -> None:
    for name, value, says, remedy in (
        (
            "max_failures",
            "many",
            "sysvm_max_failures is 'many'",
            "a number such as 3, or a percentage such as 10%.",
        ),
        ("parallel", 0, "sysvm_parallel is 0", "Give a whole number of at least 1"),
        ("progress", "paper", "sysvm_progress is 'paper'", "stdout, stderr, none"),
    ):
        with pytest.raises(OptionError, match=says) as error:
            read_one(name, value)
        assert remedy in str(error.value)


def test_both_playbooks_refuse_hosts_that_are_not_there() -> None:
    paths = [ROOT / f"playbooks/{name}_sysvms.yml" for name in ("check", "upgrade")]
    plays = [yaml.safe_load(path.read_text(encoding="utf-8"))[0] for path in paths]
    assert plays[0]["hosts"] == plays[1]["hosts"]


# The roles document the same


def documented() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        found |= yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return found


def test_roles_document_every_variable_with_its_default() -> None:
    secret = {name for name, variable in VARIABLES.items() if variable.hides} | {"api_url"}
    # clouds is the playbooks'; what has no default comes from the environment.
    expected = {PREFIX + name for name in VARIABLES} - {PREFIX + name for name in (*secret, "clouds")}
    assert set(documented()) == expected
    for name, option in documented().items():
        assert option.get("default") == role_default(name.removeprefix(PREFIX)), name
        assert option["type"] == "raw", "Ansible would refuse an empty survey answer before it can be read"


@pytest.mark.parametrize("name", [*CHOICES, *SOME_OF])
def test_roles_document_every_choice(name: str) -> None:
    text = str(documented()[PREFIX + name])
    assert all(f"V({choice})" in text for choice in (CHOICES | SOME_OF)[name])


def test_each_variable_is_in_one_group_of_its_page() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(VARIABLES)


def test_its_page_has_every_variable() -> None:
    page = (ROOT / "docs/variables.md").read_text(encoding="utf-8")
    assert [name for name in VARIABLES if f"`{PREFIX}{name}`" not in page] == []
    assert f"`{OWN_PREFIX}" in page


def test_the_scope_is_what_narrows() -> None:
    assert set(SCOPE) == {"zones", "kinds", "names", "exclude_names", "cidrs", "select", "owners", "approved_plan"}
