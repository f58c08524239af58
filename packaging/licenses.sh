#!/bin/sh
# Prints the licences of the modules that programs are made of.
# Usage: licenses.sh GO DIR PACKAGE...; DIR is the module to build in.
set -eu
go=$1
cd "$2"
shift 2
echo "The programs of this package are made of these Go modules."
"$go" list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' "$@" | sort -u | while read -r path version dir; do
	for file in "$dir"/LICENSE* "$dir"/LICENCE* "$dir"/COPYING* "$dir"/NOTICE*; do
		[ -f "$file" ] || continue
		printf '\n==== %s %s: %s ====\n\n' "$path" "$version" "$(basename "$file")"
		cat "$file"
	done
done
