package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

// loadVariable makes the test program load its standard input into a customer's
// database, so that it can be killed in the middle.
const loadVariable = "BUGSPARK_TEST_LOAD"

func loadInput(dsn string) int {
	major, err := strconv.Atoi(os.Getenv(loadVariable + "_MAJOR"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	f := pgcluster.CustomerServer{DSN: dsn, Major: major, Namespace: "public", Programs: pgcluster.New(pgcluster.Options{Root: os.DirFS("/"), Lookup: os.LookupEnv})}
	if err := f.Load(context.Background(), os.Stdin, "public", "c0ffee"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestALoadThatIsKilledReplacesNothing kills the process that loads when the old
// tables are gone and half of a new one is there. Mark tells which load was committed.
func TestALoadThatIsKilledReplacesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	f := s.customers(t, "product")
	s.sql(t, "product", "INSERT INTO acknowledged SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 20000) i")
	if _, err := f.Migration(t.Context()); err != nil {
		t.Fatal(err)
	}
	out, err := f.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dump, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	s.sql(t, "product", "INSERT INTO acknowledged VALUES (0, 'newer')")
	live := connect(t, s.host, "product")
	defer live.Close(context.Background())
	until := func(what, sql string) {
		t.Helper()
		for began, reached := time.Now(), false; !reached; {
			if err := live.QueryRow(t.Context(), sql).Scan(&reached); err != nil {
				t.Fatal(err)
			}
			if time.Since(began) > time.Minute {
				t.Fatal(what)
			}
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), loadVariable+"="+f.DSN, fmt.Sprintf("%s_MAJOR=%d", loadVariable, f.Major))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(dump[:len(dump)*3/4]); err != nil {
		t.Fatal(err)
	}
	until("the load does not come to the rows", "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'customer' AND query LIKE 'COPY public.acknowledged%')")
	if mark, err := f.Mark(t.Context()); err == nil || !strings.Contains(err.Error(), "still runs") {
		t.Errorf("while a load is at work: marked %q: %v", mark, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	// Mark waits for the transaction, and finds none.
	if mark, err := f.Mark(t.Context()); err != nil || mark != "" {
		t.Errorf("marked %q: %v", mark, err)
	}
	var n int
	if err := live.QueryRow(t.Context(), "SELECT count(*) FROM acknowledged").Scan(&n); err != nil || n != 20001 {
		t.Errorf("the table holds %d rows: %v", n, err)
	}

	load := exec.Command(self)
	load.Env = cmd.Env
	load.Stdin = bytes.NewReader(dump)
	if said, err := load.CombinedOutput(); err != nil {
		t.Fatalf("the whole dump: %v: %s", err, said)
	}
	if mark, err := f.Mark(t.Context()); err != nil || mark != "c0ffee" {
		t.Errorf("after the whole dump it is marked %q: %v", mark, err)
	}
	if err := live.QueryRow(t.Context(), "SELECT count(*) FROM acknowledged").Scan(&n); err != nil || n != 20000 {
		t.Errorf("after the whole dump the table holds %d rows: %v", n, err)
	}
	if err := f.Load(t.Context(), bytes.NewReader(dump), "public", ""); err != nil {
		t.Fatal(err)
	}
	if mark, err := f.Mark(t.Context()); err != nil || mark != "" {
		t.Errorf("after a load that takes the mark away it is marked %q: %v", mark, err)
	}
}
