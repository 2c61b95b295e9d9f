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
# All that names the tarball or the image: the definition of the execution environment, the guides, AWX's variables.
git grep -lF "$before" -- galaxy.yml execution-environment.yml 'docs/*.md' 'docs/*.rst' 'playbooks/*.yml' |
    xargs sed -i "s/^version: ${before//./\\.}$/version: $version/; s/\(sysvm[-:]\)${before//./\\.}/\1$version/g"
# Nobody saw the states before the first release: its notes are its summary alone, and all that there is comes with it.
if [[ ! -e changelogs/changelog.yaml ]]; then
    grep -L '^release_summary:' changelogs/fragments/*.yml | xargs -r rm
    git grep -l '^version_added: ' -- plugins | xargs sed -i "s/^version_added: .*/version_added: $version/"
fi
antsibull-changelog release --version "$version"
make --no-print-directory build TAG="$version"
tarball=cloudstack-sysvm-$version.tar.gz

cat <<END

Look at the changes (git diff), and that SECURITY.md has the fingerprint of your key (gpg --fingerprint), then:
  git add -A changelogs && git commit -am "Release $version" && git tag -s $version -m "Release $version"
  git push origin main $version
The workflow "Release" builds the tarball anew, from the tag, and publishes it. When it has ended, see that it has the same files
as yours (the last line shows nothing then):
  gh release download $version --dir dist/published && (cd dist/published && sha256sum --check SHA256SUMS)
  mkdir dist/mine dist/theirs && tar xzf dist/$tarball -C dist/mine && tar xzf dist/published/$tarball -C dist/theirs
  diff -r -x MANIFEST.json -x FILES.json dist/mine dist/theirs
Then sign its checksums:
  gpg --armor --detach-sign dist/published/SHA256SUMS && gh release upload $version dist/published/SHA256SUMS.asc
END
