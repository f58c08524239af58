#!/bin/sh
# Installs the missing packages that a make target needs.
# Usage: bootstrap.sh run|check|unit|package|test|bench
set -eu

say() { printf 'bootstrap: %s\n' "$*" >&2; }

# as_root runs a command as root: directly, or with sudo.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		say "these must be run by root, and there is no sudo: $*"
		exit 1
	fi
}

postgres_server() {
	for dir in /usr/lib/postgresql/1[5-9]/bin /usr/pgsql-1[5-9]/bin; do
		[ -x "$dir/initdb" ] && return 0
	done
	[ -x /usr/bin/initdb ]
}

missing=
# need COMMAND PACKAGE adds a package to the list if its command is missing.
need() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }

build_needs() {
	need npm npm
	need curl curl
	postgres_server || missing="$missing postgresql"
}

package_needs() {
	build_needs
	need apt-ftparchive apt-utils
	need gpg gnupg
	need dpkg-deb dpkg
}

case "$1" in
run) build_needs ;;
check) need npm npm ;;
unit) postgres_server || missing="$missing postgresql" ;;
package) package_needs ;;
test | bench)
	package_needs
	need chromium chromium
	need systemd-nspawn systemd-container
	need mmdebstrap mmdebstrap
	need ip iproute2
	need lintian lintian
	need mount mount
	need mke2fs e2fsprogs
	need strace strace
	[ -x /usr/lib/openssh/sftp-server ] || missing="$missing openssh-sftp-server"
	if [ "$1" = bench ]; then
		need wrk wrk
		need zstd zstd
		need nginx nginx-light
		need caddy caddy
	fi
	;;
*)
	say "unknown target $1"
	exit 2
	;;
esac

if [ -n "$missing" ]; then
	if command -v apt-get >/dev/null; then
		say "installing$missing"
		as_root apt-get update -qq
		# shellcheck disable=SC2086 # a list of words on purpose
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	else
		say "please install:$missing"
		exit 1
	fi
fi
