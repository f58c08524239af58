package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Recovery replays WAL in a restored copy of the cluster up to its restore point.
type Recovery struct {
	RestorePoint RestorePoint
	Product      Product
	Copy         *scratch.Client // has unpacked the copy
	// Beyond is the largest number of a timeline that this machine knows of. The copy
	// gets a larger one, which nothing in the archive has either.
	Beyond uint32
}

// Recovered is what the recovered database holds.
type Recovered struct {
	// Heartbeat is the last one that the database holds: what was acknowledged until
	// then is there.
	Heartbeat time.Time        `json:"last_beat"`
	Rows      map[string]int64 `json:"rows"`
	Took      time.Duration    `json:"-"`
}

// Run verifies the copy, replays the WAL, calls look with the running server, and
// stops it. The copy is then a data directory that was shut down cleanly.
func (r *Recovery) Run(ctx context.Context, look func(context.Context, *scratch.Client) error) (out Recovered, err error) {
	began := time.Now()
	s := r.Copy
	s.Major, s.Origin, s.Bytes = r.RestorePoint.Document.Database.Major, r.RestorePoint.Document.origin(), r.RestorePoint.Document.Database.Bytes
	if err := s.Verify(ctx); err != nil {
		return out, err
	}
	r.RestorePoint.wal.SkipTimelines(r.Beyond)
	stop := r.serve(ctx, s.WAL())
	defer func() { err = errors.Join(err, stop()) }()
	if err := r.start(ctx, s); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	if r.RestorePoint.Document.OfCustomer() {
		if err := s.ExtractProduct(ctx); err != nil {
			return out, err
		}
	}
	if out.Heartbeat, out.Rows, err = count(ctx, r.Product, s.OwnerDSN()); err != nil {
		return out, err
	}
	out.Took = time.Since(began)
	if look == nil {
		return out, nil
	}
	return out, look(ctx, s)
}

// start recovers the copy. A target time that no transaction has reached is one at
// which the server was quiet: Choose has proven that the archive has everything until
// then, and its end is the state of that moment.
func (r *Recovery) start(ctx context.Context, s *scratch.Client) error {
	p := r.RestorePoint
	target := &pgcluster.RecoveryTarget{Immediate: !p.Replay, Time: p.Time}
	if p.Replay && p.stay.Timeline != uint32(p.Document.Database.Timeline) {
		target.Timeline = p.stay.Timeline
	}
	err := s.Start(ctx, target)
	if errors.Is(err, pgcluster.ErrTargetNotReached) {
		target.Time = time.Time{}
		err = s.Start(ctx, target)
	}
	return err
}

// serve gives WAL to the server in recovery. stop returns why a file could not be
// given.
func (r *Recovery) serve(ctx context.Context, ln net.Listener) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var failure error
	done := make(chan error, 1)
	go func() {
		done <- r.RestorePoint.wal.Serve(ctx, ln, r.RestorePoint.Replay, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			failure = err
		})
	}()
	return func() error {
		cancel()
		ended := <-done
		mu.Lock()
		defer mu.Unlock()
		return errors.Join(ended, failure)
	}
}

// Count asks a running cluster what it holds.
func Count(ctx context.Context, p Product, c *pgcluster.Cluster) (out Recovered, err error) {
	out.Heartbeat, out.Rows, err = count(ctx, p, c.DSN(pgcluster.Superuser, pgcluster.Database))
	return out, err
}

// count asks a database what it holds.
func count(ctx context.Context, p Product, dsn string) (heartbeat time.Time, rows map[string]int64, err error) {
	conn, err := openRecovered(ctx, dsn)
	if err != nil {
		return heartbeat, nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := onlyTables(ctx, p, conn); err != nil {
		return heartbeat, nil, err
	}
	if rows, err = p.Rows(ctx, conn); err != nil {
		return heartbeat, rows, err
	}
	heartbeat, err = p.Heartbeat(ctx, conn)
	return heartbeat, rows, err
}

// onlyTables refuses what has the name of a table of the product and is none: whoever
// reads a view calls its functions.
func onlyTables(ctx context.Context, p Product, conn *pgx.Conn) error {
	names, err := p.Tables()
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, `SELECT relname::text FROM pg_catalog.pg_class
		WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema()) AND relname::text = ANY($1) AND relkind NOT IN ('r', 'p') ORDER BY 1`, names)
	if err != nil {
		return fmt.Errorf("looking for the tables: %w", err)
	}
	others, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("looking for the tables: %w", err)
	}
	if len(others) > 0 {
		return fmt.Errorf("%s of the database is no table", strings.Join(others, ", "))
	}
	return nil
}

// pictureKeys calls visit for the key of every picture that the recovered database
// names.
func pictureKeys(ctx context.Context, p Product, s *scratch.Client, visit func(key string) error) error {
	conn, err := openRecovered(ctx, s.OwnerDSN())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return p.PictureKeys(ctx, conn, visit)
}

// longestMessage is far above what the product asks a recovered database for. PostgreSQL
// itself sends up to 1 GiB, which pgx takes into memory.
const longestMessage = 16 << 20

// openRecovered connects to a server that may be what somebody else has made of it.
func openRecovered(ctx context.Context, dsn string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the recovered database: %w", err)
	}
	c.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		f := pgproto3.NewFrontend(r, w)
		f.SetMaxBodyLen(longestMessage)
		return f
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("opening the recovered database: %w", err)
	}
	return conn, nil
}

// discard reads a body to its end, where the reader compares its hash.
func discard(body io.ReadCloser) (int64, error) {
	n, err := io.Copy(io.Discard, body)
	return n, errors.Join(err, body.Close())
}
