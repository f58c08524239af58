package backup

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Product is what a backup must know of the database it saves. The product
// implements it, so that a new table with picture keys reaches the drill without a
// change here. The databases may be of earlier versions of the product, because a
// set may be older than this program.
type Product interface {
	// Migration is the last migration of the schema, 0 where the product has no
	// tables yet.
	Migration(context.Context, *pgx.Conn) (int, error)
	// Rows counts the rows of every table whose loss somebody would notice.
	Rows(context.Context, *pgx.Conn) (map[string]int64, error)
	// PictureKeys calls visit once for every object key that a row names.
	PictureKeys(ctx context.Context, conn *pgx.Conn, visit func(key string) error) error
	// PicturesSince are the keys of pictures recorded at or after a moment, oldest
	// first.
	PicturesSince(ctx context.Context, conn *pgx.Conn, since time.Time) ([]string, error)
	// Heartbeat is the last time that WriteHeartbeat stored: what was committed
	// before it is in the database. It is zero where there is none.
	Heartbeat(context.Context, *pgx.Conn) (time.Time, error)
	// WriteHeartbeat stores the server's time, about once a minute however often it
	// is called.
	WriteHeartbeat(context.Context, *pgx.Conn) error
	// Tables are the names of all tables of the product.
	Tables() ([]string, error)
}
