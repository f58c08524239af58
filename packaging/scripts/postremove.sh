#!/bin/sh
# Runs after the files are removed. Purge deletes everything that BugSpark created,
# data included, and nothing else. deb calls it with "remove" or "purge", rpm with 0
# (removal), which keeps the data.
set -e
reload() {
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload || true
		systemctl reset-failed 'bugspark*' 2>/dev/null || true
	fi
}
case "$1" in
purge)
	rm -rf /etc/bugspark /var/lib/bugspark /run/bugspark
	# What 'bugspark apply' wrote: links of enabled units, and the ports.
	rm -f /etc/systemd/system/multi-user.target.wants/bugspark.target
	rm -rf /etc/systemd/system/bugspark.target.wants
	rm -f /var/lib/systemd/timers/stamp-bugspark-*.timer
	for dir in /etc/systemd/system/bugspark*.d; do
		[ -d "$dir" ] || continue
		rm -f "$dir/50-bugspark.conf"
		rmdir --ignore-fail-on-non-empty "$dir"
	done
	for name in postgres minio storage migrate backup alert api dashboard proxy; do
		if getent passwd "bugspark-$name" >/dev/null; then
			userdel "bugspark-$name" || true
		fi
		if getent group "bugspark-$name" >/dev/null; then
			groupdel "bugspark-$name" || true
		fi
	done
	if getent group bugspark >/dev/null; then
		groupdel bugspark || true
	fi
	reload
	;;
remove | 0)
	reload
	;;
esac
