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
# targets lists the directories that backups go to, by what root has written.
targets() {
	{
		echo /var/backups/bugspark
		sed -n 's/^ReadWritePaths=-\{0,1\}//p' /etc/systemd/system/bugspark*.service.d/50-bugspark.conf 2>/dev/null || true
	} | sort -u
}
# roots tells whether only root can change what a path leads through.
roots() {
	path=$1
	while [ "$path" != / ]; do
		path=$(dirname "$path")
		[ "$(stat -c %u "$path")" = 0 ] && [ $(($(stat -c 0%a "$path") & 022)) = 0 ] || return 1
	done
}
# keep_backups gives backups to root: the number of the account may become another
# account's. The directory is the account's own, so that only what belongs to it is given,
# from within; where others can change the way to it, nothing is.
keep_backups() {
	targets | while IFS= read -r dir; do
		# A file server may be away.
		timeout 20 test -d "$dir" && [ "$dir" != / ] || continue
		if roots "$dir" && cd -P "$dir" && [ "$(pwd -P)" = "$dir" ]; then
			for name in $accounts; do
				timeout 600 find . -xdev \( -uid "$(id -u "$name")" -o -gid "$(id -g "$name")" \) -execdir chown -h root:root {} + || true
			done
			[ ! -e owner.json ] || printf "The backups of BugSpark stay in '%s', and only the printed recovery kit opens them now; rm -r '%s' deletes them.\n" "$dir" "$dir" >&2
			cd /
		else
			printf "The backups of BugSpark stay in '%s' and belong to an account that is gone: give them to root.\n" "$dir" >&2
		fi
	done
}
case "$1" in
purge)
	# sysusers.d described the accounts so; an account of the administrator's has
	# another description or a number of an ordinary user.
	accounts=$(getent passwd | sed -n 's/^\(bugspark-[a-z]*\):[^:]*:[0-9]\{1,3\}:[^:]*:BugSpark .*/\1/p')
	keep_backups
	rm -rf /etc/bugspark /var/lib/bugspark /run/bugspark
	rm -f /var/lib/systemd/timers/stamp-bugspark-*.timer
	# 'bugspark apply' enabled units and wrote one drop-in for some of them. Whatever
	# else lies there is the administrator's.
	find /etc/systemd/system -mindepth 2 -maxdepth 2 -type l -name 'bugspark*' -path '*.wants/*' \
		-lname '*/lib/systemd/system/*' -delete || true
	rm -f /etc/systemd/system/bugspark*.d/50-bugspark.conf
	for dir in /etc/systemd/system/bugspark*.wants /etc/systemd/system/bugspark*.d; do
		[ ! -d "$dir" ] || rmdir --ignore-fail-on-non-empty "$dir"
	done
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
