# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX: as much of its API as the modules of awx.awx use, with the refusals that matter here.

It keeps what it is given. Like AWX 24.6.1 (awx/main/fields.py, awx/api/serializers.py, awx/api/views) it never shows a
secret, refuses credential types, messages and surveys that it could not use later, wants a template's playbook to be
in the project, and knows only three fields of an approval.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.integration.awx_credentials import check_inputs, check_type, render
from tests.integration.awx_surveys import RefusedError, check_survey, launch, need

API = "/api/v2/"
TOKEN = "a token"
ENCRYPTED = "$encrypted$"
PLAYBOOKS = ("check_sysvms.yml", "upgrade_sysvms.yml")
TEMPLATES = ("job_templates", "workflow_job_templates", "projects", "workflow_approval_templates")
APPROVAL = ("name", "description", "timeout")
# What each kind of thing lets others do.
ROLES = {
    "job_templates": ("admin", "execute", "read"),
    "workflow_job_templates": ("admin", "execute", "read", "approval"),
    "credentials": ("admin", "use", "read"),
    "projects": ("admin", "use", "update", "read"),
    "inventories": ("admin", "use", "adhoc", "update", "read"),
}

Item = dict[str, Any]


class Awx:
    """Serves on a free port of this machine.

    :ivar items: what there is, by endpoint: C(items["job_templates"]).
    """

    def __init__(self) -> None:
        self.items: dict[str, list[Item]] = defaultdict(list)
        self.surveys: dict[int, Item] = {}
        self.linked: dict[tuple[int, str], list[int]] = defaultdict(list)
        self.secrets: dict[int, Item] = {}
        self.count = 0
        self.create("credentials", {"name": "Ansible Galaxy"})
        handler = type("Handler", (_Handler,), {"awx": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Awx:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def named(self, endpoint: str, name: str) -> Item:
        [found] = [item for item in self.items[endpoint] if name in (item.get("name"), item.get("identifier"))]
        return found

    def get(self, number: int) -> Item:
        [found] = [item for items in self.items.values() for item in items if item["id"] == number]
        return found

    # -- requests

    def answer(self, method: str, path: list[str], query: dict[str, str], data: Item) -> tuple[int, Item]:
        match method, path:
            case "GET", [endpoint]:
                return 200, _listing([self.shown(endpoint, item) for item in self.find(endpoint, query)])
            case "POST", [endpoint]:
                return 201, self.create(endpoint, data)
            case "GET", [endpoint, number]:
                return 200, self.shown(endpoint, self.get(int(number)))
            case "PATCH", [endpoint, number]:
                return 200, self.change(endpoint, self.get(int(number)), data)
            case "GET", [_endpoint, number, "survey_spec"]:
                return 200, self.surveys.get(int(number), {})
            case "POST", [_endpoint, number, "survey_spec"]:
                check_survey(data)
                self.surveys[int(number)] = data
                return 200, {}
            case "POST", [endpoint, number, "launch"]:
                return 201, self.launch(endpoint, int(number), data.get("extra_vars", {}))
            case "POST", [_endpoint, number, "create_approval_template"]:
                approval = self.create("workflow_approval_templates", data)
                self.get(int(number))["unified_job_template"] = approval["id"]
                return 201, approval
            case "GET", [_endpoint, number, relation]:
                return 200, _listing([self.get(other) for other in self.linked[int(number), relation]])
            case "POST", [_endpoint, number, relation]:
                linked = self.linked[int(number), relation]
                (linked.remove if data.get("disassociate") else linked.append)(data["id"])
                return 204, {}
        return 404, {"detail": "Not found."}

    def launch(self, endpoint: str, number: int, answers: Item) -> Item:
        """:raises RefusedError: for what a person must not answer."""
        template = self.get(number)
        asked = self.surveys[number]["spec"] if template.get("survey_enabled") else []
        given = template.get("extra_vars") or {}
        given = json.loads(given) if isinstance(given, str) else given
        return {"extra_vars": launch(given, asked, answers, workflow=endpoint == "workflow_job_templates")}

    def find(self, endpoint: str, query: dict[str, str]) -> Iterator[Item]:
        endpoints = TEMPLATES if endpoint == "unified_job_templates" else (endpoint,)
        for item in (item for each in endpoints for item in self.items[each]):
            if all(str(item.get(field)) == value for field, value in query.items()):
                yield item

    def create(self, endpoint: str, data: Item) -> Item:
        self.count += 1
        number = self.count
        item = {"id": number, "type": endpoint.removesuffix("s"), "url": f"{API}{endpoint}/{number}/"}
        self.change(endpoint, item, data)
        self.items[endpoint].append(item)
        return self.shown(endpoint, item)

    def change(self, endpoint: str, item: Item, data: Item) -> Item:
        if endpoint == "workflow_approval_templates":
            data = {key: value for key, value in data.items() if key in APPROVAL}
        self.check(endpoint, {**item, **data})
        if "inputs" in data and endpoint == "credentials":
            kept = self.secrets.setdefault(item["id"], {})
            kept.update({key: value for key, value in data["inputs"].items() if value != ENCRYPTED})
        item.update(data)
        return self.shown(endpoint, item)

    def shown(self, endpoint: str, item: Item) -> Item:
        related = {"survey_spec": f"{item['url']}survey_spec/"}
        if endpoint == "workflow_job_template_nodes" and item.get("unified_job_template"):
            related["unified_job_template"] = self.get(item["unified_job_template"])["url"]
        roles = {
            f"{role}_role": {"id": item["id"] * 100 + number} for number, role in enumerate(ROLES.get(endpoint, ()))
        }
        shown = {**item, "related": related, "summary_fields": {"object_roles": roles}, "scm_revision": ""}
        if endpoint == "credentials" and "inputs" in item:
            fields = self.get(item["credential_type"])["inputs"]["fields"]
            secret = {field["id"] for field in fields if field.get("secret")}
            shown["inputs"] = {key: ENCRYPTED if key in secret else value for key, value in item["inputs"].items()}
        return shown

    def check(self, endpoint: str, item: Item) -> None:
        """:raises RefusedError: for what AWX would not take."""
        if endpoint == "credential_types":
            check_type(item["inputs"], item["injectors"])
        elif endpoint == "credentials" and "credential_type" in item:
            check_inputs(item.get("inputs", {}), self.get(item["credential_type"])["inputs"])
        elif endpoint == "notification_templates":
            _check_messages(item["messages"])
        elif endpoint == "job_templates" and item["playbook"] not in PLAYBOOKS:
            raise RefusedError("Playbook not found for project.")


def _listing(items: list[Item]) -> Item:
    return {"count": len(items), "next": None, "results": items}


def _check_messages(messages: Item) -> None:
    job = {"name": 'a "job"', "status": "running", "artifacts": {}, "id": 42}
    approval = {"approval_status": "approved", "approval_node_name": "Approve Me", "workflow_url": "https://awx/1"}
    events, stages = (
        {"started", "success", "error", "workflow_approval"},
        {"running", "approved", "timed_out", "denied"},
    )
    need(messages.keys() <= events and messages.get("workflow_approval", {}).keys() <= stages, f"events: {messages}")
    for event, message in messages.items():
        for each in message.values() if event == "workflow_approval" else [message]:
            if not isinstance(json.loads(render(each["body"], {"job": job, "url": "https://awx/2", **approval})), dict):
                raise RefusedError(f"Webhook body for '{event}' should be a json dictionary.")


class _Handler(BaseHTTPRequestHandler):
    awx: Awx

    def _serve(self) -> None:
        status, answer = self._answer()
        content = b"" if status == 204 else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", "24.6.1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self) -> tuple[int, Item]:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"detail": "Authentication credentials were not provided."}
        url = urlsplit(self.path)
        path = url.path.removeprefix(API).strip("/").split("/")
        try:
            return self.awx.answer(self.command, path, dict(parse_qsl(url.query)), json.loads(body or b"{}"))
        except RefusedError as error:
            return 400, {"error": str(error), "__all__": [str(error)]}

    do_GET = do_POST = do_PATCH = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal of the tests."""
