#!/bin/sh
# Runs after the files are installed: creates accounts and directories, and on an
# upgrade restarts what was running. A first installation starts and enables nothing.
# deb calls with "configure [OLD-VERSION]", rpm with 1 (install) or 2 (upgrade).
set -e

accounts() {
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers bugspark.conf
	fi
	if command -v systemd-tmpfiles >/dev/null; then
		systemd-tmpfiles --create bugspark.conf || true # /proc may be missing in a chroot
	fi
}

# units lists the services that an upgrade restarts with that verb, as they say.
units() {
	grep -lsx "Upgrade=$1" /usr/lib/systemd/system/bugspark*.service | sed 's|.*/||'
}

case "$1" in
configure)
	accounts
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		if [ -n "$2" ] && systemctl -q is-active bugspark.target; then
			# Migrations run first: they do not break the previous version, which still
			# runs. systemd orders the jobs of one call.
			for verb in restart try-restart; do
				# shellcheck disable=SC2046 # names of units have no spaces
				deb-systemd-invoke "$verb" $(units "$verb") >/dev/null || true
			done
		fi
	fi
	;;
1 | 2)
	accounts
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
	fi
	;;
esac
