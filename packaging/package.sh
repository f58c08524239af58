#!/bin/sh
# Builds the packages and a signed apt repository into dist/.
# Usage: package.sh GO VERSION; bin/bugspark must be built.
set -eu
cd "$(dirname "$0")/.."
go=$1
VERSION=$2
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y go.mod)}

export VERSION SOURCE_DATE_EPOCH

rm -rf dist
mkdir -p dist/stage dist/apt
cp bin/bugspark dist/stage/bugspark
# Everything in systemd/ is a unit or a drop-in but the file that embeds them.
cp -R systemd dist/stage/units
rm dist/stage/units/embed.go
chmod -R u=rwX,go=rX dist/stage/units
mkdir dist/stage/rescue
cp "$(packaging/rescue/build.sh "$go")"/* dist/stage/rescue/
minio=$(packaging/minio/build.sh "$go")
cp "$minio" dist/stage/minio
# The complete corresponding source, as the AGPL asks.
module=$(cd packaging/minio && "$go" list -m -f '{{.Path}}@{{.Version}}' github.com/minio/minio)
cp "$(cd packaging/minio && "$go" mod download -json "$module" | sed -n 's/^[[:space:]]*"Zip": "\(.*\)",\{0,1\}$/\1/p')" dist/stage/minio-source.zip

"$go" run -ldflags "-X github.com/bugspark/bugspark/internal/cli.Version=$VERSION" ./internal/manual dist/stage
gzip -n9 dist/stage/man/*
{ cat packaging/copyright.bugspark; sed -n '5,$p' LICENSE | sed 's/^$/./; s/^/ /'; } >dist/stage/copyright
sed -i 's/^License: Expat$/License: Expat/; /^$/{N;s/^\n \(Permission\)/ \1/}' dist/stage/copyright
cp packaging/minio/copyright dist/stage/minio-copyright
{ packaging/licenses.sh "$go" . ./cmd/bugspark; packaging/licenses.sh "$go" packaging/rescue github.com/kopia/kopia filippo.io/age/cmd/age; } |
	gzip -n9 >dist/stage/licenses.gz
for name in bugspark bugspark-minio; do
	cat >"dist/stage/$name.changelog" <<EOF
$name ($VERSION-1) unstable; urgency=medium

  * See CHANGELOG.md of the source for what changed.

 -- BugSpark <packages@bugspark.invalid>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
EOF
	gzip -n9 "dist/stage/$name.changelog"
done
mv dist/stage/bugspark.changelog.gz dist/stage/changelog.gz
mv dist/stage/bugspark-minio.changelog.gz dist/stage/minio-changelog.gz
find dist/stage -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

nfpm=${XDG_CACHE_HOME:-$HOME/.cache}/bugspark/nfpm-$(sha256sum packaging/tools/go.sum | cut -c1-16)
[ -x "$nfpm" ] || (cd packaging/tools && "$go" build -o "$nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm)
for recipe in nfpm.yaml packaging/minio/nfpm.yaml; do
	for format in deb rpm; do
		"$nfpm" package -f "$recipe" -p "$format" -t dist/ >dist/nfpm.log || { cat dist/nfpm.log; exit 1; }
	done
done

rm dist/nfpm.log

# A flat repository, which any directory or web server can serve.
mv dist/*.deb dist/apt/
(
	cd dist/apt
	apt-ftparchive packages . >Packages
	gzip -nk9 Packages
	apt-ftparchive -o APT::FTPArchive::Release::Origin=BugSpark -o APT::FTPArchive::Release::Label=BugSpark \
		-o APT::FTPArchive::Release::Suite=stable release . >../Release
	mv ../Release .
)
# The key of releases is not in the source tree. Without one a key is created for this
# build, which is enough for a machine test.
home=${BUGSPARK_APT_KEY:-}
if [ -z "$home" ]; then
	home=$(mktemp -d)
	trap 'gpgconf --homedir "$home" --kill all >/dev/null 2>&1; rm -rf "$home"' EXIT
	gpg --homedir "$home" --batch --quiet --passphrase '' --quick-gen-key 'BugSpark test packages' ed25519 sign never
fi
gpg --homedir "$home" --batch --quiet --yes --clearsign -o dist/apt/InRelease dist/apt/Release
gpg --homedir "$home" --batch --quiet --export >dist/apt/bugspark-archive-keyring.gpg
gpg --homedir "$home" --batch --quiet --armor --export >dist/apt/bugspark-archive-keyring.asc
for deb in dist/apt/*.deb; do ln -f "$deb" dist/; done
ls dist/*.deb dist/*.rpm
