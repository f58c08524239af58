package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bugspark/bugspark/internal/tracker"
)

// A batch ends at whichever comes first. 128 reports are far more than arrive
// during one commit; the bytes bound a server's memory and one transaction.
const (
	maxBatch      = 128
	maxBatchBytes = 8 << 20
)

// batchDelay is how long a batch waits for senders that sent a moment ago and will
// likely send again. It is shorter than a commit on a fast disk, so it pays as soon as
// it saves one commit.
const batchDelay = 300 * time.Microsecond

// ingester stores reports that arrive at the same time in one transaction: its
// writer takes all that queued up during the previous commit, so fifty reports cost
// one commit, as a single one does.
//
// There is one writer, with its own connection, so that a slow list cannot delay a
// report. Two writers were slower: batches are half as large, and batches of the same
// project wait for each other.
type ingester struct {
	pool          *pgxpool.Pool
	codec         *evidenceCodec
	submitTimeout time.Duration
	log           *slog.Logger

	queue   chan *submission // unbuffered: a report that the writer did not take was not accepted
	closing chan struct{}
	once    sync.Once
	writer  sync.WaitGroup

	senders atomic.Int64 // now inside CreateReport
	peak    atomic.Int64 // the most of them since the last batch was collected
}

// submission is one CreateReport that waits for its commit.
type submission struct {
	report   tracker.NewReport
	evidence []byte // as stored
	id       string
	until    time.Time // when its sender stops waiting

	result tracker.Report
	fresh  bool
	err    error
	done   chan struct{} // closed once the three above are final
}

func (s *submission) size() int { return len(s.evidence) + len(s.report.Description) + 1024 }

func (s *submission) finish(r tracker.Report, fresh bool, err error) {
	s.result, s.fresh, s.err = r, fresh, err
	close(s.done)
}

func newIngester(ctx context.Context, config *pgxpool.Config, o Options) (*ingester, error) {
	config.MaxConns = 1
	// The statement and its plan never change. Planning for every batch would be a
	// third of its cost.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	// A report is durable when it is acknowledged, whatever the server's default.
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	codec, err := newEvidenceCodec()
	if err != nil {
		pool.Close()
		return nil, err
	}
	in := &ingester{pool: pool, codec: codec, submitTimeout: o.SubmitTimeout, log: o.Log,
		queue: make(chan *submission), closing: make(chan struct{})}
	in.writer.Go(in.run)
	return in, nil
}

var errClosing = &tracker.Error{Code: tracker.Unavailable, Message: "the server is stopping"}

// submit waits until s is committed or refused. When ctx ends first the report
// may still be stored; sending it again finds it by its fingerprint.
func (in *ingester) submit(ctx context.Context, s *submission) error {
	submitTimeout := time.NewTimer(time.Until(s.until))
	defer submitTimeout.Stop()
	select {
	case <-in.closing: // checked first, because select chooses at random
		return errClosing
	default:
	}
	select {
	case in.queue <- s:
	case <-submitTimeout.C:
		return failed("waiting for the database", context.DeadlineExceeded)
	case <-ctx.Done():
		return failed("storing a report", context.Cause(ctx))
	case <-in.closing:
		return errClosing
	}
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return failed("storing a report", context.Cause(ctx))
	}
}

func (in *ingester) run() {
	for {
		select {
		case first := <-in.queue:
			in.flush(in.collect(first))
		case <-in.closing:
			return
		}
	}
}

// enter counts a sender in; leaving is its end.
func (in *ingester) enter() (leaving func()) {
	now := in.senders.Add(1)
	for peak := in.peak.Load(); now > peak && !in.peak.CompareAndSwap(peak, now); peak = in.peak.Load() {
	}
	return func() { in.senders.Add(-1) }
}

// collect adds to first the submissions that wait. It waits batchDelay while there
// are fewer than were sent at once since the last batch; a single sender never waits.
func (in *ingester) collect(first *submission) []*submission {
	batch, size := []*submission{first}, first.size()
	expected := int(in.peak.Swap(in.senders.Load()))
	var late <-chan time.Time
	for len(batch) < maxBatch && size < maxBatchBytes {
		select {
		case s := <-in.queue:
			batch, size = append(batch, s), size+s.size()
			continue
		default:
		}
		if len(batch) >= expected {
			break
		}
		if late == nil {
			late = time.After(batchDelay)
		}
		select {
		case s := <-in.queue:
			batch, size = append(batch, s), size+s.size()
		case <-late:
			return batch
		}
	}
	return batch
}

// flush brings every submission of the batch to an end. While the database is
// away it tries again: if the failed attempt was committed, the fingerprint finds it.
// When the database refuses the data, the batch is halved until the invalid
// submission is alone.
func (in *ingester) flush(batch []*submission) {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := in.attempt(batch)
		switch {
		case err == nil:
			return
		case connectionLost(err) || timedOut(err):
			batch = in.dropExpired(batch, err)
			if len(batch) == 0 {
				return
			}
			in.log.Warn("storing reports again", "reports", len(batch), "error", err)
			select {
			case <-time.After(pause):
			case <-in.closing:
				in.refuse(batch, errClosing)
				return
			}
		case len(batch) > 1:
			in.flush(batch[:len(batch)/2])
			in.flush(batch[len(batch)/2:])
			return
		default:
			in.refuse(batch, failed("storing a report", err))
			return
		}
	}
}

func (in *ingester) attempt(batch []*submission) error {
	// Not a sender's context: its end must not cancel the others' reports.
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	return in.store(ctx, batch)
}

// dropExpired ends the submissions that have waited long enough.
func (in *ingester) dropExpired(batch []*submission, err error) []*submission {
	now, rest := time.Now(), batch[:0:0]
	for _, s := range batch {
		if now.After(s.until) {
			s.finish(tracker.Report{}, false, failed("storing a report", err))
			continue
		}
		rest = append(rest, s)
	}
	return rest
}

func (in *ingester) refuse(batch []*submission, err error) {
	for _, s := range batch {
		s.finish(tracker.Report{}, false, err)
	}
}

// close finishes the current batches and refuses new submissions.
func (in *ingester) close() {
	in.once.Do(func() { close(in.closing) })
	in.writer.Wait()
	in.pool.Close()
	in.codec.close()
}
