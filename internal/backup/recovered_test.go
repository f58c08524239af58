package backup

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestARecoveredServerSendsNoEndlessMessage has a server announce a message of 1 GiB, which
// the process with the keys would take into memory.
func TestARecoveredServerSendsNoEndlessMessage(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 0, 'S', 0x3f, 0xff, 0xff, 0xff})
		_, _ = io.Copy(io.Discard, conn) // and sends nothing more
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = openRecovered(ctx, "postgres://bugspark@/bugspark?sslmode=disable&host="+dir)
	if err == nil || !strings.Contains(err.Error(), "invalid body length") {
		t.Errorf("%v", err)
	}
}
