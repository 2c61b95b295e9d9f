# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Against real sockets: what a test's session cannot show."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import itertools
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    SubmitUncertainError,
    UnavailableError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.pages import page_at

THINGS = 80
BODY = b'{"answer": {"jobid": "j"}}'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        self.server.requests += 1  # type: ignore[attr-defined]
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.server.drops:  # type: ignore[attr-defined]
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        body = self.server.answer(dict(parse_qsl(asked)))  # type: ignore[attr-defined]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    connections = requests = 0
    drops = False

    def answer(self, params: dict[str, str]) -> bytes:
        """Things, or a job."""
        if params["command"] != "listThings":
            return BODY
        size, page = int(params["pagesize"]), int(params["page"])
        things = [{"id": str(number)} for number in range(THINGS)]
        return json.dumps({"answer": {"count": len(things), "thing": things[size * (page - 1) : size * page]}}).encode()

    def handle_error(self, *args: Any) -> None:
        pass


Start = Callable[..., Server]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    servers = []

    def start_one(tls: ssl.SSLContext | None = None) -> Server:
        server = Server(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        server.shutdown()
        server.server_close()


def client_of(server: Server | int, scheme: str = "http", **options: Any) -> Client:
    port = server if isinstance(server, int) else server.server_address[1]
    connection = Connection(f"{scheme}://127.0.0.1:{port}/client/api", "the-key-1", "the-secret-1", **options)
    return Client(connection, sleep=lambda seconds: None, clock=iter(range(10_000)).__next__)


def test_one_connection_carries_all_calls(start: Start) -> None:
    server = start()
    with client_of(server) as client:
        for dummy in range(5):
            client.read("listZones")
            client.submit("restartNetwork", id="n")
    assert (server.connections, server.requests) == (1, 10)


@pytest.mark.parametrize("at_once", [1, 4])
def test_the_connections_of_a_listing_are_bounded_and_kept_open(start: Start, at_once: int) -> None:
    server = start()
    with client_of(server, page_size=10, connections=at_once) as client:
        for dummy in range(3):
            assert len(client.list("listThings", "thing")) == THINGS
    last = next(position for position in itertools.count() if page_at(position, 10).end > THINGS)
    assert server.requests == 3 * (last + 1), "each page once, up to the first that is not full"
    assert server.connections <= at_once


def test_a_connection_dropped_after_sending_is_uncertain_and_not_repeated(start: Start) -> None:
    server = start()
    with client_of(server) as client:
        client.read("listZones")
        server.drops = True
        with pytest.raises(SubmitUncertainError):
            client.submit("restartNetwork", id="n")
        assert server.requests == 2
        with pytest.raises(UnavailableError, match="Tried"):
            client.read("listZones")
        server.drops = False
        assert client.submit("restartNetwork", id="n") == "j"


def test_a_refused_connection_is_certain(start: Start) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with client_of(unused.getsockname()[1]) as client, pytest.raises(UnavailableError, match="refused") as caught:
            client.submit("restartNetwork", id="n")
    assert caught.value.__class__ is UnavailableError


def test_a_name_without_address_is_certain(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*dummy: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with client_of(1) as client, pytest.raises(UnavailableError, match="cannot be resolved") as caught:
        client.submit("restartNetwork", id="n")
    assert caught.value.rejected


def test_a_silent_server_times_out_uncertainly(start: Start) -> None:
    words = r"no answer within 0.05 seconds \(api_timeout\)"
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        client_of(silent.getsockname()[1], timeout=0.05) as client,
        pytest.raises(SubmitUncertainError, match=words),
    ):
        client.submit("restartNetwork", id="n")


def test_a_proxy_that_does_not_answer_is_named_without_its_password(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        monkeypatch.setenv("http_proxy", f"http://user:hidden@127.0.0.1:{port}")
        with client_of(1) as client, pytest.raises(UnavailableError, match=rf"proxy http://127.0.0.1:{port}") as caught:
            client.submit("restartNetwork", id="n")
    assert "hidden" not in str(caught.value)
    assert caught.value.rejected


def test_a_proxy_of_the_environment_is_used(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = start()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
    with client_of(1) as client:
        assert client.read("listZones") == {"jobid": "j"}
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with client_of(1) as client, pytest.raises(UnavailableError, match=r"api: the connection failed \(Connection ref"):
        client.submit("restartNetwork", id="n")


def test_a_tunnel_that_the_proxy_refuses_is_certain(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{start().server_address[1]}")  # it knows no CONNECT
    with client_of(1, "https") as client, pytest.raises(UnavailableError, match="proxy refused") as caught:
        client.submit("restartNetwork", id="n")
    assert caught.value.rejected


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
    path.write_bytes(private + made.public_bytes(encoding))
    return path


@pytest.fixture
def tls_server(start: Start, certificate: Path) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return start(context)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("trust", ["the certificate", "anything"])
def test_tls(tls_server: Server, certificate: Path, trust: str) -> None:
    options = {"verify_cert": False} if trust == "anything" else {"ca_file": str(certificate)}
    with client_of(tls_server, "https", **options) as client:
        assert client.submit("restartNetwork", id="n") == "j"
        assert client.read("listZones") == {"jobid": "j"}
    assert tls_server.connections == 1


def test_an_unknown_certificate_is_certain_and_the_options_are_named(tls_server: Server) -> None:
    words = r"self.signed.*api_verify_ssl_cert.*validate_certs"
    with client_of(tls_server, "https") as client, pytest.raises(UnavailableError, match=words) as caught:
        client.submit("restartNetwork", id="n")
    assert caught.value.rejected


def test_https_where_http_is_spoken_is_certain(start: Start) -> None:
    with client_of(start(), "https") as client, pytest.raises(UnavailableError, match="TLS failed") as caught:
        client.submit("restartNetwork", id="n")
    assert caught.value.rejected
