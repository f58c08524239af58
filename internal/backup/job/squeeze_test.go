package job_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

// The disk that data and backups share is full, and the index of the sets is gone: no
// room is made of what looks like garbage.
func TestASetMakesNoRoomOfSetsThatAreMissing(t *testing.T) {
	t.Parallel()
	disk := targettest.Directory(t)
	mountSmall(t, disk, "400M")
	j := newJobs(t)
	j.Dirs.State, j.Config.Backup.Target = filepath.Join(disk, "state"), filepath.Join(disk, "target")
	if err := errors.Join(os.MkdirAll(filepath.Join(j.Dirs.State, "backup"), 0o755), os.Mkdir(j.Config.Backup.Target, 0o700)); err != nil {
		t.Fatal(err)
	}
	create(t, j)
	create(t, j)
	before := packsOf(t, j)
	if err := os.RemoveAll(filepath.Join(j.Config.Backup.Target, "sets", "x")); err != nil {
		t.Fatal(err)
	}
	free, err := target.Directory(disk).Free(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(disk, "others"))
	if err == nil {
		err = errors.Join(syscall.Fallocate(int(f.Fd()), 0, 0, free-30<<20), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Create(t.Context(), job.CreateOptions{}, silent); !errors.Is(err, target.ErrBeside) {
		t.Errorf("on a full disk: %v", err)
	}
	if now := packsOf(t, j); len(now) < len(before) {
		t.Errorf("of %d packs %d are left", len(before), len(now))
	}
}
