package backup_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/backup"
)

// TestADrillRunsTheCodeOfADatabaseElsewhere holds a drill of a database whose superuser has
// left code in an index, in event triggers and in what is called like a table of ours. Root
// stands for the account that has the keys.
func TestADrillRunsTheCodeOfADatabaseElsewhere(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("the server of the drill must have another account")
	}
	c := newContinuous(t)
	traces := filepath.Join(shared(t), "traces")
	if err := os.WriteFile(traces, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(traces, 0o666); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "backup-key")
	if err := os.WriteFile(key, []byte("the key"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.sql(t, "bugspark", `CREATE FUNCTION steal(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L',
		'(echo ' || what || ' $(id -u) $(env | grep -c BACKUP_TEST); cat `+key+` || true) >>`+traces+` 2>/dev/null'); END $$`)
	c.sql(t, "bugspark", `CREATE FUNCTION computed(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('index'); RETURN n; END $$`)
	c.sql(t, "bugspark", `CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('ddl'); END $$`)
	c.sql(t, "bugspark", `CREATE TABLE public.bait (n int); INSERT INTO public.bait VALUES (1); CREATE INDEX ON public.bait (public.computed(n))`)
	c.sql(t, "bugspark", `CREATE EVENT TRIGGER stealing ON ddl_command_start EXECUTE FUNCTION on_ddl(); ALTER EVENT TRIGGER stealing ENABLE ALWAYS`)
	c.picture(t, 1)
	take := func() string {
		t.Helper()
		if _, _, err := backup.Create(t.Context(), c.open(t), c.sources(), func(backup.Progress) {}); err != nil {
			t.Fatal(err)
		}
		c.ship(t)
		if err := os.Truncate(traces, 0); err != nil {
			t.Fatal(err)
		}
		r := c.drill(t, func(d *backup.Drill) { d.Shipped = c.shipper.State })
		t.Logf("%v %q", r.Passed, r.Failures)
		ran, err := os.ReadFile(traces)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(ran)) {
			if strings.TrimSpace(line) != "index 65534 0" && !strings.HasSuffix(strings.TrimSpace(line), " 65534 0") {
				t.Errorf("code of the database ran with rights or found the key: %s", line)
			}
			if strings.HasPrefix(line, "ddl") {
				t.Errorf("an event trigger ran: %s", line)
			}
		}
		return string(ran) + strings.Join(r.Failures, "\n")
	}
	if said := take(); !strings.Contains(said, "index 65534") {
		t.Errorf("the index did not run, and this proves nothing: %s", said)
	}
	// The row count of what is not a table says nothing, and asking for it calls a function.
	c.sql(t, "bugspark", `DROP EVENT TRIGGER stealing`)
	c.sql(t, "bugspark", `ALTER TABLE accounts RENAME TO accounts_before; CREATE VIEW accounts AS SELECT a.*, steal('view')::text AS stolen FROM accounts_before a`)
	if said := take(); !strings.Contains(said, "accounts of the database is no table") || strings.Contains(said, "view 65534") {
		t.Errorf("a view was taken for a table: %s", said)
	}
}

// A worker that lies, or is replaced, harms nobody: its answers have a limit, and what it
// asks for is WAL.
func TestAClientEndsWithItsWorker(t *testing.T) {
	t.Parallel()
	c, data := worker(t, false)
	if err := c.Unpack(t.Context(), strings.NewReader("no tar, but long enough to be read as a header"+strings.Repeat(".", 1024))); err == nil {
		t.Error("what is no tar was unpacked")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the data is left")
	}
	if err := c.Verify(t.Context()); err == nil {
		t.Error("it answers after its end")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Check(ctx); err == nil {
		t.Error("it works although nobody waits")
	}
	if _, err := pgx.Connect(t.Context(), c.DSN("postgres")); err == nil {
		t.Error("its socket answers")
	}
}

// The data of a drill is in a directory that the account of the backups cannot look into,
// and that is left by the drill before.
func TestADrillNeedNotLookWhereItsServerWorks(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		again(t)
		return
	}
	c := newContinuous(t)
	if _, _, err := backup.Create(t.Context(), c.open(t), c.sources(), func(backup.Progress) {}); err != nil {
		t.Fatal(err)
	}
	c.ship(t)
	r := c.open(t)
	point, err := backup.Choose(t.Context(), r, c.archive, backup.RestoreRequest{Set: backup.Latest})
	if err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.PrepareDatabase(t.Context(), r, point, filepath.Join(closed, "data"), ""); err != nil {
		t.Error(err)
	}
	if _, err := backup.Prepare(t.Context(), r, point.Set, filepath.Join(closed, "data"), ""); err == nil {
		t.Error("a set would be written where nobody can look")
	}
}
