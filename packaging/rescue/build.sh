#!/bin/sh
# Prints the directory with the programs that read a backup without BugSpark,
# building them first if they are not in the cache. Usage: build.sh GO
set -eu
cd "$(dirname "$0")"
go=$1
key=$( (cat go.sum go.mod build.sh; "$go" env GOVERSION GOARCH) | sha256sum | cut -c1-16)
out=${BUGSPARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bugspark}/rescue-$key
version() { "$go" list -m -f '{{.Version}}' "$1" | tr -d v; }
# build MODULE PACKAGE NAME FLAG... names a program by its version, so that an
# older backup keeps the older program.
build() {
	name=$3-$(version "$1")
	package=$2
	shift 3
	CGO_ENABLED=0 "$go" build -trimpath -buildvcs=false "$@" -o "$out.new/$name" "$package"
}
if [ ! -d "$out" ]; then
	echo "building kopia and age, once (some minutes)" >&2
	rm -rf "$out.new"
	mkdir -p "$out.new"
	# Without the web pages of kopia's server.
	build github.com/kopia/kopia github.com/kopia/kopia kopia -tags nohtmlui \
		-ldflags "-s -w -X github.com/kopia/kopia/repo.BuildVersion=$(version github.com/kopia/kopia)"
	build filippo.io/age filippo.io/age/cmd/age age -ldflags '-s -w'
	mv "$out.new" "$out"
fi
echo "$out"
