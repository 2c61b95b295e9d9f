# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx builds the site of `make docs`. Nothing is fetched."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

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
