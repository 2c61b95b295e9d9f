# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options that all modules share; tests compare them with module_utils/api/arguments.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: # Made from plugins/module_utils/options by make generate.
  api_url:
    description:
      - URL of the CloudStack API, for example V(https://cloud.example.com/client/api).
      - 'Several management servers of one cloud with commas between them: when one is away, the next is asked. A call
        that changes something is sent to one of them only. Reports name the cloud after the first.'
      - If not given, the environment variable E(CLOUDSTACK_ENDPOINT) is used.
    type: str
  api_key:
    description:
      - API key of a root administrator.
      - If not given, the environment variable E(CLOUDSTACK_KEY) is used.
    type: str
  api_secret:
    description:
      - Secret key that belongs to O(api_key).
      - If not given, the environment variable E(CLOUDSTACK_SECRET) is used.
    type: str
  api_http_method:
    description:
      - HTTP method for calls that only read; calls that change something are always sent with POST.
      - With V(get), the API key stands in URLs and so in the access logs of the management server and of proxies.
      - If not given, the environment variable E(CLOUDSTACK_METHOD) is used.
    type: str
    choices: [get, post]
    default: post
  api_timeout:
    description:
      - How many seconds to wait for a connection, and for the answer to each call; not the time an upgrade may take.
      - At least V(1).
      - If not given, the environment variable E(CLOUDSTACK_TIMEOUT) is used.
    type: int
    default: 60
  api_verify_ssl_cert:
    description:
      - Path of a file, or of a directory, with the CA certificates to trust instead of the usual ones.
      - If not given, the environment variable E(CLOUDSTACK_VERIFY) is used.
    type: path
  validate_certs:
    description:
      - Whether to check the TLS certificate of the server.
      - If not given, the environment variable E(CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY) is used, which means the opposite;
        V(true) there turns the check off.
    type: bool
  api_retry_limit:
    description:
      - For how many seconds to repeat a call that only reads while the management server cannot be reached, for example
        because it restarts.
      - While units are at work everything waits as long for a server that is away or takes no jobs. A server that has
        not answered at all is given up after a few seconds.
    type: int
    default: 300
  api_config:
    description:
      - 'A file that has the connection already: C(cloudstack.ini) of the Python library C(cs), or C(~/.cmk/config) of
        CloudMonkey.'
      - 'URL, key and secret are taken together from one place: from options, else from the environment, else from a
        file. Given as an option, this or O(api_region) goes before the environment.'
      - If not given, the environment variable E(CLOUDSTACK_CONFIG) is used.
    type: path
  api_region:
    description:
      - The section of O(api_config).
      - If not given, the environment variable E(CLOUDSTACK_REGION) is used.
    type: str
  api_cert:
    description:
      - Path of a client certificate (PEM), where the server or a proxy in front of it wants one.
      - If not given, the environment variable E(CLOUDSTACK_CERT) is used.
    type: path
  api_cert_key:
    description:
      - Path of the key of O(api_cert) (PEM), unless it is in the same file.
      - If not given, the environment variable E(CLOUDSTACK_CERT_KEY) is used.
    type: path
  api_connections:
    description:
      - How many pages of one listing to read at a time, each over a connection of its own.
      - A management server takes about 20 milliseconds for each network that it lists, so a large cloud's pages are
        worth reading side by side. Calls that change something are always sent one after the other.
      - At least V(1).
    type: int
    default: 4
"""

    REQUIREMENTS = r"""
options: {}
requirements:
  - cs >= 5.0.0 (Python library)
  - Python >= 3.11, also where the module runs
"""
