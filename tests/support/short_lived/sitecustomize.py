# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python imports this when it starts: a process that lives for seconds need not look for garbage, which takes a tenth
of the time of ansible-playbook and its modules."""

import gc

gc.disable()
