# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only the simulator needs it, and cs imports it wherever it is installed, which is slow."""

raise ImportError
