package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// again runs a test once more, in a process of an ordinary account.
func again(t *testing.T) {
	t.Helper()
	dir := shared(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, home := filepath.Join(dir, "test"), filepath.Join(dir, "home")
	if out, err := exec.Command("cp", self, program).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	account := nobody(t)
	if err := errors.Join(os.Mkdir(home, 0o700), os.Lchown(home, int(account.Uid), int(account.Gid))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=10m")
	cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// drill holds a drill of what the archive and the repository have.
func (c *continuous) drill(t *testing.T, change func(*backup.Drill)) backup.DrillReport {
	t.Helper()
	dir := shared(t)
	d := &backup.Drill{
		Repository: c.open(t), Archive: c.archive, Product: postgres.Inventory{}, Cluster: c.cluster().Cluster, Data: filepath.Join(dir, "data", "database"), Now: time.Now,
		Secrets:  func(map[string][]byte) error { return nil },
		Probe:    func(context.Context, *scratch.Client) error { return nil },
		Restored: func(context.Context) (*scratch.Client, error) { return startWorker(t, dir, false) },
		Report:   func(backup.Progress) {}, MaxLost: 15 * time.Minute, Shipped: c.shipper.State,
	}
	if change != nil {
		change(d)
	}
	return d.Run(t.Context())
}

// TestADrillNamesWhatTheArchiveLacks holds a drill that passes, one of an archive in
// which everything went wrong that leaves the set whole, and one with a forged segment.
func TestADrillNamesWhatTheArchiveLacks(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		again(t) // a drill has no root's rights
		return
	}
	c := newContinuous(t)
	c.picture(t, 1)
	if _, _, err := backup.Create(t.Context(), c.open(t), c.sources(), func(backup.Progress) {}); err != nil {
		t.Fatal(err)
	}
	c.picture(t, 2)
	c.picture(t, 5)
	for range 4 {
		c.sql(t, "bugspark", "CREATE TABLE more ()")
		c.sql(t, "bugspark", "DROP TABLE more")
		c.sql(t, "bugspark", "SELECT pg_switch_wal()")
	}
	c.ship(t)
	if r := c.drill(t, nil); !r.Passed {
		t.Fatalf("all is well: %q", r.Failures)
	}

	at := func(pattern string) []string {
		found, err := filepath.Glob(filepath.Join(c.target.Target.String(), "archive", pattern))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		return found
	}
	whole := at("wal/*/????????????????????????.zst.age")
	forged := whole[len(whole)-2]
	good, err := os.ReadFile(forged)
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, other.Recipient())
	if err == nil {
		_, err = w.Write(make([]byte, archive.SegmentSize))
	}
	if err := errors.Join(err, w.Close(), os.WriteFile(forged, sealed.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	segment := strings.TrimSuffix(filepath.Base(forged), ".zst.age")
	if r := c.drill(t, nil); r.Passed || !strings.Contains(fmt.Sprint(r.Failures), segment) {
		t.Errorf("a forged segment %s: %q", segment, r.Failures)
	}

	if err := os.Remove(forged); err != nil {
		t.Fatal(err)
	}
	pictures := at("pictures/*/*/*")
	first, err := os.ReadFile(pictures[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pictures[1], first, 0o600); err != nil {
		t.Fatal(err)
	}
	r := c.drill(t, func(d *backup.Drill) {
		d.Kept = []string{"of tomorrow"}
		d.Shipped.Shipped = "FF/0"
	})
	swapped := strings.TrimSuffix(strings.TrimPrefix(pictures[1], c.target.Target.String()+"/archive/pictures/"), ".zst.age")
	for _, want := range []string{"lacks WAL segment " + segment, "picture " + swapped, "of tomorrow", "WAL was archived until FF/0"} {
		if r.Passed || !slices.ContainsFunc(r.Failures, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("%q, want %q", r.Failures, want)
		}
	}
	if err := os.WriteFile(forged, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := c.drill(t, func(d *backup.Drill) { d.MaxLost = time.Nanosecond }); r.Passed || !strings.Contains(fmt.Sprint(r.Failures), "may be lost") {
		t.Errorf("the newest state is too old: %q", r.Failures)
	}
}

// TestADrillOfACopyTakesWhatIsThere holds one of a copy that was made before the WAL after
// the newest set was archived. Nobody ships to a copy, so that there is nothing to wait for.
func TestADrillOfACopyTakesWhatIsThere(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		again(t)
		return
	}
	c := newContinuous(t)
	c.picture(t, 1)
	if _, _, err := backup.Create(t.Context(), c.open(t), c.sources(), func(backup.Progress) {}); err != nil {
		t.Fatal(err)
	}
	began, first := time.Now(), time.Duration(0)
	r := c.drill(t, func(d *backup.Drill) {
		d.Copy, d.Shipped, d.MaxLost = true, archive.State{}, 26*time.Hour
		d.Report = func(backup.Progress) {
			if first == 0 {
				first = time.Since(began)
			}
		}
	})
	if first > 20*time.Second {
		t.Errorf("it began after %s", first)
	}
	if !r.Passed || !slices.Contains(r.Checks, "the set came back as it is; no WAL from after it was copied yet") {
		t.Errorf("%q, proven %q", r.Failures, r.Checks)
	}
}
