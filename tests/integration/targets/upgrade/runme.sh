#!/usr/bin/env bash
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The main path for `ansible-test integration upgrade`: plan, upgrade, again, against the simulated cloud.
set -euo pipefail

collection=$(python -c 'import os, sys
for folder in os.environ["ANSIBLE_COLLECTIONS_PATH"].split(":"):
    path = os.path.join(folder, "ansible_collections/cloudstack/sysvm")
    if os.path.isdir(path):
        sys.exit(print(path))
sys.exit("cloudstack.sysvm is not in ANSIBLE_COLLECTIONS_PATH")')
work=$(mktemp -d)
trap 'kill "$simulator" 2>/dev/null || true; rm -rf "$work"' EXIT

(cd "$collection" && exec python -m tests.simulator --estate tests/simulator/estates/small.yml) >"$work/address" &
simulator=$!
until [[ -s $work/address ]]; do
    kill -0 "$simulator"
    sleep 0.1
done
read -r CLOUDSTACK_ENDPOINT CLOUDSTACK_KEY CLOUDSTACK_SECRET \
    < <(python -c 'import json, sys; print(*json.load(sys.stdin).values())' <"$work/address")
export CLOUDSTACK_ENDPOINT CLOUDSTACK_KEY CLOUDSTACK_SECRET no_proxy=127.0.0.1
options=(-i localhost, -e ansible_connection=local -e ansible_python_interpreter="$(command -v python)"
    -e sysvm_report_dir="$work/report" -e sysvm_recreate=unsupported "$@")

ansible-playbook cloudstack.sysvm.check_sysvms "${options[@]}"
ansible-playbook cloudstack.sysvm.upgrade_sysvms "${options[@]}"
grep -q '"status": "success"' "$work/report/latest/report.json"
ansible-playbook cloudstack.sysvm.upgrade_sysvms "${options[@]}" | tee "$work/again"
grep -q 'changed=1 ' "$work/again" # the report, and nothing else
