package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/tracker"
)

// failed gives err the code its caller acts on. Errors that already carry one
// pass through.
func failed(doing string, err error) error {
	var known *tracker.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, pgx.ErrNoRows):
		return &tracker.Error{Code: tracker.NotFound, Message: "not found"}
	case connectionLost(err), timedOut(err):
		return &tracker.Error{Code: tracker.Unavailable, Message: "the database does not answer", Err: fmt.Errorf("%s: %w", doing, err)}
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// connectionLost reports whether err says that the connection or the server is away, so
// that the same statement may succeed on a new connection.
func connectionLost(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case strings.HasPrefix(pg.Code, "08"), // connection exception
			strings.HasPrefix(pg.Code, "53"),  // out of connections, memory, disk
			strings.HasPrefix(pg.Code, "57P"): // shutting down, crashed, starting up
			return true
		case pg.Code == "40001", pg.Code == "40P01", // serialization failure, deadlock
			pg.Code == "25006": // read-only: a standby during a switch of servers
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed)
}

func timedOut(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "57014" || pg.Code == "55P03" // statement_timeout, lock_timeout
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// violates reports whether err is the violation of the named constraint.
func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

// checkID refuses what cannot be an id without asking the database.
func checkID(ids ...string) error {
	for _, id := range ids {
		if len(id) != 36 || uuid.Validate(id) != nil {
			return &tracker.Error{Code: tracker.NotFound, Message: "not found"}
		}
	}
	return nil
}

// newID is a version 7 UUID: rows made together stay together in the index.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return id.String(), nil
}
