package postgres_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

const senders = 16

// logs is a payload of 8 KB like a widget's: repetitive in form, not in content.
func logs(seed uint64) json.RawMessage {
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	b.WriteByte('[')
	for b.Len() < 8000 {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"level":"error","message":"request %x to /api/orders/%d failed","timestamp":%d,"stack":"at %x (app.%x.js:%d:%d)"}`,
			r.Uint64(), r.IntN(1e6), 1700000000000+r.IntN(1e9), r.Uint64(), r.Uint32(), r.IntN(9999), r.IntN(999))
	}
	b.WriteByte(']')
	return json.RawMessage(b.String())
}

// BenchmarkIngestion measures sixteen senders of 8 KB reports against what the
// same server makes of sixteen connections with a bare one-row INSERT of the
// same payload, one commit each, as pgbench does it. Both are durable. The two
// take turns, since the machine's disk has moods.
func BenchmarkIngestion(b *testing.B) {
	server := postgrestest.StartServer(b)
	db := server.Database()
	s := db.Open(b)
	p := newProject(b, s, "shop")
	if _, err := db.Connect(b).Exec(b.Context(), `CREATE TABLE bare (id bigserial PRIMARY KEY, doc jsonb NOT NULL)`); err != nil {
		b.Fatal(err)
	}
	conns := make([]*pgx.Conn, senders)
	for i := range conns {
		conns[i] = db.Connect(b)
	}
	payloads := make([]json.RawMessage, 256)
	for i := range payloads {
		payloads[i] = logs(uint64(i))
	}
	var n atomic.Uint64
	reports := func(int) error {
		i := n.Add(1)
		r := report(p.ID, fmt.Sprintf("checkout fails on step %d", i))
		r.Description = "I pressed the button and nothing happened, then the page showed an error."
		r.Evidence.ConsoleLogs, r.ConsoleLogsIncluded = payloads[i%256], true
		r.Fingerprint = sha256.Sum256(fmt.Append(nil, i))
		_, _, err := s.CreateReport(b.Context(), r)
		return err
	}
	bare := func(sender int) error {
		_, err := conns[sender].Exec(b.Context(), `INSERT INTO bare (doc) VALUES ($1)`, string(payloads[n.Add(1)%256]))
		return err
	}
	round(b, 100*time.Millisecond, reports)
	round(b, 100*time.Millisecond, bare)
	b.ResetTimer()
	var ours, theirs float64
	for b.Loop() {
		ours += round(b, time.Second, reports)
		theirs += round(b, time.Second, bare)
	}
	b.ReportMetric(ours/float64(b.N), "reports/s")
	b.ReportMetric(theirs/float64(b.N), "inserts/s")
	b.ReportMetric(ours/theirs, "ratio")
}

// round keeps sixteen senders busy for a while and returns how often per second
// they succeeded.
func round(b *testing.B, length time.Duration, send func(sender int) error) float64 {
	var done atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for i := range senders {
		wg.Go(func() {
			for time.Since(start) < length {
				if err := send(i); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}
