#!/usr/bin/env bash
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ansible-test integration: the main path against the simulated cloud, as any collection's tests are run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PWD/.venv/bin:$PATH" HOME="$PWD/.cache/home"
unset ANSIBLE_COLLECTIONS_PATH
mkdir -p "$HOME"

# ansible-test works only below a folder named ansible_collections, hence the copy elsewhere.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tree=$tmp/ansible_collections/cloudstack/sysvm
mkdir -p "$tree"
git ls-files -z -co --exclude-standard --deduplicate | while IFS= read -r -d '' file; do
    [[ ! -e $file ]] || printf '%s\0' "$file"
done | tar --null -cf - -T - | tar -xf - -C "$tree"

cd "$tree"
ansible-test integration --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" "$@"
