// Package migrations embeds the database schema as numbered SQL files.
//
// The rule is forward only: a file that was released is never edited, and an
// expand step must not break the version that runs before it. golang-migrate
// runs each file as one implicit transaction, so no file holds BEGIN or COMMIT.
package migrations

import "embed"

// Files holds the migrations, NNNN_title.up.sql.
//
//go:embed *.sql
var Files embed.FS
