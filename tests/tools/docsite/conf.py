# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx builds the site of `make docs`. Nothing is fetched."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from sphinx.application import Sphinx

# Labels of Ansible's own documentation that the pages of modules and roles link to: its inventory, in short.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_collections.ansible.builtin.debug_module": "collections/ansible/builtin/debug_module.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def inventory() -> str:
    """The file that Sphinx would fetch from there."""
    path = Path(__file__).with_name("ansible.inv")
    lines = "".join(
        f"{label} std:label -1 {page}#{re.sub('[^a-z]+', '-', label)} {label}\n" for label, page in LABELS.items()
    )
    head = (
        "# Sphinx inventory version 2\n# Project: Ansible\n# Version:\n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    path.write_bytes(head.encode() + zlib.compress(lines.encode()))
    return str(path)


project = "cloudstack.sysvm"
copyright = "the cloudstack.sysvm contributors"
title = html_short_title = project
extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
intersphinx_mapping = {"ansible": (ANSIBLE, inventory())}
myst_heading_anchors = 3
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_index = False
html_copy_source = False
default_role = "any"
nitpicky = True

GUIDE = re.compile(r"`([^`<]+) <(guide_\w+)\.rst>`__")
PAGE = re.compile(r"`([^`<]+) <\.\./\.\./(\w+)\.md>`__")


def lead_to_pages(app: Sphinx, name: str, source: list[str]) -> None:
    """The guides have links that GitHub follows; here they lead to what was made of those files."""
    text = GUIDE.sub(r":ref:`\1 <ansible_collections.cloudstack.sysvm.docsite.\2>`", source[0])
    source[0] = PAGE.sub(r":doc:`\1 </pages/\2>`", text)


def setup(app: Sphinx) -> None:
    app.connect("source-read", lead_to_pages)
