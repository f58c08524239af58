#!/bin/sh
# rpm runs this after the old package's own scripts are done, which is the only
# moment when a restart is not undone by them.
set -e
if [ -d /run/systemd/system ] && systemctl -q is-active bugspark.target; then
	systemctl restart bugspark-migrate.service || true
	for unit in storage api dashboard proxy supervisor; do
		systemctl try-restart "bugspark-$unit.service" || true
	done
fi
