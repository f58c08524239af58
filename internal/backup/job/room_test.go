package job_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

// Data and backups are on one small disk.
func TestBackupsLeaveTheDataBesideThemItsRoom(t *testing.T) {
	t.Parallel()
	disk := targettest.Directory(t)
	mountSmall(t, disk, "400M")
	j, ctx := newJobs(t), t.Context()
	j.Dirs.State, j.Config.Backup.Target = filepath.Join(disk, "state"), filepath.Join(disk, "target")
	if err := errors.Join(os.MkdirAll(filepath.Join(j.Dirs.State, "backup"), 0o755), os.Mkdir(j.Config.Backup.Target, 0o700)); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if _, err := j.Create(ctx, job.CreateOptions{Claim: i == 0}, silent); err != nil {
			t.Fatal(err)
		}
	}
	reserve, err := target.ReserveBeside(j.Dirs.State)
	if err != nil {
		t.Fatal(err)
	}
	others := filepath.Join(disk, "others")
	// leave fills the disk so far that this many bytes are free.
	leave := func(bytes int64) {
		t.Helper()
		if err := os.RemoveAll(others); err != nil {
			t.Fatal(err)
		}
		free, err := target.Directory(disk).Free(ctx)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(others)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := syscall.Fallocate(int(f.Fd()), 0, 0, free-bytes); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int {
		t.Helper()
		sets, err := j.List(ctx, false)
		if err != nil {
			t.Fatal(err)
		}
		return len(sets)
	}
	leave(reserve / 4)
	if _, err := j.Create(ctx, job.CreateOptions{}, silent); !errors.Is(err, target.ErrBeside) {
		t.Fatalf("on a full disk: %v", err)
	}
	if n := count(); n != 3 {
		t.Errorf("%d sets are left, want the newest three", n)
	}
	// A set that is larger than what may be taken stops before the data's room.
	picture := make([]byte, 150<<20)
	if _, err := rand.Read(picture); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(j.Dirs.Config, "postgresql.conf.d", "big.conf") // is in a set as it is
	if err := errors.Join(os.MkdirAll(filepath.Dir(big), 0o755), os.WriteFile(big, picture, 0o644)); err != nil {
		t.Fatal(err)
	}
	leave(reserve + 40<<20)
	if _, err := j.Create(ctx, job.CreateOptions{}, silent); !errors.Is(err, target.ErrBeside) {
		t.Errorf("a set too large: %v", err)
	}
	// Packs of 20 MiB are checked one by one, and several are written at a time.
	if free, err := target.Directory(disk).Free(ctx); err != nil || free < reserve-60<<20 {
		t.Errorf("%d of %d MiB are left, %v", free>>20, reserve>>20, err)
	}
	if err := errors.Join(os.Remove(big), os.Remove(others)); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Create(ctx, job.CreateOptions{}, silent); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if n := count(); n != 4 {
		t.Errorf("%d sets", n)
	}
}
