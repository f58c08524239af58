package health

import (
	"bytes"
	"fmt"
	"time"
)

// Metrics is the status in Prometheus' text format.
func (s Status) Metrics() []byte {
	var out bytes.Buffer
	gauge := func(name, help string, value float64) {
		fmt.Fprintf(&out, "# HELP bugspark_backup_%[1]s %[2]s\n# TYPE bugspark_backup_%[1]s gauge\nbugspark_backup_%[1]s %[3]g\n", name, help, value)
	}
	moment := func(name, help string, t time.Time) {
		if !t.IsZero() {
			gauge(name, help, float64(t.Unix()))
		}
	}
	h := s.in.History
	if s.Proven != nil {
		moment("proven_timestamp_seconds", "The moment that the last passed drill brought back.", *s.Proven)
	}
	moment("set_timestamp_seconds", "When the newest set was taken.", h.Set.At)
	moment("archived_timestamp_seconds", "Everything acknowledged before is in the archive.", h.WAL.Through)
	moment("copy_timestamp_seconds", "When the second target was last up to date.", h.Copy.At)
	if s.CopyProven != nil {
		moment("copy_proven_timestamp_seconds", "The moment that the last passed drill brought back from the second target.", *s.CopyProven)
	}
	moment("drill_timestamp_seconds", "When the last drill was held.", h.Drill.At)
	gauge("set_duration_seconds", "How long the newest set took.", h.Set.Seconds)
	gauge("drill_rpo_seconds", "Work that the last drill found lost, at most.", h.Drill.Lost)
	gauge("drill_rto_seconds", "How long the last drill took.", h.Drill.Took)
	gauge("spool_bytes", "WAL that waits for the target.", float64(h.WAL.Waiting))
	gauge("target_free_bytes", "Room on the target; -1 when it is away or does not tell.", float64(s.in.Room.Free))
	gauge("problems", "How many things are not as they should be.", float64(len(s.Problems)))
	return out.Bytes()
}
