# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CloudStack management server's API in one process. See README.md in this folder."""

from tests.simulator.identity import uuid_of

__all__ = ["uuid_of"]
