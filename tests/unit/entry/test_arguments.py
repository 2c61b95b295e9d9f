# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options: spec, documentation, environment, validation."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import set_fallbacks

from ansible_collections.cloudstack.sysvm.plugins.doc_fragments.cloudstack import ModuleDocFragment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.connection import Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ApiError, SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.arguments import (
    argument_spec,
    connection_from_params,
    read_params,
    scope_from_params,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.modules import (
    CONNECTION,
    NO_VERIFY_VARIABLE,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option import CHECK
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError, naming_options
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.table import options_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Scope

VARIABLES = {name: option.env for name, option in CONNECTION.items() if option.env not in ("", NO_VERIFY_VARIABLE)}
OF_FILES = {"api_config", "api_region"}
GOOD = {"api_url": "https://cloud.test/client/api", "api_key": "k", "api_secret": "s"}


def through_ansible(params: dict[str, Any], environ: dict[str, str]) -> Connection:
    """As AnsibleModule does it: fallbacks and defaults first."""
    with mock.patch.dict(os.environ, environ, clear=True):
        params = dict(params)
        set_fallbacks(argument_spec(CONNECTION.values()), params)
        result = ArgumentSpecValidator(argument_spec(CONNECTION.values())).validate(params)
        assert result.error_messages == []
        return connection_from_params(result.validated_parameters, os.environ)


def test_the_documentation_is_the_spec() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    spec = argument_spec(CONNECTION.values())
    assert list(documented) == list(spec)
    for name, option in spec.items():
        for key in ("type", "choices", "default"):
            assert documented[name].get(key) == option.get(key), (name, key)
        variables = option["fallback"][1] if "fallback" in option else []
        text = json.dumps(documented[name]["description"])
        assert text.count("E(") == len(variables)
        assert all(f"E({variable})" in text for variable in variables)
    assert {name for name, option in spec.items() if option.get("no_log")} == {"api_key", "api_secret"}
    assert "cs >= 5.0.0" in yaml.safe_load(ModuleDocFragment.REQUIREMENTS)["requirements"][0]


@pytest.mark.parametrize("way", [through_ansible, connection_from_params])
def test_defaults_and_environment(way: Any) -> None:
    assert way(GOOD, {}) == Connection(
        "https://cloud.test/client/api", "k", "s", "post", 60.0, True, None, 300.0, 500, 4
    )
    values = ["http://x:8080/client/api", "key", "secret", "get", "7", __file__, __file__, __file__]
    environ = dict(zip((env for name, env in VARIABLES.items() if name not in OF_FILES), values, strict=True))
    assert way({}, environ) == Connection(
        *("http://x:8080/client/api", "key", "secret", "get", 7.0, True, __file__), cert=__file__, cert_key=__file__
    )
    assert way(GOOD | {"api_timeout": 9, "api_connections": 1}, environ) == replace(
        way(GOOD, environ), timeout=9.0, connections=1
    )


@pytest.mark.parametrize("way", [through_ansible, connection_from_params])
def test_the_ca_that_requests_trusts_is_trusted(way: Any, tmp_path: Path) -> None:
    assert way(GOOD, {"REQUESTS_CA_BUNDLE": __file__}).ca_file == __file__
    assert way(GOOD, {"REQUESTS_CA_BUNDLE": "/gone", "CURL_CA_BUNDLE": str(tmp_path)}).ca_file == str(tmp_path)
    assert way(GOOD, {"REQUESTS_CA_BUNDLE": __file__, "CLOUDSTACK_VERIFY": str(tmp_path)}).ca_file == str(tmp_path)


@pytest.mark.parametrize("way", [through_ansible, connection_from_params])
@pytest.mark.parametrize(
    ("params", "variable", "verified"),
    [
        ({}, None, True),
        ({}, "true", False),
        ({}, "1", False),
        ({}, "false", True),
        ({}, "", True),
        ({"validate_certs": True}, "true", True),
        ({"validate_certs": False}, None, False),
        ({"validate_certs": False}, "false", False),
    ],
)
def test_the_variable_of_validate_certs_means_the_opposite(
    way: Any, params: dict[str, Any], variable: str | None, verified: bool
) -> None:
    environ = {} if variable is None else {NO_VERIFY_VARIABLE: variable}
    assert way(GOOD | params, environ).verify_cert is verified


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"api_url": None}, "api_url is missing.*CLOUDSTACK_ENDPOINT"),
        ({"api_key": ""}, "api_key is missing.*CLOUDSTACK_KEY"),
        ({"api_secret": None}, "api_secret is missing.*CLOUDSTACK_SECRET"),
        ({"api_secret": "two words"}, "api_secret .*white space"),
        ({"api_url": "cloud.test/client/api"}, "api_url .*plain"),
        ({"api_url": "ftp://cloud.test/client/api"}, "api_url"),
        ({"api_url": "https://user:hidden@cloud.test/client/api"}, "api_url"),
        ({"api_url": "https://cloud.test/client/api?apikey=hidden"}, "api_url"),
        ({"api_url": "https://cloud.test:port/client/api"}, "api_url"),
        ({"api_url": "https://[/client/api"}, "api_url"),
        ({"api_timeout": "soon"}, "api_timeout .CLOUDSTACK_TIMEOUT. is not a number"),
        ({"api_timeout": 0}, "api_timeout"),
        ({"api_timeout": "nan"}, "api_timeout"),
        ({"api_retry_limit": -1}, "api_retry_limit"),
        ({"api_connections": 0}, "api_connections"),
        ({"api_connections": "many"}, "api_connections is not a number"),
        ({"api_http_method": "put"}, "api_http_method"),
        ({"api_verify_ssl_cert": "/no/such/file"}, "/no/such/file.*api_verify_ssl_cert .CLOUDSTACK_VERIFY."),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SysvmError, match=words) as caught:
        connection_from_params(GOOD | change, {})
    assert "hidden" not in str(caught.value)


def test_a_page_has_room() -> None:
    with pytest.raises(SysvmError):
        Connection("https://cloud.test/client/api", "k", "s", page_size=0)


def test_white_space_around_a_key_is_forgiven() -> None:
    assert connection_from_params(GOOD | {"api_key": " k\n"}, {}).key == "k"


def test_an_http_url_in_capitals_is_fine() -> None:
    assert connection_from_params(GOOD | {"api_url": "HTTPS://Cloud.Test/client/api"}, {})


def test_credentials_are_not_shown() -> None:
    assert "hidden" not in repr(Connection("https://cloud.test/client/api", "hidden-key", "hidden-secret"))


def test_details_of_an_error_are_what_is_known() -> None:
    error = ApiError("It broke.", remedy="Mend it.", command="listZones", errorcode=530, job_id="j")
    assert str(error) == "It broke. Mend it."
    assert error.details() == {
        "type": "ApiError",
        "message": "It broke.",
        "remedy": "Mend it.",
        "command": "listZones",
        "errorcode": 530,
        "job_id": "j",
    }
    assert SysvmError("It broke.").details() == {"type": "SysvmError", "message": "It broke."}


NOT_GIVEN: dict[str, Any] = dict.fromkeys(("zones", "kinds", "names", "exclude_names", "owners", "cidrs", "select"))


@pytest.mark.parametrize(
    "given",
    [
        {"names": []},
        {"names": [""]},
        {"zones": [" "]},
        {"kinds": []},
        {"exclude_names": []},
        {"owners": [" "]},
        {"cidrs": []},
        {"select": " "},
    ],
)
def test_a_scope_that_is_given_and_names_nothing_is_refused(given: dict[str, Any]) -> None:
    assert scope_from_params(NOT_GIVEN) == Scope()
    [name] = given
    with pytest.raises(OptionError, match=f"^sysvm_{name} is given, but names nothing"):
        read_params(options_of(CHECK).values(), given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"max_failures": "many"}, "max_failures is 'many'. Give a number such as 3, or a percentage such as 10%"),
        ({"waves": ["0"]}, "waves is .'0'.. Give sizes above zero"),
        ({"deadline": "1320"}, "deadline is '1320'. A time of day needs quotes"),
        ({"parallel": 0}, "parallel is 0. Give a whole number of at least 1"),
        ({"api_timeout": 0}, r"api_timeout \(CLOUDSTACK_TIMEOUT\) is 0"),
        ({"names": ["a", 1]}, "names is .*Give names as text"),
    ],
)
def test_what_ansible_does_not_refuse_is_refused_with_its_name(given: dict[str, Any], says: str) -> None:
    options = options_of(CHECK)
    with pytest.raises(OptionError) as refused:
        read_params(options.values(), given)
    assert refused.value.option in given
    with naming_options(options):
        assert re.match(says, str(refused.value))
    assert re.match(f"sysvm_{says}", str(refused.value))


def test_what_is_right_stays_as_it_is() -> None:
    given = {"names": ["web"], "waves": ["1", "20 %"], "max_failures": "3", "select": None, "deadline": "06:00"}
    assert read_params(options_of(CHECK).values(), given) == {**given, "waves": ["1", "20%"]}


def test_several_management_servers_are_one_cloud() -> None:
    urls = "https://one.test/client/api, https://two.test/client/api,https://one.test/client/api"
    connection = connection_from_params(GOOD | {"api_url": urls}, {})
    assert (connection.url, connection.others) == ("https://one.test/client/api", ("https://two.test/client/api",))
    with pytest.raises(SysvmError, match=r"api_url.*plain"):
        connection_from_params(GOOD | {"api_url": "https://one.test/client/api,two.test"}, {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"api_cert": "/no/such/file"}, "/no/such/file.*api_cert .CLOUDSTACK_CERT."),
        ({"api_cert": __file__, "api_cert_key": "/no/such/file"}, "/no/such/file.*CLOUDSTACK_CERT_KEY"),
        ({"api_cert_key": __file__}, "api_cert_key .*api_cert"),
    ],
)
def test_a_client_certificate_is_there(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SysvmError, match=words):
        connection_from_params(GOOD | change, {})


# Files of cs and of cmk

CS = """[cloudstack]
endpoint = https://test.test/client/api
key = test-key
secret = test%%secret-hidden
timeout = 20
method = post
verify = {here}
cert = {here}
dangerous_no_tls_verify = false

[prod]
endpoint = https://prod.test/client/api
key = prod-key
secret = prod-secret-hidden
dangerous_no_tls_verify = true
"""
CMK = """prompt = 🐱
asyncblock = true
timeout = 1800
output = json
verifycert = true
profile = localcloud

[localcloud]
url = https://local.test/client/api
username = admin
password = password-hidden
domain = /
apikey = local-key
secretkey = local-secret-hidden

[login]
url = https://login.test/client/api
username = admin
password = password-hidden
apikey =
secretkey =
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / ".cloudstack.ini").write_text(CS.format(here=__file__), encoding="utf-8")
    (tmp_path / "cmk").write_text(CMK, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("way", [through_ansible, connection_from_params])
def test_a_file_of_cs_is_read_as_cs_does(way: Any, home: Path) -> None:
    environ = {"HOME": str(home)}
    found = way({}, environ)
    assert (found.url, found.key, found.secret) == ("https://test.test/client/api", "test-key", "test%secret-hidden")
    assert (found.timeout, found.ca_file, found.cert, found.verify_cert) == (20.0, __file__, __file__, True)
    prod = way({}, {**environ, "CLOUDSTACK_REGION": "prod"})
    assert (prod.url, prod.verify_cert) == ("https://prod.test/client/api", False)
    assert way({"validate_certs": True}, {**environ, "CLOUDSTACK_REGION": "prod"}).verify_cert is True
    (home / "work/cloudstack.ini").write_text("[cloudstack]\nkey = nearer-key\n", encoding="utf-8")
    assert (way({}, environ).key, way({}, environ).url) == ("nearer-key", found.url)


@pytest.mark.parametrize("way", [through_ansible, connection_from_params])
def test_a_profile_of_cmk_is_taken_where_its_file_is_named(way: Any, home: Path) -> None:
    environ = {"HOME": str(home), "CLOUDSTACK_CONFIG": "~/cmk"}
    found = way({}, environ)
    assert (found.url, found.key, found.secret) == ("https://local.test/client/api", "local-key", "local-secret-hidden")
    assert found.timeout == 60.0, "the one of cmk is for jobs"
    with pytest.raises(SysvmError, match=r"'login' of .*cmk has no apikey and no secretkey.*API keys") as caught:
        way({"api_region": "login"}, environ)
    assert "hidden" not in str(caught.value)


def test_url_and_keys_come_from_one_place(home: Path) -> None:
    environ = {"CLOUDSTACK_ENDPOINT": "https://env.test/client/api", "CLOUDSTACK_KEY": "k", "CLOUDSTACK_SECRET": "s"}
    assert connection_from_params({}, environ).url == "https://env.test/client/api"
    # As with cs: the environment goes before a file that is only named there.
    assert connection_from_params({}, {**environ, "CLOUDSTACK_REGION": "prod"}).url == "https://env.test/client/api"
    # An option is meant.
    prod = connection_from_params({"api_region": "prod"}, environ)
    assert (prod.url, prod.key, prod.secret) == ("https://prod.test/client/api", "prod-key", "prod-secret-hidden")
    with pytest.raises(SysvmError, match="api_key is missing"):
        connection_from_params({}, {"CLOUDSTACK_ENDPOINT": "https://env.test/client/api"})
    with pytest.raises(SysvmError, match="api_region and api_key are both given"):
        connection_from_params({"api_region": "prod", "api_key": "k"}, {})


@pytest.mark.parametrize(
    ("params", "text", "words"),
    [
        ({"api_config": "no-such-file"}, "", "no-such-file.*cannot be read: No such file.*Give the path"),
        (
            {"api_config": "odd"},
            "endpoint = https://x.test/\nsecret = hidden\n",
            r"it has none\. Begin it with.*\[cloudstack\]",
        ),
        ({"api_region": "north"}, "", "no section 'north'; it has cloudstack, prod.*CLOUDSTACK_REGION"),
        ({"api_config": "odd"}, "secret hidden\n", "odd.*it is no INI file"),
        ({"api_config": "odd"}, "[cloudstack]\nendpoint = https://x.test/\nsecret = hidden\n", "has no key"),
        ({"api_config": "odd"}, "\xff", "odd.*it is no INI file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_not_shown(
    params: dict[str, str], text: str, words: str, home: Path
) -> None:
    (home / "work/odd").write_bytes(text.encode("latin-1"))
    with pytest.raises(SysvmError, match=words) as caught:
        connection_from_params(params, {})
    assert "hidden" not in str(caught.value)
