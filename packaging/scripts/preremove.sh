#!/bin/sh
# Before the files go: stop everything, keep all data. An upgrade stops nothing.
# deb calls with "remove" or "upgrade", rpm with 0 (removal) or 1 (upgrade).
set -e
case "$1" in
remove | deconfigure | 0)
	if [ -d /run/systemd/system ]; then
		# The target takes the services along, the pattern whatever was started by hand.
		systemctl stop bugspark.target || true
		systemctl stop 'bugspark-*.timer' 'bugspark-*.path' 'bugspark-*.socket' 'bugspark-*.service' || true
	fi
	;;
esac
