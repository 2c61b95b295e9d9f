#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysvm_anonymise
short_description: Make a copy of a run without names, to send to others
version_added: 0.1.0
description:
  - Writes an archive of one run below C(sysvm_report_dir), with its data, log and evidence. Names, ids, addresses,
    accounts and endpoints are replaced, each always by the same label. So is every word that this collection does not
    use itself. Pages and tables are left out, as they can be made again from the data.
  - A file beside it says what stands for what. It stays with you, so that you can answer questions.
  - Nothing is sent. Asks no cloud.
  - An action plugin.
author:
  - CloudStack Sysvm Contributors (@cloudstack-sysvm)
extends_documentation_fragment:
  - cloudstack.sysvm.attributes.action
options:
  run:
    description:
      - The id of the run, as M(cloudstack.sysvm.sysvm_status) shows it.
      - "If not given: the last upgrade."
    type: str
attributes:
  diff_mode:
    support: none
    details:
      - What the copy leaves out is in the file of names.
seealso:
  - module: cloudstack.sysvm.sysvm_status
"""

EXAMPLES = r"""
- name: Make a copy of the last upgrade without names
  cloudstack.sysvm.sysvm_anonymise:
  vars:
    sysvm_report_dir: /var/lib/sysvm-reports
  register: copy_to_send
"""

RETURN = r"""
path:
  description: The archive.
  returned: success
  type: str
  sample: /root/sysvm-report/anonymised-20261130-231457-k3f9.tar.gz
names:
  description: The file that says what stands for what; not to be sent.
  returned: success
  type: str
  sample: /root/sysvm-report/anonymised-20261130-231457-k3f9.tar.gz.names.json
"""
