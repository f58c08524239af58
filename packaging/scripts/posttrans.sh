#!/bin/sh
# rpm runs this after the scripts of the old package, which would otherwise stop what
# was restarted.
set -e
if [ -d /run/systemd/system ] && systemctl -q is-active bugspark.target; then
	# Migrations run first: they do not break the previous version, which still runs.
	for verb in restart try-restart; do
		# shellcheck disable=SC2046 # names of units have no spaces
		systemctl "$verb" $(grep -lsx "Upgrade=$verb" /usr/lib/systemd/system/bugspark*.service | sed 's|.*/||') || true
	done
fi
