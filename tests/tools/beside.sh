#!/usr/bin/env bash
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# beside.sh OTHER COMMAND...: runs OTHER, a line for the shell, beside a command and shows what it said afterwards; fails if
# one of them does.
set -uo pipefail

other=$1
shift
said=$(mktemp)
set -m # a process group of its own, so that all of it ends with this
bash -c "$other" >"$said" 2>&1 &
group=$!
set +m
trap 'kill -- -$group 2>/dev/null; rm -f "$said"' EXIT
trap 'exit 130' INT TERM

"$@"
status=$?
wait "$group"
beside=$?
printf '\n%s ended with %s:\n' "$other" "$beside"
cat "$said"
if ((status == 0)); then
    status=$beside
fi
exit "$status"
