#!/usr/bin/env bash
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the documentation into dist/docs; a warning is an error. `make docs` calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
here=tests/tools/docsite

antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .

source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
cp "$here/conf.py" "$here/index.rst" "$source"
mkdir -m 755 "$source/pages" "$source/collections"
cp -r docs/images "$source" # where the guides are two folders deep, as here
cp -r docs/*.md docs/images "$source/pages"
antsibull-docs --config-file "$here/antsibull-docs.cfg" collection \
    --fail-on-error --use-current --squash-hierarchy --dest-dir "$source/collections" cloudstack.sysvm

rm -rf dist/docs
sphinx-build -q -W --keep-going -b html "$source" dist/docs
echo "dist/docs/index.html"
