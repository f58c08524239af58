#!/bin/sh
# The tests of daily work: every Go test that needs no root, no machine and no
# browser. Results of unchanged packages come from Go's cache.
# Usage: GO=go unit.sh
set -eu
cd "$(dirname "$0")/.."
BUGSPARK_TEST_MINIO=$(packaging/minio/build.sh "$GO")
export BUGSPARK_TEST_MINIO
# shellcheck disable=SC2046,SC2086
exec "$GO" test -timeout=10m -skip='InABrowser|BrowserTest' ${TESTFLAGS:-} $("$GO" list ./... | grep -v -e /packaging/machinetest -e /internal/machine$)
