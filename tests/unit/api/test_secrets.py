# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in the server's texts are hidden, and what tells about a failure is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.secrets import HIDDEN, without_secrets


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mount nfs://admin:S3cret@10.1.1.1/x failed", f"mount nfs://{HIDDEN}@10.1.1.1/x failed"),
        ("https://S3cret@host/", f"https://{HIDDEN}@host/"),
        ("https://user:S3@cret@host/", f"https://{HIDDEN}@host/"),
        ("https://s3/b?X-Amz-Signature=S3cret&a=1", f"https://s3/b?X-Amz-Signature={HIDDEN}&a=1"),
        ("?apikey=S3cret&signature=S3cret%3D", f"?apikey={HIDDEN}&signature={HIDDEN}"),
        ("ipsecpsk=S3cret, next", f"ipsecpsk={HIDDEN}, next"),
        ("ipsec_psk: S3cret", f"ipsec_psk: {HIDDEN}"),
        ("preshared key: S3cret", f"preshared key: {HIDDEN}"),
        ('{"password":"S3 cret","zone":"a"}', f'{{"password":{HIDDEN},"zone":"a"}}'),
        ('{\\"password\\":\\"S3cret\\"}', f'{{\\"password\\":\\{HIDDEN}}}'),
        ('"psk": "S3 cret, and the text ends', f'"psk": {HIDDEN}'),
        ("vm_password='S3 cret'", f"vm_password={HIDDEN}"),
        ("userdata=UzNjcmV0", f"userdata={HIDDEN}"),
        ("vncpassword: S3cret;", f"vncpassword: {HIDDEN};"),
        ("run.sh --password S3cret --host h", f"run.sh --password {HIDDEN} --host h"),
        ("mount.cifs -o username=u,password=S3cret //h", f"mount.cifs -o username=u,password={HIDDEN} //h"),
        ("secretkey = S3cret", f"secretkey = {HIDDEN}"),
        ("Authorization: Bearer S3cret", f"Authorization: {HIDDEN}"),
        ("x -----BEGIN RSA PRIVATE KEY-----\nS3cret", f"x {HIDDEN}"),
        ("-----BEGIN PRIVATE KEY-----\nS3cret\n-----END PRIVATE KEY----- y", f"{HIDDEN} y"),
    ],
)
def test_hidden(text: str, left: str) -> None:
    assert without_secrets({"a": [{"b": text}]}) == {"a": [{"b": left}]}


@pytest.mark.parametrize(
    "text",
    [
        "Failed to patch systemVM s-1-VM due to No space left on device",
        "https://1-2-3-4.example.com/userdata/8b0c-bundle.zip",
        "Unable to apply the password to the VM",
        'No suitable secondary storage found in Zone: Zone {"id": "1", "name": "zim1"}',
        "admin@example.com restarted network: 205",
        "Router r-10-VM / 82a911af-ab25-4c64-8db4-4c0dcc04f309 has failing checks: connectivity.test",
        "token of zone zim1 expired",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@given(st.text())
def test_hiding_twice_is_hiding_once(text: str) -> None:
    assert without_secrets(without_secrets(text)) == without_secrets(text)
