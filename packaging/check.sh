#!/bin/sh
# The checks that run no product: formatting, vet, linters, house rules and the
# types of the front end. Usage: GO=go check.sh
set -eu
cd "$(dirname "$0")/.."
unformatted=$("$("$GO" env GOROOT)/bin/gofmt" -l cmd internal migrations systemd packaging)
[ -z "$unformatted" ] || { echo "not formatted: $unformatted" >&2; exit 1; }
"$GO" vet ./...
# Several checkouts may be checked at once; the linter's own lock would refuse.
"$(packaging/lint/build.sh "$GO")" run --allow-parallel-runners ./...
"$GO" test ./internal/houserules
packaging/frontend.sh internal/tracker/dashboard/ui --types
packaging/frontend.sh internal/tracker/widget/ui --types
