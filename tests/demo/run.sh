#!/usr/bin/env bash
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Upgrades a simulated cloud, for a person to watch; `make demo` calls it. Ends with 0 only if all went as told.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tmp=$(mktemp -d)
simulator=
trap '[[ -z $simulator ]] || kill "$simulator" 2>/dev/null || true; rm -rf "$tmp"' EXIT
reports=$PWD/.cache/demo
rm -rf "$reports"

export LC_ALL=C.UTF-8 no_proxy=127.0.0.1 ANSIBLE_HOME=$tmp/ansible ANSIBLE_CONFIG=$tmp/ansible.cfg
cat >"$ANSIBLE_CONFIG" <<'EOF'
[defaults]
nocows = true
localhost_warning = false
display_ok_hosts = false
display_skipped_hosts = false
[inventory]
inventory_unparsed_warning = false
EOF

say() {
    printf '\n'
    printf '>>> %s\n' "$@"
}

# Shows a command, runs it and keeps its exit status in $status.
run() {
    printf '\n$ %s\n' "$*"
    status=0
    "$@" || status=$?
}

upgrade() {
    run ansible-playbook cloudstack.sysvm.upgrade_sysvms -e "sysvm_report_dir=$reports/$1" "${@:2}"
}

python -m tests.simulator --estate tests/simulator/estates/demo.yml --set server.version=4.20.1.0 >"$tmp/address" 2>"$tmp/errors" &
simulator=$!
until [[ -s $tmp/address ]]; do
    kill -0 "$simulator" 2>/dev/null || {
        cat "$tmp/errors" >&2
        exit 1
    }
    sleep 0.1
done
read -r CLOUDSTACK_ENDPOINT CLOUDSTACK_KEY CLOUDSTACK_SECRET \
    < <(python -c 'import json, sys; print(*json.load(sys.stdin).values())' <"$tmp/address")
export CLOUDSTACK_ENDPOINT CLOUDSTACK_KEY CLOUDSTACK_SECRET

say 'This is a simulated CloudStack 4.20 with two zones and three hypervisors, whose management server is to be upgraded' \
    'to 4.22. Two routers will do what real ones do: the first two patches of one have no effect; the patch of the' \
    'other succeeds, and its rules fail.'

say 'ACT 1: before the upgrade of the management server. What will have to be done afterwards, and what to prepare?'
run ansible-playbook cloudstack.sysvm.check_sysvms -e sysvm_target_version=4.22 -e "sysvm_report_dir=$reports/forecast"
((status == 0))

say 'Now the management server and the agents of the KVM hosts are upgraded, as the documentation says.'
python -m tests.demo.upgrade 4.22.0.0

say 'ACT 2: after the upgrade of the management server. First the plan, which changes nothing.'
run ansible-playbook cloudstack.sysvm.check_sysvms -e "sysvm_report_dir=$reports/check"
((status == 0))

say 'Now the upgrade: a few canaries, watched for some seconds, then the others, ten at a time. What cannot be live' \
    'patched is recreated or restarted. Up to three units may fail before it stops. Meanwhile the public addresses of' \
    'the units are tried from outside, to see how long their customers cannot reach them.'
upgrade first -e sysvm_max_failures=3 -e sysvm_probe=true -e sysvm_soak=5s
python -m tests.demo.judge "$status" "$reports/first"

say 'The same command again. It plans anew and does only what is left.'
upgrade second -e sysvm_max_failures=3
python -m tests.demo.judge "$status" "$reports/first" "$reports/second"

say 'ACT 3: a security fix that is only in the new template. A live patch keeps the old one, so one zone is recreated.'
upgrade third -e sysvm_method=recreate -e sysvm_zones=Zürich -e sysvm_probe=true
python -m tests.demo.judge "$status" "$reports/first" "$reports/second" "$reports/third"

say "The reports of the three runs:" "  $reports/first/latest/report.html" "  $reports/second/latest/report.html" \
    "  $reports/third/latest/report.html"
