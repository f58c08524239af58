#!/bin/sh
# Prints the path of golangci-lint, building it first if it is not in the cache.
# Usage: build.sh GO
set -eu
cd "$(dirname "$0")"
go=$1
key=$( (cat go.sum go.mod; "$go" env GOVERSION GOARCH) | sha256sum | cut -c1-16)
cache=${BUGSPARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bugspark}
out=$cache/golangci-lint-$key
if [ ! -x "$out" ]; then
	echo "building golangci-lint, once (some minutes)" >&2
	mkdir -p "$cache"
	CGO_ENABLED=0 "$go" build -trimpath -buildvcs=false -ldflags '-s -w' -o "$out.new.$$" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	mv "$out.new.$$" "$out"
fi
echo "$out"
