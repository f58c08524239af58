#!/bin/sh
# Prints the path of a Go that is new enough for go.mod: the one that is there,
# or the pinned toolchain, fetched as a module by the older one.
set -eu
cd "$(dirname "$0")/.."
want=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)
pinned=1.26.8

# newer A B: is version A at least B?
newer() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

go=$(command -v go || true)
if [ -z "$go" ]; then
	for dir in /usr/local/go/bin /usr/lib/go/bin; do
		[ -x "$dir/go" ] && go=$dir/go && break
	done
fi
if [ -z "$go" ]; then
	echo "go.sh: Go is missing" >&2
	echo "  next: apt install golang-go (any version), or unpack a release of Go into /usr/local/go" >&2
	exit 1
fi
have=$(GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null | sed 's/^go//')
if newer "${have:-0}" "$want"; then
	echo "$go"
	exit 0
fi
case "$(uname -m)" in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) arch=$(uname -m) ;;
esac
module="golang.org/toolchain@v0.0.1-go$pinned.linux-$arch"
dir=$(cd / && GOFLAGS=-mod=mod GO111MODULE=on "$go" mod download -json "$module" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
[ -n "$dir" ] || { echo "go.sh: Go $have is too old (want $want), and $module cannot be fetched" >&2; exit 1; }
# Modules carry no execute bits, and the module cache is read-only.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bugspark/go$pinned
if [ ! -x "$cache/bin/go" ]; then
	rm -rf "$cache.new"
	mkdir -p "$(dirname "$cache")"
	cp -r "$dir" "$cache.new"
	chmod -R u+w "$cache.new"
	chmod +x "$cache.new"/bin/* "$cache.new"/pkg/tool/*/*
	mv "$cache.new" "$cache"
fi
echo "$cache/bin/go"
