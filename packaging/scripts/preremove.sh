#!/bin/sh
# Runs before the files are removed: stops everything and keeps all data. An upgrade
# stops nothing.
# deb calls with "remove" or "upgrade", rpm with 0 (removal) or 1 (upgrade).
set -e
case "$1" in
remove | deconfigure | 0)
	if [ -d /run/systemd/system ]; then
		# The target stops the enabled services, the pattern those started by hand.
		systemctl stop bugspark.target || true
		systemctl stop 'bugspark-*.timer' 'bugspark-*.socket' 'bugspark-*.service' || true
	fi
	;;
esac
