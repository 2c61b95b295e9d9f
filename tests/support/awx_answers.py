# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people answer to a survey of AWX, what they mean by it, and what becomes of it with the ansible-core at hand.

    python -m tests.support.awx_answers FOLDER

prints what became of the files in a folder, for tests that start it with another ansible-core.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.release import __version__

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import PREFIX
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.values import parse_deadline
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.typed import as_typed
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.variables import read_one
from tests.integration.awx_surveys import extravars_file, launch

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=timezone.utc)
REFUSED = "refused"
UNREADABLE = "unreadable"


class Answer(NamedTuple):
    kind: str
    name: str
    typed: Any
    meant: Any  # REFUSED: nobody can mean it


NAMES = ("zones", "names", "exclude_names", "owners")
# Each is a name that somebody may have given to a network.
ODD = (
    *(
        "010",
        "8",
        "0x8",
        "0o10",
        "0b1",
        "0042",
        "12:30",
        "1:2:3",
        "1e3",
        "1_000",
        "1.5",
        ".5",
        "-3",
        "+3",
        ".inf",
        ".nan",
    ),
    *("yes", "no", "on", "off", "true", "False", "y", "null", "Null", "~", "2026-11-29", "2026-11-29 10:00:00"),
    *("=", "<<", "*", "web*", "&a", "!x", "#x", "a: b", "a #b", "- a", "{a: b}", "'010'", '"010"', "{{ x }}", "Zürich"),
)
ANSWERS = [
    *(Answer("textarea", name, typed, [typed]) for name in NAMES for typed in ODD),
    *(Answer("text", "names", typed, [typed]) for typed in ODD),
    *(Answer("textarea", "names", f"{typed}\n", [typed]) for typed in ODD),
    *(Answer("textarea", "names", f"{typed},", [typed]) for typed in ODD),
    *(Answer("textarea", "names", f"{typed}\r\n8\r\n", [typed, "8"]) for typed in ODD),
    Answer("textarea", "zones", "Berlin\r\nHamburg Nord\n", ["Berlin", "Hamburg Nord"]),
    Answer("text", "zones", "Berlin, Munich", ["Berlin", "Munich"]),
    Answer("text", "zones", '["Berlin, Nord", "010"]', ["Berlin, Nord", "010"]),
    *(Answer(kind, name, "", []) for kind in ("text", "textarea") for name in NAMES),
    *(Answer(kind, name, "\n", REFUSED) for kind in ("text", "textarea") for name in NAMES),
    *(
        Answer("text", "deadline", typed, typed.strip())
        for typed in (
            *(
                "T22:00",
                "22:00",
                "22:00\n",
                "02:00",
                "4h",
                "90m",
                "1h30m",
                "2026-12-01T04:00+01:00",
                "2026-12-01 04:00",
            ),
            *(
                "2026-12-01T04:00:00+01:00",
                "2026-12-01 04:00:00",
                "2026-12-01T04:00:00Z",
                "2026-12-01T04:00",
                "2026-12-01",
            ),
        )
    ),
    *(Answer("text", "deadline", typed, REFUSED) for typed in ("null", "~", "no", "2200", "12", "1.5")),
    Answer("text", "deadline", "", ""),
    *(Answer("text", "max_failures", typed, meant) for typed, meant in (("0", "0"), ("5%", "5%"), ("12", "12"))),
    *(Answer("text", "max_failures", typed, REFUSED) for typed in ("null", "yes", "-1", "many")),
    Answer("text", "parallel", "20", 20),
    Answer("integer", "parallel", 5, 5),
    Answer("integer", "max_failures", 2, "2"),
    Answer("float", "soak", 900.0, 900),
    *(Answer("text", "target_version", typed, typed) for typed in ("4.20.2.0", "4.20", "4.22")),
    Answer("text", "select", "kind == 'vpc' && redundant", "kind == 'vpc' && redundant"),
    Answer("multiplechoice", "method", "live_patch", "live_patch"),
    Answer("multiplechoice", "pause", "none", "none"),
    Answer("multiplechoice", "canaries", "false", False),
    Answer("multiplechoice", "canaries", "true", True),
    Answer("multiselect", "kinds", ["ssvm", "network"], ["ssvm", "network"]),
    Answer("multiselect", "kinds", [], REFUSED),
    Answer("multiselect", "recreate", ["unsupported", "failed"], ["unsupported", "failed"]),
    Answer("multiselect", "recreate", [], []),
    Answer("multiselect", "waves", ["1", "20%"], ["1", "20%"]),
    Answer("multiselect", "zones", ["010", "Berlin"], ["010", "Berlin"]),
    *(Answer("password", "api_secret", typed, typed) for typed in ("s3:cr,et\\", "0123456", "1e5", "!x")),
    Answer("password", "api_secret", "", None),
]


def write(answer: Answer, path: Path) -> None:
    """What AWX gives to the job for it."""
    question: dict[str, Any] = {"variable": PREFIX + answer.name, "type": answer.kind, "required": False}
    if answer.kind.startswith("multi"):
        question["choices"] = answer.typed if isinstance(answer.typed, list) else [answer.typed]
    variables = launch({}, [question], {question["variable"]: answer.typed})
    path.write_text(extravars_file(variables, {}), encoding="utf-8")


def became(path: Path, name: str) -> Any:
    """What the job takes it for."""
    try:
        read = DataLoader().load_from_file(str(path))
    except AnsibleError:
        return UNREADABLE
    try:
        found = read_one(name, {**read, **as_typed([f"@{path}"], read)}[PREFIX + name])
        if name == "deadline" and found:
            found = parse_deadline(found, NOW).isoformat()
    except (AnsibleError, SysvmError):
        return REFUSED
    return found


def check(answer: Answer, found: Any, core: str) -> None:
    """What was meant. A few texts ansible-core from 2.19 on cannot read at all, and of one nothing can be said."""
    meant = answer.meant
    if answer.name == "deadline" and meant not in (REFUSED, ""):
        meant = parse_deadline(meant, NOW).isoformat()
    if tuple(map(int, core.split(".")[:2])) >= (2, 19):
        alone = str(answer.typed).strip()
        if alone in ("=", "<<", "*") or (found == UNREADABLE and answer.typed == f"{alone}\n"):
            meant = UNREADABLE
        meant = REFUSED if answer.typed == ".nan" else meant
    assert json.dumps(found) == json.dumps(meant), answer


def all_that_became(folder: Path) -> dict[str, Any]:
    found = [became(folder / f"{number}.yml", answer.name) for number, answer in enumerate(ANSWERS)]
    return {"core": __version__, "found": found}


if __name__ == "__main__":
    print(json.dumps(all_that_became(Path(sys.argv[1]))))
