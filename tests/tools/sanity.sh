#!/usr/bin/env bash
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/tools/tree.sh
export PIP_QUIET=1

# ansible-test hides the environment from pip, but not pip's own file.
mkdir -p "$HOME/.pip" "$HOME/.ansible/test/cache"
{ echo '[global]'; env | sed -n 's/^PIP_\([A-Z_]*\)=/\1 = /p'; } >"$HOME/.pip/pip.conf"

# Otherwise ansible-test downloads pip from a host that is not PyPI.
source=$(python -c 'import ansible_test._internal.python_requirements as m; print(m.__file__)')
for version in $(sed -n "s/^ *pip='\(.*\)',$/\1/p" "$source"); do
    cp tests/tools/get_pip.py "$HOME/.ansible/test/cache/get_pip_${version//./_}.py"
done

cd "$tree"
ansible-test sanity --python "$python_version" "$@" 2>&1 | tee "$tmp/output"
if grep -q 'All targets skipped' "$tmp/output"; then
    echo 'ansible-test skipped everything: nothing was tested.' >&2
    exit 1
fi
