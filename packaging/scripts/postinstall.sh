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

case "$1" in
configure)
	accounts
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		if [ -n "$2" ] && systemctl -q is-active bugspark.target; then
			# Migrations run first: they do not break the previous version, which still runs.
			deb-systemd-invoke restart bugspark-migrate.service >/dev/null || true
			for unit in storage api dashboard proxy supervisor; do
				deb-systemd-invoke try-restart "bugspark-$unit.service" >/dev/null || true
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
