# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of the same name and shows its progress while it runs."""

from __future__ import annotations

from ..plugin_utils.live import LiveAction


class ActionModule(LiveAction):
    pass
