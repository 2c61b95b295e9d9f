# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the API is, whose credentials to use, and how patient to be."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from .errors import SysvmError

# Set by the action plugin that runs a module after another one has worked with the server; no business of users.
MET_VARIABLE = "SYSVM_SERVER_MET"
# Where ansible-playbook was started, set likewise: Ansible runs modules in the folder of the playbook.
DIRECTORY_VARIABLE = "SYSVM_DIRECTORY"


@dataclass(frozen=True)
class Connection:
    """All that a Client needs to know. Neither key nor secret is in its C(repr).

    :param url: the API's URL, such as C(https://cloud.example.com/client/api). Its host names the cloud.
    :param key: the API key.
    :param secret: the secret key.
    :param http_method: C(post) or C(get), for reads; what changes something is always sent with POST.
    :param timeout: seconds to wait for a connection, and for each answer.
    :param verify_cert: whether the server's TLS certificate is checked.
    :param ca_file: file or directory of CA certificates to trust instead of the usual ones.
    :param others: URLs of other management servers of the same cloud.
    :param cert: file of a client certificate (PEM).
    :param cert_key: file of its key, where that is not in the same file.
    :param retry_limit: seconds for which a read that fails is repeated; a management server restarts in 1 to 3 minutes.
    :param page_size: how many items to ask for at a time.
    :param connections: how many pages of one listing to ask for at a time, each over a connection that is kept open.
    :raises SysvmError: for unusable values; it names the modules' option and its environment variable.
    """

    url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    http_method: str = "post"
    timeout: float = 60.0
    verify_cert: bool = True
    ca_file: str | None = None
    retry_limit: float = 300.0
    page_size: int = 500
    connections: int = 4
    others: tuple[str, ...] = ()
    cert: str | None = None
    cert_key: str | None = None

    def __post_init__(self) -> None:
        for option, variable, value in (
            ("api_url", "CLOUDSTACK_ENDPOINT", self.url),
            ("api_key", "CLOUDSTACK_KEY", self.key),
            ("api_secret", "CLOUDSTACK_SECRET", self.secret),
        ):
            if not value:
                raise SysvmError(
                    f"{option} is missing.", remedy=f"Set the option or the environment variable {variable}."
                )
            if re.search(r"\s", value):
                raise SysvmError(f"{option} ({variable}) contains white space.")
        if not all(map(_is_plain_url, (self.url, *self.others))):
            raise SysvmError(
                "api_url (CLOUDSTACK_ENDPOINT) is not a plain http or https URL.",
                remedy="Expected: https://host[:port]/client/api, without user, password, query and fragment; commas"
                " between several.",
            )
        if self.http_method not in ("get", "post"):
            raise SysvmError("api_http_method (CLOUDSTACK_METHOD) must be get or post.")
        if not self.timeout > 0:
            raise SysvmError("api_timeout (CLOUDSTACK_TIMEOUT) must be more than 0 seconds.")
        if not self.retry_limit >= 0:
            raise SysvmError("api_retry_limit must be 0 seconds or more.")
        if self.connections < 1:
            raise SysvmError("api_connections must be 1 or more.")
        if self.page_size < 1:
            raise SysvmError("A page must have room for at least 1 item.")
        if self.cert_key and not self.cert:
            raise SysvmError("api_cert_key (CLOUDSTACK_CERT_KEY) is given, but api_cert (CLOUDSTACK_CERT) is not.")
        for option, file in (
            ("api_cert (CLOUDSTACK_CERT)", self.cert),
            ("api_cert_key (CLOUDSTACK_CERT_KEY)", self.cert_key),
        ):
            if file and not os.path.isfile(file):
                raise SysvmError(
                    f"There is no file {file}, which {option} names.",
                    remedy="It is the path of the client certificate, or of its key (PEM).",
                )
        if self.verify_cert and self.ca_file and not os.path.exists(self.ca_file):
            raise SysvmError(
                f"There is no file {self.ca_file}, which api_verify_ssl_cert (CLOUDSTACK_VERIFY) names.",
                remedy="It is the path of the CA certificates to trust; validate_certs turns the check on and off.",
            )

    def each(self) -> list[Connection]:
        """One for each management server."""
        return [replace(self, url=url, others=()) for url in (self.url, *self.others)]


def place(url: str) -> str:
    """The part of a URL that may be shown: without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an unreadable URL"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path


def _is_plain_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading parts.port raises ValueError unless it is a number up to 65535.
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return right and not ("@" in parts.netloc or parts.query or parts.fragment)
    except ValueError:
        return False
