package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Recovery replays WAL in a restored copy of the cluster up to its restore point.
type Recovery struct {
	RestorePoint RestorePoint
	Product      Product
	Server       pgcluster.Server
	Data         string              // the copy
	Dir          string              // new; for the scratch server and the WAL's socket
	Account      *syscall.Credential // nil: the account of this process
	Durable      bool                // the copy is to be used later, and must survive a power cut
	// Fetch makes the restore_command that asks a socket for %f and writes %p.
	Fetch func(socket string) string
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
func (r *Recovery) Run(ctx context.Context, look func(context.Context, *pgcluster.Scratch) error) (out Recovered, err error) {
	began := time.Now()
	if err := r.prepare(); err != nil {
		return out, err
	}
	s := &pgcluster.Scratch{Server: r.Server, DataDir: r.Data, Dir: r.Dir, Account: r.Account, Durable: r.Durable, Origin: r.RestorePoint.Document.origin()}
	if err := s.Verify(ctx); err != nil {
		return out, err
	}
	target := &pgcluster.RecoveryTarget{Immediate: true}
	if r.RestorePoint.Replay {
		socket := filepath.Join(r.Dir, "wal.sock")
		stop, err := r.serve(ctx, socket)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, stop()) }()
		target = &pgcluster.RecoveryTarget{Time: r.RestorePoint.Time, Own: r.RestorePoint.own, Command: r.Fetch(socket)}
	}
	if err := s.Start(ctx, target); err != nil {
		if errors.Is(err, pgcluster.ErrTargetNotReached) {
			return out, fault.Wrap(fault.Preflight, err, "choose an earlier --time", "no transaction was archived at or after %s", r.RestorePoint.Time.Local().Format(time.DateTime))
		}
		return out, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if r.RestorePoint.Document.OfCustomer() {
		if err := s.ExtractProduct(ctx); err != nil {
			return out, err
		}
	}
	if out.Heartbeat, out.Rows, err = count(ctx, r.Product, s.DSN(pgcluster.Database)); err != nil {
		return out, err
	}
	out.Took = time.Since(began)
	if look == nil {
		return out, nil
	}
	return out, look(ctx, s)
}

func (r *Recovery) prepare() error {
	if err := os.Mkdir(r.Dir, 0o700); err != nil {
		return fmt.Errorf("making a directory for recovery: %w", err)
	}
	if r.Account == nil {
		return nil
	}
	return errors.Join(durable.ChownTree(r.Data, int(r.Account.Uid), int(r.Account.Gid)), os.Lchown(r.Dir, int(r.Account.Uid), int(r.Account.Gid)))
}

// serve gives WAL to the server in recovery. stop returns why a file could not be
// given.
func (r *Recovery) serve(ctx context.Context, socket string) (stop func() error, err error) {
	ln, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	if r.Account != nil {
		if err := os.Lchown(socket, int(r.Account.Uid), int(r.Account.Gid)); err != nil {
			return nil, errors.Join(err, ln.Close())
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var failure error
	done := make(chan error, 1)
	go func() {
		done <- r.RestorePoint.wal.Serve(ctx, ln, func(err error) {
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
	}, nil
}

// Count asks a running cluster what it holds.
func Count(ctx context.Context, p Product, c *pgcluster.Cluster) (out Recovered, err error) {
	out.Heartbeat, out.Rows, err = count(ctx, p, c.DSN(pgcluster.Superuser, pgcluster.Database))
	return out, err
}

// count asks a database what it holds.
func count(ctx context.Context, p Product, dsn string) (heartbeat time.Time, rows map[string]int64, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return heartbeat, nil, fmt.Errorf("opening the recovered database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if rows, err = p.Rows(ctx, conn); err != nil {
		return heartbeat, rows, err
	}
	heartbeat, err = p.Heartbeat(ctx, conn)
	return heartbeat, rows, err
}

// pictureKeys calls visit for the key of every picture that the recovered database
// names.
func pictureKeys(ctx context.Context, p Product, s *pgcluster.Scratch, visit func(key string) error) error {
	conn, err := pgx.Connect(ctx, s.DSN(pgcluster.Database))
	if err != nil {
		return fmt.Errorf("opening the recovered database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return p.PictureKeys(ctx, conn, visit)
}

// discard reads a body to its end, where the reader compares its hash.
func discard(body io.ReadCloser) (int64, error) {
	n, err := io.Copy(io.Discard, body)
	return n, errors.Join(err, body.Close())
}
