# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# For ansible-test, to be sourced in this folder's root: it works only below a folder named ansible_collections and skips
# what git ignores. Copies the collection to such a place, enters it, and removes it in the end.
export PATH="$(cd "${VENV:-.venv}/bin" && pwd):$PATH" HOME="$PWD/.cache/home"
unset ANSIBLE_COLLECTIONS_PATH
mkdir -p "$HOME"
python_version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tree=$tmp/ansible_collections/cloudstack/sysvm
mkdir -p "$tree"
git ls-files -z -co --exclude-standard --deduplicate | while IFS= read -r -d '' file; do
    [[ ! -e $file ]] || printf '%s\0' "$file"
done | tar --null -cf - -T - | tar -xf - -C "$tree"
