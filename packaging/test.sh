#!/bin/sh
# Every test: the checks, the front end's, Go's, and the machine tests, which need
# root and boot clean machines of their own.
set -eu
cd "$(dirname "$0")/.."
packaging/check.sh
packaging/frontend.sh internal/tracker/dashboard/ui
packaging/frontend.sh internal/tracker/widget/ui
BUGSPARK_TEST_MINIO=$(packaging/minio/build.sh "$GO")
export BUGSPARK_TEST_MINIO
flags="-count=1 -timeout=40m ${TESTFLAGS:-}"
if [ "$(id -u)" = 0 ]; then
	# shellcheck disable=SC2086
	exec "$GO" test $flags ./...
fi
# shellcheck disable=SC2086,SC2046
"$GO" test $flags $("$GO" list ./... | grep -v /machinetest)
# shellcheck disable=SC2086
exec sudo env "PATH=$PATH" "HOME=$HOME" "GOFLAGS=${GOFLAGS:-}" "$GO" test $flags ./packaging/machinetest/...
