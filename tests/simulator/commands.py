# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of API commands: their parameters, and what has to hold before one is carried out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from tests.simulator import versions
from tests.simulator.entities import Entity, Owner
from tests.simulator.errors import PARAMETER, ApiError, invalid, unknown_value
from tests.simulator.jobs import JobRunner
from tests.simulator.versions import COMMANDS as SINCE
from tests.simulator.versions import PARAMETERS, missing_keys
from tests.simulator.world import World

RECORDED_APIS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "recorded" / "apis.json").read_text(encoding="utf-8")
)
# Which kinds of object a parameter may name. "id" and "ids" depend on the command.
KINDS = {
    "zoneid": {"zone"},
    "networkid": {"network"},
    "associatednetworkid": {"network"},
    "vpcid": {"vpc"},
    "projectid": {"project"},
    "domainid": {"domain"},
    "podid": {"pod"},
    "clusterid": {"cluster"},
    "hostid": {"host"},
    "virtualmachineid": {"router", "systemvm"},
    "routerid": {"router", "systemvm"},
    "targetid": {"router", "systemvm"},
}
PAGING = {"page", "pagesize"}
CUSTOM_JOB_ID = "customjobid"
"""Taken by every asynchronous command; listApis does not tell."""
LONGEST_VALUE = 255
UNLIMITED = -1
DATE_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
EXACT_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
T = TypeVar("T")


@dataclass
class Call:
    """One command that passed all checks."""

    world: World
    jobs: JobRunner
    command: Command
    params: dict[str, str]
    objects: dict[str, Entity] = field(default_factory=dict)
    at: float | None = None
    """The past moment whose state a list shows, by a stale_reads fault."""
    lie: int = 0
    """By how much a list's count is wrong, by a count_lies fault."""
    lost: int = 0
    """How many of the first are gone by now, by a list_shrinks fault."""
    items: int = 0
    """How many a list shows."""

    @property
    def custom_job_id(self) -> str | None:
        return self.params.get(CUSTOM_JOB_ID)

    def flag(self, name: str) -> bool:
        return self.params.get(name, "").lower() == "true"

    def same(self, name: str, entity: Entity | None) -> bool:
        """Whether a filter by id is absent or met."""
        return name not in self.objects or self.objects[name] is entity

    def equals(self, name: str, value: str | bool | None) -> bool:
        """Whether a filter by value is absent or met."""
        if name not in self.params:
            return True
        if isinstance(value, bool):
            return self.flag(name) is value
        return self.params[name] == value

    def select(
        self,
        items: Iterable[T],
        *,
        objects: dict[str, Callable[[T], Entity | None]] | None = None,
        values: dict[str, Callable[[T], str | bool | None]] | None = None,
        keyword: Callable[[T], Sequence[str]] | None = None,
        owner: Callable[[T], Owner] | None = None,
    ) -> list[T]:
        """The items that meet the filters which this call has; a filter says what it compares of an item.

        Only the filters that were sent cost time: lists may have thousands of items.
        """
        wanted_objects = [(get, self.objects[name]) for name, get in (objects or {}).items() if name in self.objects]
        wanted_values = [(name, get) for name, get in (values or {}).items() if name in self.params]
        word = self.params["keyword"].lower() if keyword is not None and "keyword" in self.params else None
        sees = self.may_see()
        return [
            item
            for item in items
            if (owner is None or sees(owner(item)))
            and all(get(item) is wanted for get, wanted in wanted_objects)
            and all(self.equals(name, get_value(item)) for name, get_value in wanted_values)
            and (word is None or keyword is None or any(word in text.lower() for text in keyword(item)))
        ]

    def moment(self, name: str) -> float | None:
        """A date in one of the forms that the server knows. What is near one of them is cut to the day, silently."""
        text = self.params.get(name)
        if text is None:
            return None
        own = timezone(timedelta(hours=self.world.server.utc_offset))
        try:
            if EXACT_DATE.fullmatch(text) and self.world.does(versions.DATES_HAVE_TIMES):
                return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
            if DATE_AND_TIME.fullmatch(text):
                return datetime.fromisoformat(text).replace(tzinfo=own).timestamp()
            day = datetime.fromisoformat(text[:10]).replace(tzinfo=own)
        except ValueError:
            raise ApiError(
                PARAMETER,
                f"Unable to parse date {text} for command {self.command.name.lower()}, please pass dates in the format "
                "mentioned in the api documentation",
            ) from None
        return day.timestamp() + (86399 if name == "enddate" else 0)

    # -- lists

    def may_see(self) -> Callable[[Owner], bool]:
        """Whose objects a list shows to the root admin (AccountManagerImpl.buildACLSearchParameters)."""
        params, listall = self.params, self.flag("listall")
        if "id" in params:
            return lambda owner: True
        project = params.get("projectid")
        if project == "-1":
            return lambda owner: listall or owner.project is not None
        if project is not None:
            return lambda owner: owner.project is not None and owner.project_id == project
        domain = self.objects.get("domainid")
        if domain is not None:
            below = domain.name + "/"
            recursive = self.flag("isrecursive") or listall
            account = params.get("account")
            return lambda owner: (
                owner.project is None
                and (account is None or owner.account == account)
                and (owner.path == domain.name or (recursive and owner.path.startswith(below)))
            )
        if listall:
            return lambda owner: owner.project is None
        return lambda owner: owner.project is None and owner.account == self.world.caller.account

    def alive(self, entities: Iterable[Entity], kind: type[T]) -> list[T]:
        """The entities of a kind that exist - or existed at the moment that a stale read shows."""
        if self.at is None:
            return [entity for entity in entities if isinstance(entity, kind)]
        at = self.at
        return [
            entity
            for entity in self.world.by_id.values()
            if isinstance(entity, kind) and entity.born <= at and (entity.removed is None or entity.removed > at)
        ]

    def text(self, entity: Entity) -> str:
        if self.at is not None:
            for moment, text in entity.history:
                if moment > self.at:
                    return text
        return self.world.json(entity)

    def page(self, items: Sequence[T], default: int | None = None) -> Sequence[T]:
        """As BaseListCmd.getPageSize: default is what a list has that nobody asked for pages of; -1 is no limit."""
        items = items[self.lost :]
        limit = self.world.page_limit
        size = limit if default is None else default
        if "pagesize" in self.params:
            size = int(self.params["pagesize"])
            if limit != UNLIMITED and size > limit:
                raise invalid(f"Page size can't exceed max allowed page size value: {limit}")
            if size == UNLIMITED and "page" in self.params:
                raise invalid("Can't specify page parameter when pagesize is -1 (Unlimited)")
        if size == UNLIMITED:
            return items
        number = int(self.params.get("page", 1))
        return items[max(number - 1, 0) * size :][:size]

    def entities(self, name: str, entities: Sequence[Entity]) -> str:
        return self.texts(name, entities, self.text)

    def rows(self, name: str, rows: Sequence[T], show: Callable[[T], dict[str, Any]]) -> str:
        return self.texts(name, rows, lambda row: self.shown(name, show(row)))

    def shown(self, name: str, row: dict[str, Any]) -> str:
        """An object of a list, without the keys that this server is too old for."""
        missing = missing_keys(name, self.world.server.version)
        return dump({key: value for key, value in row.items() if key not in missing} if missing else row)

    def texts(self, name: str, rows: Sequence[T], text: Callable[[T], str]) -> str:
        return self.counted(name, len(rows), [text(row) for row in self.page(rows)])

    def counted(self, name: str, count: int, texts: list[str]) -> str:
        """An empty list has no count, and a page past the last has nothing but the count."""
        self.items = len(texts)
        count += self.lie if count else 0
        if not count:
            return "{}"
        if not texts:
            return f'{{"count":{count}}}'
        return f'{{"count":{count},"{name}":[{",".join(texts)}]}}'


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    required: bool = False
    since: str | None = None


@dataclass(frozen=True)
class Command:
    name: str
    handler: Callable[[Call], str]
    response: str
    isasync: bool
    mutating: bool
    since: str | None
    params: dict[str, Parameter]
    id_kinds: frozenset[str]

    def exists(self, world: World) -> bool:
        return world.knows(self.since)

    def available(self, world: World) -> bool:
        """Whether this server has the command and the caller's role allows it."""
        return self.exists(world) and may_call(world, self.name)

    def description(self, world: World) -> dict[str, Any]:
        """An entry of listApis, without the parameters that the server is too old for."""
        entry = dict(RECORDED_APIS.get(self.name) or self._description())
        entry["params"] = [p for p in entry["params"] if world.knows(self.params[p["name"]].since)]
        return entry

    def _description(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": self.name, "description": self.name}
        if self.since is not None:
            entry["since"] = self.since
        entry["isasync"] = self.isasync
        entry["params"] = [
            {"name": p.name, "description": p.name, "type": p.type, "length": 255, "required": p.required}
            | ({"since": p.since} if p.since else {})
            for p in self.params.values()
        ]
        return entry | {"response": []}

    def prepare(self, world: World, jobs: JobRunner, raw: dict[str, str]) -> Call:
        """Check the parameters; the ones this server does not know are ignored without a word."""
        params = {}
        for name, value in raw.items():
            known = self.params.get(name.split("[")[0])
            if known is not None and world.knows(known.since):
                params[name] = value
        lower = self.name.lower()
        custom_id = raw.get(CUSTOM_JOB_ID)
        if custom_id is not None and self.isasync and world.server.customjobid != "ignore":
            if len(custom_id) > LONGEST_VALUE:
                raise ApiError(
                    PARAMETER,
                    f"Unable to execute API command {lower} due to invalid value. Value greater than max allowed "
                    f"length {LONGEST_VALUE} for param: injectedJobId",
                )
            params[CUSTOM_JOB_ID] = custom_id
        for parameter in self.params.values():
            if parameter.required and parameter.name not in params:
                raise ApiError(
                    PARAMETER, f"Unable to execute API command {lower} due to missing parameter {parameter.name}"
                )
        if params.get("pagesize", "-1") != "-1" and "page" not in params:
            raise ApiError(PARAMETER, '"page" parameter is required when "pagesize" is specified')
        if "page" in params and "pagesize" not in params:
            raise ApiError(PARAMETER, '"pagesize" parameter is required when "page" is specified')
        call = Call(world, jobs, self, params)
        for name, value in params.items():
            kinds = self.id_kinds if name == "id" else KINDS.get(name)
            if not kinds or (name == "projectid" and value == "-1"):
                continue
            # Rows of removed objects are found as well.
            entity = world.by_id.get(value)
            if entity is None or entity.kind not in kinds:
                if kinds != {"network"} or not world.projects or world.does(versions.NETWORK_IDS):
                    raise unknown_value(self.name, name, value)
                # As recorded: it is taken for the number of the first row that is there, a project's member.
                entity = Entity(id=value, nr=1, name="")
            call.objects[name] = entity
        for name in PAGING & set(params):
            if not params[name].lstrip("-").isdigit():
                raise unknown_value(self.name, name, params[name])
        return call


def may_call(world: World, name: str) -> bool:
    """By the caller's role: the first rule that fits decides. What none fits, an Admin role may call."""
    if name in world.forbidden or (world.allowed is not None and name not in world.allowed):
        return False
    for rule in world.role_permissions[world.caller_role] if world.caller_role else ():
        if re.fullmatch(rule["rule"].replace("*", r"\w*"), name, re.IGNORECASE):
            return rule["permission"] == "allow"
    return True


COMMANDS: dict[str, Command] = {}


def command(
    name: str, params: str = "", *, ids: str = "", response: str = "", mutating: bool = False, isasync: bool = False
) -> Callable[[Callable[[Call], str]], Callable[[Call], str]]:
    """Register a handler. params of a command that was not recorded: "name", "name:type", "name!" if required."""

    def register(handler: Callable[[Call], str]) -> Callable[[Call], str]:
        recorded = RECORDED_APIS.get(name)
        newer = PARAMETERS.get(name, {})
        if recorded is not None:
            parameters = [
                Parameter(p["name"], p["type"], p["required"], newer.get(p["name"], p.get("since")))
                for p in recorded["params"]
            ]
        else:
            parameters = []
            for word in params.split():
                parameter, dummy, type_ = word.partition(":")
                required, parameter = parameter.endswith("!"), parameter.rstrip("!")
                parameters.append(Parameter(parameter, type_ or "string", required, newer.get(parameter)))
        COMMANDS[name] = Command(
            name,
            handler,
            response or f"{name.lower()}response",
            recorded["isasync"] if recorded is not None else isasync,
            mutating,
            SINCE.get(name, recorded.get("since") if recorded is not None else None),
            {parameter.name: parameter for parameter in parameters},
            frozenset(ids.split()),
        )
        return handler

    return register
