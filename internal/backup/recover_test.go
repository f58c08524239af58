package backup_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// The test binary is also the restore_command of the servers it starts.
const fetchVariable = "BACKUP_TEST_FETCH"

func fetch(socket string) int {
	err := archive.Fetch(context.Background(), socket, os.Args[1], os.Args[2])
	switch {
	case errors.Is(err, archive.ErrMissing):
		return 1
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 255
	}
	return 0
}

// copyOfSelf is this program where every account can run it.
func copyOfSelf(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(dir, "program")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", self, program).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return program
}

func nobody(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}
}

// continuous is a site whose WAL and pictures go to the archive.
type continuous struct {
	*site
	conn    *pgx.Conn
	archive *archive.Archive
	shipper *archive.Shipper
	system  string
	spool   string
	stop    func() // of the receiver
}

func newContinuous(t *testing.T) *continuous {
	t.Helper()
	s := newSite(t)
	s.sql(t, "bugspark", "GRANT pg_read_all_data, pg_read_all_stats TO bugspark_backup; GRANT UPDATE ON backup_beat TO bugspark_backup")
	s.sql(t, "bugspark", "ALTER TABLE pictures DROP CONSTRAINT pictures_project_id_fkey")
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c := &continuous{site: s, conn: connect(t, s.host, "bugspark"), spool: t.TempDir(),
		archive: &archive.Archive{Target: s.target.Target, Recipient: identity.Recipient(), Identity: identity, Signer: key, Writers: []ed25519.PublicKey{public}}}
	t.Cleanup(func() { c.conn.Close(context.Background()) })
	source := &backup.Source{Product: postgres.Inventory{}, DSN: "host=" + s.host + " user=bugspark_backup dbname=bugspark", Slot: s.cluster().Upstream().Slot}
	t.Cleanup(func() { source.Close() })
	if c.system, err = source.System(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.shipper = &archive.Shipper{Archive: c.archive, System: c.system, Spool: filepath.Join(c.spool, c.system), Source: source, Objects: s.objects,
		Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	c.receive(t, s.cluster().Upstream())
	return c
}

func (c *continuous) receive(t *testing.T, up pgcluster.Upstream) {
	ctx, cancel := context.WithCancel(t.Context())
	r := &pgcluster.Receiver{Upstream: up, Spool: c.spool, Limit: 1 << 30, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), RequestSet: func(string) error { return nil },
		Arrived: func(dir string, timeline uint32, since time.Time) error {
			return archive.WriteStay(dir, archive.Stay{Timeline: timeline, Since: since})
		}}
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	c.stop = func() { cancel(); <-done }
	t.Cleanup(c.stop)
}

// picture is a report with its picture, as the product writes them.
func (c *continuous) picture(t *testing.T, id int) {
	t.Helper()
	if err := c.submit(t.Context(), c.conn, id); err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.Exec(t.Context(), "INSERT INTO pictures SELECT key, gen_random_uuid(), 'image/png', 1, clock_timestamp() FROM acknowledged WHERE id = $1", id); err != nil {
		t.Fatal(err)
	}
}

// ship goes round until everything acknowledged until now is in the archive.
func (c *continuous) ship(t *testing.T) {
	t.Helper()
	began := time.Now()
	for !c.shipper.State.Through.After(began) {
		if err := c.shipper.Round(t.Context()); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("the archive does not catch up: %+v", c.shipper.State)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("shipped in %s", time.Since(began))
}

// back recovers a wish into a new directory, with another machine's eyes.
func (c *continuous) back(t *testing.T, w backup.RestoreRequest) (backup.Recovered, map[int]string, error) {
	t.Helper()
	return c.backThen(t, w, nil)
}

// backThen is back, and does something with the recovered copy.
func (c *continuous) backThen(t *testing.T, w backup.RestoreRequest, then func(context.Context, *scratch.Client) error) (backup.Recovered, map[int]string, error) {
	t.Helper()
	r := c.open(t)
	choice, err := backup.Choose(t.Context(), r, c.archive, w)
	if err != nil {
		return backup.Recovered{}, nil, err
	}
	copied, data := worker(t, true)
	plan, err := backup.Prepare(t.Context(), r, choice.Set, data, "")
	if err != nil {
		return backup.Recovered{}, nil, err
	}
	if err := backup.RestoreDatabase(t.Context(), r, plan, copied, func(backup.Progress) {}); err != nil {
		t.Fatal(err)
	}
	recovery := &backup.Recovery{RestorePoint: choice, Product: postgres.Inventory{}, Copy: copied}
	rows := map[int]string{}
	out, err := recovery.Run(t.Context(), func(ctx context.Context, s *scratch.Client) error {
		conn, err := pgx.Connect(ctx, s.DSN("bugspark"))
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		found, err := conn.Query(ctx, "SELECT id, key FROM acknowledged")
		if err != nil {
			return err
		}
		var id int
		var key string
		_, err = pgx.ForEachRow(found, []any{&id, &key}, func() error { rows[id] = key; return nil })
		if err != nil || then == nil {
			return err
		}
		return then(ctx, s)
	})
	if log, reading := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(data)), "s", "log")); reading == nil {
		t.Logf("the scratch server said:\n%s", log)
	}
	return out, rows, err
}

// TestTheArchiveBringsBackWhatCameAfterTheSet recovers to the newest state and to
// a moment before a bulk delete.
func TestTheArchiveBringsBackWhatCameAfterTheSet(t *testing.T) {
	t.Parallel()
	c := newContinuous(t)
	for id := range 50 {
		c.picture(t, id)
	}
	r := c.open(t)
	if _, _, err := backup.Create(t.Context(), r, c.sources(), func(backup.Progress) {}); err != nil {
		t.Fatal(err)
	}
	c.ship(t)
	for id := 50; id < 100; id++ {
		c.picture(t, id)
	}
	// Over the end of a segment, so that whole ones and pieces meet.
	c.sql(t, "bugspark", "CREATE TABLE bulk AS SELECT repeat(md5(i::text), 100) FROM generate_series(1, 10000) i")
	c.ship(t)
	for id := 100; id < 120; id++ {
		c.picture(t, id)
		c.ship(t) // a piece each
	}
	moment := time.Now()
	c.sql(t, "bugspark", "DELETE FROM acknowledged WHERE id % 2 = 0")
	c.picture(t, 200)
	c.ship(t)

	began := time.Now()
	out, rows, err := c.back(t, backup.RestoreRequest{Set: backup.Latest})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("newest state back in %s (recovery %s), last beat %s", time.Since(began), out.Took, out.Heartbeat)
	if len(rows) != 61 || rows[200] == "" || rows[119] == "" || rows[0] != "" {
		t.Errorf("newest: %d rows", len(rows))
	}
	kept, err := c.archive.Pictures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id := 50; id < 120; id++ {
		if key := fmt.Sprintf("owner/project-%d/%d.png", id%3, id); kept[key].IsZero() {
			t.Errorf("picture %s is not in the archive", key)
		}
	}
	body, err := c.archive.Picture(t.Context(), rows[200])
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(body); err != nil || len(data) != 4*500 {
		t.Errorf("the picture of row 200 has %d bytes: %v", len(data), err)
	}

	_, rows, err = c.back(t, backup.RestoreRequest{Time: moment})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 120 || rows[200] != "" {
		t.Errorf("before the delete: %d rows", len(rows))
	}
	if _, _, err := c.back(t, backup.RestoreRequest{Time: time.Now().Add(time.Hour)}); err == nil {
		t.Error("a moment to come was reached")
	}
	if _, _, err := c.back(t, backup.RestoreRequest{Time: moment.Add(-time.Hour)}); err == nil {
		t.Error("a moment before the first set was reached")
	}
}

// A restore puts a mark on the recovered copy before it is in place, and takes away one
// that is of the time of the set.
func TestARecoveredCopyIsMarkedWhileTheDataFromBeforeIsKept(t *testing.T) {
	t.Parallel()
	c := newContinuous(t)
	marked := func(conn *pgx.Conn) (yes bool) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT obj_description(to_regclass('schema_migrations'), 'pg_class') IS NOT NULL").Scan(&yes); err != nil {
			t.Fatal(err)
		}
		return yes
	}
	c.sql(t, "bugspark", "COMMENT ON TABLE schema_migrations IS 'of a restore'")
	if _, _, err := backup.Create(t.Context(), c.open(t), c.sources(), func(backup.Progress) {}); err != nil {
		t.Fatal(err)
	}
	c.ship(t)
	if err := c.cluster().Unmark(t.Context()); err != nil || marked(c.conn) {
		t.Errorf("confirmed: %v", err)
	}
	if err := c.cluster().Unmark(t.Context()); err != nil {
		t.Errorf("confirmed again: %v", err)
	}
	sets, err := c.open(t).Sets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.backThen(t, backup.RestoreRequest{Set: sets[0].ID}, func(ctx context.Context, s *scratch.Client) error {
		conn, err := pgx.Connect(ctx, s.DSN("bugspark"))
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		if !marked(conn) {
			t.Error("the set is not of a time when a restore waited")
		}
		for _, waits := range []bool{false, true, true} {
			if err := s.MarkWaiting(ctx, waits); err != nil || marked(conn) != waits {
				t.Errorf("waits %v: %v", waits, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
