# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys and answers as AWX 24.6.1 takes and refuses them, and the file in which it hands them on. Pure.

As read in awx/api/views, awx/main/models/mixins.py and awx/main/utils/safe_yaml.py, and seen on a real AWX.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

NUMBER = (int, float)
# Of a default (its SURVEY_TYPE_MAPPING), and of an answer.
DEFAULTS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("text", "textarea", "password", "multiplechoice", "multiselect"), (str,)),
    "integer": (int,),
    "float": NUMBER,
}
ANSWERS: dict[str, Any] = {**DEFAULTS, "multiselect": (list,)}

Question = Mapping[str, Any]


class RefusedError(Exception):
    """An answer with status 400."""


def check_survey(survey: Mapping[str, Any]) -> None:
    """:raises RefusedError: for a survey that AWX does not take."""
    need(isinstance(survey.get("name"), str) and isinstance(survey.get("description"), str), "name, description")
    need(isinstance(survey.get("spec"), list) and bool(survey["spec"]), "'spec' doesn't contain any items.")
    variables = [question.get("variable") for question in survey["spec"]]
    need(len(variables) == len({*variables}), "a variable twice")
    for question in survey["spec"]:
        kind, default = question.get("type"), question.get("default", "")
        need(all(isinstance(question.get(key), str) for key in ("type", "question_name", "variable")), str(question))
        need(isinstance(question.get("required"), bool), f"required: {question}")
        need(kind in DEFAULTS, f"type: {question}")
        need(default == "" or isinstance(default, DEFAULTS[kind]), f"default: {question}")
        need(all(isinstance(question.get(key, 0), int | None) for key in ("min", "max")), f"limits: {question}")
        if kind.startswith("multi"):
            need("choices" in question, f"choices: {question}")
            chosen = [line for line in default.splitlines() if line.strip()]
            need(all(choice in question["choices"] for choice in chosen), f"default: {question}")
            need(kind == "multiselect" or len(chosen) <= 1, f"one default: {question}")
        need(not str(default).startswith("$encrypted$"), f"$encrypted$ is reserved: {question}")


def need(holds: bool, what: str) -> None:
    """:raises RefusedError: with what, unless it holds."""
    if not holds:
        raise RefusedError(what)


def launch(
    template: Mapping[str, Any], spec: Sequence[Question], answers: Mapping[str, Any], *, workflow: bool = False
) -> dict[str, Any]:
    """The variables of the job.

    :param template: its extra variables; defaults of questions beat them, and answers both.
    :param workflow: takes only what somebody asks for; a template drops the rest.
    :raises RefusedError: for an answer that AWX does not take.
    """
    asked = {question["variable"] for question in spec}
    unasked = {name for name in answers if name not in asked and template.get(name) != answers[name]}
    need(not (workflow and unasked), f"Variables {', '.join(sorted(unasked))} are not allowed on launch.")
    for question in spec:
        if question["variable"] in answers:
            need(_fits(question, answers[question["variable"]]), f"{question['variable']}: {answers}")
        else:
            need(not question["required"], f"'{question['variable']}' value missing")
    # A default of a multiselect is a text, which is no answer to it, so AWX passes no value.
    defaults = {
        question["variable"]: question["default"]
        for question in spec
        if "default" in question and _fits(question, question["default"])
    }
    return {**template, **defaults, **{name: value for name, value in answers.items() if name in asked}}


def _fits(question: Question, answer: Any) -> bool:
    """An empty text answers no question for a number or a choice."""
    kind = question["type"]
    if not isinstance(answer, ANSWERS[kind]) or isinstance(answer, bool):
        return False
    if kind.startswith("multi"):
        choices = question["choices"].splitlines() if isinstance(question["choices"], str) else question["choices"]
        return all(choice in choices for choice in ([answer] if isinstance(answer, str) else answer))
    size: float = len(answer) if isinstance(answer, str) else answer
    lowest, highest = question.get("min"), question.get("max")
    return (lowest in ("", None) or size >= int(lowest)) and (highest in ("", None) or size <= int(highest))


class _Unsafe(yaml.SafeDumper):
    """Marks each text, names as well."""


_Unsafe.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text))


def extravars_file(variables: Mapping[str, Any], template: Mapping[str, Any]) -> str:
    """What ansible-playbook is given; what the template itself says is trusted."""
    return "".join(
        yaml.dump(
            {name: value},
            Dumper=yaml.SafeDumper if name in template and template[name] == value else _Unsafe,
            default_flow_style=False,
        )
        for name, value in {"awx_job_id": 7, **variables}.items()
    )
