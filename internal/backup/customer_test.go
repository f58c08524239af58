package backup_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// customers is a database on a server of the customer's, where we are the owner
// of our tables and nothing more.
func (s *site) customers(t *testing.T, database string) backup.CustomerServer {
	t.Helper()
	s.sql(t, "postgres", "CREATE ROLE customer LOGIN")
	if database != "bugspark" {
		s.sql(t, "postgres", "ALTER DATABASE bugspark RENAME TO "+database)
	}
	s.sql(t, "postgres", "CREATE DATABASE somebody_elses")
	if database != "bugspark" { // a copy of ours must find a name beside it
		s.sql(t, "postgres", "CREATE DATABASE bugspark")
	}
	s.sql(t, "somebody_elses", "CREATE TABLE theirs AS SELECT repeat(md5(i::text), 20) AS filler FROM generate_series(1, 20000) i")
	s.sql(t, database, `DO $$ DECLARE t name; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
		EXECUTE format('ALTER TABLE %I OWNER TO customer', t); END LOOP; END $$`)
	s.sql(t, database, "ALTER SCHEMA public OWNER TO customer; ALTER TABLE pictures DROP CONSTRAINT pictures_project_id_fkey")
	dsn := fmt.Sprintf("host=%s user=customer dbname=%s sslmode=disable", s.host, database)
	return backup.CustomerServer{Product: postgres.Inventory{}, CustomerServer: &pgcluster.CustomerServer{DSN: dsn, Replication: dsn, Programs: s.cluster().Cluster}}
}

// TestACustomersServerIsCheckedBeforeItIsStreamed names everything that would
// make it fail, or fill the customer's disk.
func TestACustomersServerIsCheckedBeforeItIsStreamed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	f := s.customers(t, "product")
	err := f.CheckReplication(t.Context())
	for _, want := range []string{"may not replicate", "without a limit"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	s.sql(t, "postgres", "ALTER ROLE customer REPLICATION")
	s.sql(t, "postgres", "ALTER SYSTEM SET max_slot_wal_keep_size = '1GB'")
	s.sql(t, "postgres", "SELECT pg_reload_conf()")
	ready := func() bool { return f.CheckReplication(t.Context()) == nil }
	for began := time.Now(); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal(f.CheckReplication(t.Context()))
		}
	}
	s.sql(t, "postgres", "ALTER ROLE postgres SET allow_in_place_tablespaces = on")
	s.sql(t, "postgres", "CREATE TABLESPACE theirs LOCATION ''")
	if err := f.CheckReplication(t.Context()); err == nil || !strings.Contains(err.Error(), "tablespaces outside of its data directory") {
		t.Errorf("with a tablespace: %v", err)
	}
	s.sql(t, "postgres", "DROP TABLESPACE theirs")
	elsewhere := newSite(t)
	f.DSN = "host=" + elsewhere.host + " user=postgres dbname=bugspark"
	if err := f.CheckReplication(t.Context()); err == nil || !strings.Contains(err.Error(), "different servers") {
		t.Errorf("another server: %v", err)
	}
	if err := f.DropSlot(t.Context()); err != nil {
		t.Errorf("a slot that is not there: %v", err)
	}
}

// TestACustomersServerComesBackToAMoment copies a whole server of the customer's,
// receives its WAL, goes back to before a bulk delete, and puts what our tables
// held into their place.
func TestACustomersServerComesBackToAMoment(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"product", "bugspark"} { // the second has the name of ours
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			f := s.customers(t, database)
			s.sql(t, "postgres", "ALTER ROLE customer REPLICATION")
			public, key, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			identity, err := age.GenerateX25519Identity()
			if err != nil {
				t.Fatal(err)
			}
			slot, err := f.Slot()
			if err != nil {
				t.Fatal(err)
			}
			up, err := f.Upstream()
			if err != nil {
				t.Fatal(err)
			}
			source := &backup.Source{Product: postgres.Inventory{}, DSN: f.DSN, Slot: slot}
			t.Cleanup(func() { source.Close() })
			c := &continuous{site: s, conn: connect(t, s.host, database), spool: t.TempDir(),
				archive: &archive.Archive{Target: s.target.Target, Recipient: identity.Recipient(), Identity: identity, Signer: key, Writers: []ed25519.PublicKey{public}}}
			t.Cleanup(func() { c.conn.Close(context.Background()) })
			if c.system, err = source.System(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.shipper = &archive.Shipper{Archive: c.archive, System: c.system, Spool: filepath.Join(c.spool, c.system), Source: source, Objects: s.objects,
				Now: time.Now, Log: slog.New(slog.DiscardHandler)}
			c.receive(t, up)
			for id := range 20 {
				c.picture(t, id)
			}
			from := s.sources()
			from.Database = f
			id, d, err := backup.Create(t.Context(), c.open(t), from, func(backup.Progress) {})
			if err != nil {
				t.Fatal(err)
			}
			if !d.Physical() || !d.OfCustomer() || d.Logical || d.Database.Superuser != "postgres" || d.Database.Name != database || d.Database.Bytes < 20<<20 {
				t.Errorf("set %s is %+v", id, d)
			}
			for id := 20; id < 40; id++ {
				c.picture(t, id)
			}
			c.ship(t)
			moment := time.Now()
			s.sql(t, database, "DELETE FROM acknowledged WHERE id % 2 = 0")
			c.picture(t, 100)
			c.ship(t)

			migration, err := f.Migration(t.Context()) // which also tells the version and the schema
			if err != nil || migration == 0 {
				t.Fatalf("migration %d %v", migration, err)
			}
			out, rows, err := c.backThen(t, backup.RestoreRequest{Time: moment}, func(ctx context.Context, copy *scratch.Client) error {
				if err := copy.Check(ctx); err != nil {
					t.Errorf("checking the copy: %v", err)
				}
				if n, err := backup.Migration(ctx, postgres.Inventory{}, copy); err != nil || n != migration {
					t.Errorf("the copy has migration %d: %v", n, err)
				}
				dump, err := copy.Dump(ctx)
				if err != nil {
					return err
				}
				defer dump.Close()
				return f.Load(ctx, dump, "public", "")
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 40 || rows[100] != "" || out.Heartbeat.IsZero() {
				t.Errorf("before the delete: %d rows, beat %s", len(rows), out.Heartbeat)
			}
			live := connect(t, s.host, database)
			defer live.Close(context.Background())
			var n, newest int
			var owner string
			if err := live.QueryRow(t.Context(), "SELECT count(*), max(id), (SELECT tableowner FROM pg_tables WHERE tablename = 'acknowledged') FROM acknowledged").Scan(&n, &newest, &owner); err != nil {
				t.Fatal(err)
			}
			if n != 40 || newest != 39 || owner != "customer" {
				t.Errorf("the customer's database now has %d rows, the newest %d, of %s", n, newest, owner)
			}
			// The WAL goes on, over the replacement.
			c.picture(t, 200)
			c.ship(t)
			if _, rows, err = c.back(t, backup.RestoreRequest{Set: backup.Latest}); err != nil || len(rows) != 41 || rows[200] == "" {
				t.Errorf("afterwards: %d rows, %v", len(rows), err)
			}
			c.stop()
			if err := f.DropSlot(t.Context()); err != nil {
				t.Error(err)
			}
			var left int
			if err := live.QueryRow(t.Context(), "SELECT count(*) FROM pg_replication_slots").Scan(&left); err != nil || left != 0 {
				t.Errorf("%d slots are left: %v", left, err)
			}
		})
	}
}

// TestACustomersSchemaTellsWhatIsNotOurs, and a dump of another schema is refused
// rather than loaded as nothing.
func TestACustomersSchemaTellsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	f := s.customers(t, "product")
	ours, err := postgres.Tables()
	if err != nil || len(ours) < 10 {
		t.Fatalf("our tables are %v: %v", ours, err)
	}
	if others, err := f.OtherTables(t.Context(), ours); err != nil || !slices.Equal(others, []string{"acknowledged"}) {
		t.Errorf("not ours: %v %v", others, err)
	}
	if _, err := f.Migration(t.Context()); err != nil {
		t.Fatal(err)
	}
	dump, err := f.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	s.sql(t, "product", "CREATE SCHEMA elsewhere AUTHORIZATION customer; ALTER ROLE customer SET search_path = elsewhere")
	if err := f.Load(t.Context(), dump, "elsewhere", ""); err == nil {
		t.Error("a dump of another schema was loaded")
	}
	s.sql(t, "product", "ALTER ROLE customer SET search_path = nowhere_yet")
	if n, err := f.Migration(t.Context()); err != nil || n != 0 {
		t.Errorf("with a schema that is not there yet: %d %v", n, err)
	}
}

// TestACustomersDumpThatBreaksReplacesNothing ends the stream early.
func TestACustomersDumpThatBreaksReplacesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	f := s.customers(t, "product")
	s.sql(t, "product", "INSERT INTO acknowledged VALUES (1, 'kept')")
	if _, err := f.Migration(t.Context()); err != nil {
		t.Fatal(err)
	}
	dump, err := f.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dump")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := out.ReadFrom(dump)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{n - 1, n / 2, 100, 0} {
		if err := os.Truncate(file, at); err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Load(t.Context(), in, "public", ""); err == nil {
			t.Errorf("a dump of %d of %d bytes was loaded", at, n)
		}
		in.Close()
		conn, err := pgx.Connect(t.Context(), f.DSN)
		if err != nil {
			t.Fatal(err)
		}
		var key string
		if err := conn.QueryRow(t.Context(), "SELECT key FROM acknowledged").Scan(&key); err != nil || key != "kept" {
			t.Errorf("after %d of %d bytes the table holds %q: %v", at, n, key, err)
		}
		conn.Close(t.Context())
	}
}

// A database that does not answer, as when everything is stopped, comes with what to do.
func TestADatabaseThatDoesNotAnswerNamesTheNextCommand(t *testing.T) {
	for hint, db := range map[string]backup.Database{
		"systemctl start bugspark.target": backup.Cluster{Cluster: pgcluster.New(pgcluster.Options{SocketDir: t.TempDir()})},
		"database-dsn":                    backup.CustomerServer{CustomerServer: &pgcluster.CustomerServer{DSN: "host=" + t.TempDir() + " dbname=none"}},
	} {
		if _, err := db.Facts(t.Context()); err == nil || !strings.Contains(strings.Join(fault.Hints(err), ""), hint) {
			t.Errorf("%v, next %q instead of %s", err, fault.Hints(err), hint)
		}
	}
}
