#!/usr/bin/env bash
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# release.sh VERSION: prepares a release in the working folder: version, release notes, tarball, checksums. Commits and
# publishes nothing; says what is left to do. `make release` calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
    echo "$*" >&2
    exit 1
}

version=${1:-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "VERSION is '$version'. Give three numbers: make release VERSION=1.0.0"
[[ -z $(git status --porcelain) ]] || fail "The working folder has changes. Commit or remove them, then try again."
! git rev-parse -q --verify "refs/tags/$version" >/dev/null || fail "There is a tag $version already. Give another VERSION."

before=$(sed -n 's/^version: //p' galaxy.yml)
# All that names the tarball: the definition of the execution environment, the guides.
git grep -lF "$before" -- galaxy.yml execution-environment.yml 'docs/*.md' 'docs/*.rst' |
    xargs sed -i "s/^version: ${before//./\\.}$/version: $version/; s/\(sysvm[-:]\)${before//./\\.}/\1$version/g"
antsibull-changelog release --version "$version"
make --no-print-directory build TAG="$version"

cat <<END

Look at the changes (git diff), then:
  git commit -am "Release $version" && git tag -s $version -m "Release $version"
  git push origin main $version
The workflow "Release" builds the same tarball and publishes it. When it has ended, sign its checksums:
  gh release download $version --pattern SHA256SUMS && gpg --armor --detach-sign SHA256SUMS
  gh release upload $version SHA256SUMS.asc
END
