package job_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

// secondTarget makes a directory the second target.
func secondTarget(t *testing.T, j *job.Jobs, dir string) {
	t.Helper()
	j.Config.Backup.Copy.Target = dir
	e, err := target.EndpointOf(j.Lookup, j.Dirs, j.Config.Backup, true)
	if err == nil {
		err = j.Claim(t.Context(), e, false)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The second target is on a small disk with the data, and what is copied there is larger,
// in many files or in one.
func TestTheCopyLeavesTheDataBesideItItsRoom(t *testing.T) {
	t.Parallel()
	disk := targettest.Directory(t)
	mountSmall(t, disk, "400M")
	j, ctx := newJobs(t), t.Context()
	j.Dirs.State = filepath.Join(disk, "state")
	if err := errors.Join(os.MkdirAll(filepath.Join(j.Dirs.State, "backup"), 0o755), os.Mkdir(filepath.Join(disk, "copy"), 0o700)); err != nil {
		t.Fatal(err)
	}
	create(t, j)
	large := func(name string, size int) string {
		t.Helper()
		path := filepath.Join(j.Config.Backup.Target, name)
		data := make([]byte, size)
		if _, err := rand.Read(data); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secondTarget(t, j, filepath.Join(disk, "copy"))
	reserve, err := target.ReserveBeside(j.Dirs.State)
	if err != nil {
		t.Fatal(err)
	}
	copies := func() int64 {
		t.Helper()
		if _, err := j.Copy(ctx, job.CopyOptions{}, silent); !errors.Is(err, target.ErrBeside) {
			t.Errorf("a copy that does not fit: %v", err)
		}
		free, err := target.Directory(disk).Free(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return free
	}
	low, done := int64(1<<40), make(chan struct{})
	watched := make(chan int64)
	go func() { // while a file is written that is given up in the end
		for {
			select {
			case <-done:
				watched <- low
				return
			case <-time.After(time.Millisecond):
				if free, err := target.Directory(disk).Free(ctx); err == nil {
					low = min(low, free)
				}
			}
		}
	}()
	one := large("archive/pictures/large.zst.age", 380<<20)
	copies()
	close(done)
	if low := <-watched; low < reserve-40<<20 {
		t.Errorf("one large file left %d MiB of %d", low>>20, reserve>>20)
	}
	if err := os.Remove(one); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		large("archive/pictures/"+string(rune('a'+i))+".zst.age", 20<<20)
	}
	if free := copies(); free < reserve-100<<20 { // four at once
		t.Errorf("many files left %d MiB of %d", free>>20, reserve>>20)
	}
	if !hasProblem(t, j, health.CopyLowSpace) {
		t.Error("status does not tell")
	}
}
