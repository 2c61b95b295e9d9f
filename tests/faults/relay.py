# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between client and server: a load balancer, with TLS or without, or a proxy."""

from __future__ import annotations

import contextlib
import datetime
import enum
import ipaddress
import re
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = datetime.timedelta(days=1)
REFUSAL = b"<html><body><h1>Access denied</h1></body></html>"


class Fault(enum.Enum):
    """What it does to a request instead of passing it on."""

    SWALLOW = "the request never arrives, and the client waits"
    WITHHOLD = "the request arrives, the answer does not"
    DENY = "the proxy answers itself, with 403"


class Relay:
    """with Relay(simulator.url) as relay: talk to relay.url

    :param tls: the certificate to show; None for plain HTTP, or a proxy's.
    """

    def __init__(self, url: str, tls: Path | None = None) -> None:
        host, dummy, port = url.split("/")[2].partition(":")
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"{'https' if tls else 'http'}://{self.address}/client/api"
        self._certificate = tls
        self._connections: set[socket.socket] = set()
        self._fault: Fault | None = None
        self._lasts = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # close() alone would leave the thread in accept()
        self._listener.close()
        self._hang_up()

    def strike(self, fault: Fault, *, lasts: bool = False) -> None:
        """Do this to the next request, or to all from now on."""
        self._fault, self._lasts = fault, lasts

    def show(self, certificate: Path) -> None:
        """Use another certificate from now on; open connections end, as when a load balancer is reloaded."""
        self._certificate = certificate
        self._hang_up()

    def _hang_up(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, dummy = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection of a client, to its end."""
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self._certificate is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self._certificate)
                stack.callback(client.close)
                client = context.wrap_socket(client, server_side=True)
            stack.enter_context(client)
            self._connections.add(client)
            stack.callback(self._connections.discard, client)
            server = stack.enter_context(socket.create_connection(self._upstream))
            muted = threading.Event()
            back = threading.Thread(target=_answers, args=(server, client, muted), daemon=True)
            back.start()
            stack.callback(back.join)
            stack.callback(_end, server)
            while request := _request(client):
                fault = self._take()
                if fault is Fault.DENY:
                    head = f"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: {len(REFUSAL)}\r\n"
                    client.sendall(f"{head}Connection: close\r\n\r\n".encode() + REFUSAL)
                    return
                if fault is not None:
                    muted.set()
                if fault is not Fault.SWALLOW:
                    server.sendall(request)

    def _take(self) -> Fault | None:
        fault = self._fault
        if not self._lasts:
            self._fault = None
        return fault


def _request(client: socket.socket) -> bytes:
    """A whole request; empty at the end of the connection."""
    data, wanted = b"", 1
    while len(data) < wanted:
        received = client.recv(65536)
        if not received:
            return b""
        data += received
        head, end, dummy = data.partition(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: *(\d+)", head)
        wanted = len(head + end) + int(size[1] if size else 0) if end else len(data) + 1
    return data


def _answers(server: socket.socket, client: socket.socket, muted: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(65536):
            if not muted.is_set():
                client.sendall(data)
        _end(client)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def make_certificate(path: Path, *, expired: bool = False) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, path.stem)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - 10 * DAY)
        .not_valid_after(now - DAY if expired else now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password))
    with path.open("ab") as file:
        file.write(made.public_bytes(encoding))
    return path
