package job_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/scratch"
)

// stream receives and ships WAL until everything until now is archived.
func stream(t *testing.T, j *job.Jobs) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- j.Receive(ctx) }()
	go func() { ended <- j.Ship(ctx) }()
	defer func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	began := time.Now()
	for {
		h, err := history.Read(j.Dirs)
		if err != nil {
			t.Fatal(err)
		}
		if h.WAL.Through.After(began) {
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("a service ended: %v", err)
		case <-t.Context().Done():
			t.Fatal("the archive does not catch up")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// aside moves files of the target away, and gives them back.
func aside(t *testing.T, files ...string) (back func()) {
	t.Helper()
	for _, f := range files {
		if err := os.Rename(f, f+".aside"); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, f := range files {
			if err := os.Rename(f+".aside", f); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestAVerificationProvesTheArchive takes a set, archives some segments behind it, and
// damages the archive in ways that leave every set whole.
func TestAVerificationProvesTheArchive(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	host := j.Programs.StateDir
	execute(t, host, "postgres", "GRANT pg_read_all_stats TO bugspark_backup")
	execute(t, host, "bugspark", "GRANT USAGE ON SCHEMA bugspark TO bugspark_backup", "GRANT UPDATE ON backup_beat TO bugspark_backup")
	identity, err := os.ReadFile(j.Dirs.CredentialFile("archive-identity"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := age.ParseX25519Identity(string(identity))
	if err == nil {
		err = os.WriteFile(j.Dirs.CredentialFile("archive-recipient"), []byte(parsed.Recipient().String()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	j.Rescue = t.TempDir()
	j.Restored = func(context.Context, string) (*scratch.Client, error) {
		return nil, errors.New("a drill here fails for that reason too")
	}
	if err := os.WriteFile(filepath.Join(j.Rescue, "age-1.0"), []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Create(t.Context(), job.CreateOptions{Claim: true}, silent); err != nil {
		t.Fatal(err)
	}
	stream(t, j)
	set, err := j.Create(t.Context(), job.CreateOptions{}, silent)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		execute(t, host, "bugspark", "CREATE TABLE more ()", "DROP TABLE more", "SELECT pg_switch_wal()")
	}
	stream(t, j)
	found, err := filepath.Glob(filepath.Join(j.Config.Backup.Target, "archive/wal/*/????????????????????????.zst.age"))
	if err != nil || len(found) < 4 {
		t.Fatalf("archived: %v, %v", found, err)
	}
	slices.Sort(found)
	last := len(found) - 1
	pieces, err := filepath.Glob(filepath.Join(j.Config.Backup.Target, "archive/wal/*/*-*.zst.age"))
	if err != nil {
		t.Fatal(err)
	}
	name := func(path string) string { return strings.TrimSuffix(filepath.Base(path), ".zst.age") }
	for _, c := range []struct {
		rule   string
		damage func() (back func())
		want   string
	}{
		{"nothing, while all is well", func() func() { return func() {} }, ""},
		{"a single segment that is missing", func() func() { return aside(t, found[last-1]) }, "WAL segment " + name(found[last-1]) + " is missing"},
		{"a segment that is forged with the recipient", func() func() {
			back := aside(t, found[last])
			encryptTo(t, parsed.Recipient(), found[last])
			return back
		}, name(found[last]) + " from the archive: no archiver of this installation has written it"},
		{"two segments that changed places", func() func() {
			exchangeFiles(t, found[0], found[last])
			return func() { exchangeFiles(t, found[0], found[last]) }
		}, name(found[0]) + " from the archive: it is another file of the archive"},
		{"an archive that ends before what was shipped", func() func() { return aside(t, append(pieces, found[last])...) }, "and has it only until"},
	} {
		back := c.damage()
		v, err := j.Verify(t.Context(), job.VerifyOptions{Percent: 100})
		back()
		if err != nil {
			t.Fatalf("%s: %v", c.rule, err)
		}
		got := strings.Join(v.Archive.Damages, "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) || (v.Err() == nil) != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
		h, err := history.Read(j.Dirs)
		if err != nil || !slices.Equal(h.Verify.Archive, v.Archive.Damages) || len(v.Damaged) > 0 {
			t.Errorf("%s: remembered %+v, %v", c.rule, h.Verify, err)
		}
	}
	for _, changed := range []string{"RESTORE.txt", "rescue/age-1.0"} {
		path := filepath.Join(j.Config.Backup.Target, changed)
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, append([]byte("! "), data[2:]...), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		v, err := j.Verify(t.Context(), job.VerifyOptions{Percent: 1})
		if err != nil || v.Err() == nil || !strings.Contains(v.Err().Error(), changed+" is not what this version") {
			t.Errorf("%s was changed: %v, %v", changed, v.Err(), err)
		}
		report, err := j.Drill(t.Context(), job.DrillOptions{}, silent)
		if err != nil || report.Passed || !slices.ContainsFunc(report.Failures, func(f string) bool { return strings.HasPrefix(f, changed+" is not") }) {
			t.Errorf("%s was changed, and the drill: %+v, %v", changed, report, err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := j.Verify(t.Context(), job.VerifyOptions{Sets: []string{set.ID}, Percent: 0}); err != nil || v.Archive.Files > 0 {
		t.Errorf("a single set: %+v, %v", v, err)
	}
}

// encryptTo puts WAL into the archive as everybody can who knows the public recipient.
func encryptTo(t *testing.T, recipient age.Recipient, path string) {
	t.Helper()
	var out bytes.Buffer
	sealed, err := age.Encrypt(&out, recipient)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := zstd.NewWriter(sealed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = packed.Write(make([]byte, archive.SegmentSize))
	if err = errors.Join(err, packed.Close(), sealed.Close(), os.WriteFile(path, out.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func exchangeFiles(t *testing.T, a, b string) {
	t.Helper()
	if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
		t.Fatal(err)
	}
}
