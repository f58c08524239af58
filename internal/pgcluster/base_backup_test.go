package pgcluster_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

// running is a cluster with a table worth copying.
func running(t *testing.T) (place, int) {
	t.Helper()
	p := newPlace(t)
	p.must(t, "prepare")
	server := p.start(t)
	p.must(t, "provision")
	if err := p.exec(t, pgcluster.Superuser, "CREATE TABLE rows AS SELECT n, repeat(md5(n::text), 20) AS filler FROM generate_series(1, 50000) n"); err != nil {
		t.Fatal(err)
	}
	return p, server
}

func TestABaseBackupStartsByItself(t *testing.T) {
	t.Parallel()
	p, _ := running(t)
	b, err := p.cluster().BaseBackup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	copied := newPlace(t)
	tar := exec.Command("tar", "-x", "-C", copied.data(), "-f", "-")
	tar.Stdin = b
	if err := os.Mkdir(copied.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v %s", err, out)
	}
	if _, err := io.Copy(io.Discard, b); err != nil { // tar stops at its end mark
		t.Fatal(err)
	}
	extent, err := b.Extent()
	if err != nil || extent.Start == "" || extent.Stop == "" || extent.Timeline != 1 {
		t.Errorf("extent %+v %v", extent, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "-R", copied.Account, copied.data()).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	copied.must(t, "prepare")
	copied.start(t)
	if n := copied.query(t, pgcluster.Superuser, pgcluster.Database, "SELECT count(*)::text FROM rows"); n != "50000" {
		t.Errorf("the copy has %s rows", n)
	}
}

func TestABrokenBaseBackupNeverLooksWhole(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(server int, stop func()){
		"cancelled":         func(_ int, stop func()) { stop() },
		"the server killed": func(server int, _ func()) { syscall.Kill(server, syscall.SIGQUIT) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, server := running(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			b, err := p.cluster().BaseBackup(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if _, err := io.CopyN(io.Discard, b, 3<<20); err != nil {
				t.Fatal(err)
			}
			hurt(server, stop)
			if _, err := io.Copy(io.Discard, b); err == nil {
				t.Error("the stream ended as if it were whole")
			}
			if _, err := b.Extent(); err == nil {
				t.Error("it has an extent")
			}
		})
	}
}
