package health_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/host/health"
)

func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	room := durable.Space{Path: "/var/lib/bugspark", Bytes: 2 << 30, Inodes: -1}
	certificate := func(days, left time.Duration) *x509.Certificate {
		end := now.Add(left)
		return &x509.Certificate{NotBefore: end.Add(-days * 24 * time.Hour), NotAfter: end}
	}
	const day = 24 * time.Hour
	for _, c := range []struct {
		rule string
		seen health.Seen
		want health.State
		note string // part of the only note; empty: none
	}{
		{"everything is well", health.Seen{Space: room}, health.Healthy, ""},
		{"a unit that failed is unhealthy", health.Seen{Space: room, FailedUnits: 1}, health.Unhealthy, ""},
		{"no answer is unhealthy, though every unit runs", health.Seen{Space: room, Answer: errors.New("refused")}, health.Unhealthy, ""},
		{"backups that fail need attention", health.Seen{Space: room, Backups: []string{"the newest set is 3 days old"}}, health.Attention, "3 days"},
		{"trouble with a service outweighs backups", health.Seen{Space: room, FailedUnits: 1, Backups: []string{"off"}}, health.Unhealthy, "off"},
		{"a job whose last run failed needs attention", health.Seen{Space: room, FailedJobs: []string{"bugspark-backup.service"}}, health.Attention, "systemctl start bugspark-backup.service"},
		{"a helper that is down needs attention, and everybody is served", health.Seen{Space: room, Helpers: []string{"bugspark-backup.socket"}}, health.Attention, "bugspark-backup.socket does not run"},
		{"what somebody has stopped is not broken", health.Seen{Space: room, Stopped: true, Answer: errors.New("refused")}, health.Stopped, ""},
		{"what starts is not broken yet, and its helpers come later", health.Seen{Space: room, Starting: true, FailedUnits: 2, Helpers: []string{"bugspark-walship.service"}, Answer: errors.New("refused")}, health.Starting, ""},
		{"what starts while everybody is served is", health.Seen{Space: room, Starting: true}, health.Healthy, ""},
		{"a helper that is down beside a unit that failed is no comfort", health.Seen{Space: room, FailedUnits: 1, Helpers: []string{"x.socket"}}, health.Unhealthy, "x.socket does not run; 'journalctl"},
		{"what was never set up was not stopped", health.Seen{Space: room, Stopped: true, Unfinished: true, Helpers: []string{"x.socket"}, Answer: errors.New("refused")}, health.Partial, ""},
		{"and once everybody is served it needs no word", health.Seen{Space: room, Unfinished: true}, health.Healthy, ""},
		{"a restore that waits needs attention", health.Seen{Space: room, Restored: "The restore waits"}, health.Attention, "The restore waits"},
		{"little room needs attention", health.Seen{Space: durable.Space{Path: "/var", Bytes: 2<<30 - 1, Inodes: -1}}, health.Attention, "only 2047 MiB are free at /var"},
		{"a disk at its reserve is told instead", health.Seen{Space: durable.Space{Path: "/var", Bytes: 300 << 20, Inodes: -1}, Reserve: 512 << 20, LowDisk: &durable.Space{Path: "/var/lib/bugspark/postgres", Bytes: 300 << 20}}, health.Attention, "reports and pictures are refused: only 300 MiB are free at /var/lib/bugspark/postgres, and limits.free_space_mib keeps 512"},
		{"few inodes need attention", health.Seen{Space: durable.Space{Path: "/var", Bytes: 2 << 30, Inodes: 9999}}, health.Attention, "only 9999 inodes"},
		{"a certificate of 30 days is due for renewal after 20, overdue after 25", health.Seen{Space: room, Certificate: certificate(30, 4*day)}, health.Attention, "was not renewed"},
		{"and is well before", health.Seen{Space: room, Certificate: certificate(30, 6*day)}, health.Healthy, ""},
		{"a certificate of a year is overdue two weeks before its end", health.Seen{Space: room, Certificate: certificate(365, 13*day)}, health.Attention, "was not renewed"},
		{"and not two months before", health.Seen{Space: room, Certificate: certificate(365, 50*day)}, health.Healthy, ""},
		{"a certificate that has ended", health.Seen{Space: room, Certificate: certificate(365, -day)}, health.Attention, "the certificate ended on"},
	} {
		c.seen.Now = now
		state, notes := health.Judge(c.seen)
		if state != c.want || (c.note == "") != (len(notes) == 0) || len(notes) > 0 && !strings.Contains(notes[0], c.note) {
			t.Errorf("%s: %s, %q", c.rule, state, notes)
		}
	}
}
