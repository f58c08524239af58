#!/bin/sh
# rpm runs this after the scripts of the old package, which would otherwise stop what
# was restarted.
set -e
if [ -d /run/systemd/system ] && systemctl -q is-active bugspark.target; then
	systemctl restart bugspark-migrate.service || true
	for unit in storage api dashboard proxy supervisor; do
		systemctl try-restart "bugspark-$unit.service" || true
	done
fi
