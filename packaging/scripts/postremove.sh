#!/bin/sh
# Runs after the files are removed. Purge deletes everything that BugSpark created,
# data included, and nothing else; only backups stay, which nobody deletes unasked. deb calls it with "remove" or "purge", rpm with 0
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
	rm -f /var/lib/systemd/timers/stamp-bugspark-*.timer
	if [ -d /var/backups/bugspark ] && [ ! -L /var/backups/bugspark ]; then
		# The number of the account may become another account's.
		chown -hR root:root /var/backups/bugspark
		echo "The backups of BugSpark stay in /var/backups/bugspark, and only the printed recovery kit opens them now; 'rm -r /var/backups/bugspark' deletes them." >&2
	fi
	# 'bugspark apply' enabled units and wrote one drop-in for some of them. Whatever
	# else lies there is the administrator's.
	find /etc/systemd/system -mindepth 2 -maxdepth 2 -type l -name 'bugspark*' -path '*.wants/*' \
		-lname '*/lib/systemd/system/*' -delete || true
	rm -f /etc/systemd/system/bugspark*.d/50-bugspark.conf
	for dir in /etc/systemd/system/bugspark*.wants /etc/systemd/system/bugspark*.d; do
		[ ! -d "$dir" ] || rmdir --ignore-fail-on-non-empty "$dir"
	done
	# sysusers.d described the accounts so; an account of the administrator's has
	# another description or a number of an ordinary user.
	accounts=$(getent passwd | sed -n 's/^\(bugspark-[a-z]*\):[^:]*:[0-9]\{1,3\}:[^:]*:BugSpark .*/\1/p')
	for name in $accounts; do
		userdel "$name" 2>/dev/null || true # it warns of the groups, which go below
	done
	for name in $accounts bugspark; do
		if getent group "$name" >/dev/null; then
			groupdel "$name" || true
		fi
	done
	reload
	;;
remove | 0)
	reload
	;;
esac
