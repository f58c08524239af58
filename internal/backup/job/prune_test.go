package job_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/job"
)

// mountSmall gives a target a file system of its own.
func mountSmall(t *testing.T, dir, size string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root mounts a disk")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("no file system of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill takes all the space there is, as other data on the same file system does.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "of-others"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 1<<20))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func sizeOf(t *testing.T, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			info, err := e.Info()
			if err != nil {
				return err
			}
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func create(t *testing.T, j *job.Jobs) string {
	t.Helper()
	s, err := j.Create(t.Context(), job.CreateOptions{Claim: true}, silent)
	if err != nil {
		t.Fatal(err)
	}
	return s.ID
}

// After a failed drill nothing is let go, and a full target works all the same: the
// space of what went before comes back, and a set that is named goes.
func TestAFullTargetAfterAFailedDrill(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	dir := j.Config.Backup.Target
	mountSmall(t, dir, "340m")
	objects, err := j.Objects()
	if err != nil {
		t.Fatal(err)
	}
	create(t, j)
	big := make([]byte, 24<<20)
	if _, err := rand.Read(big); err != nil {
		t.Fatal(err)
	}
	if err := objects.Put(ctx, "p/2.png", "image/png", bytes.NewReader(big), int64(len(big))); err != nil {
		t.Fatal(err)
	}
	large := create(t, j)
	if err := objects.Delete(ctx, "p/2.png"); err != nil {
		t.Fatal(err)
	}
	third := create(t, j)
	for range 2 {
		create(t, j)
	}
	out, err := j.Prune(ctx, job.PruneOptions{})
	if err != nil || !slices.Contains(out.Going, large) || !out.Decided {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ballast")); err != nil {
		t.Fatalf("there is no ballast to give up: %v", err)
	}
	fill(t, dir)
	if _, err := j.Create(ctx, job.CreateOptions{}, silent); err == nil {
		t.Fatal("the target is not full")
	}
	before := sizeOf(t, filepath.Join(dir, "sets")) // with what the failed set left there
	if err := history.Write(j.Dirs, history.DrillFile, backup.DrillReport{At: time.Now(), Failures: []string{"why"}}); err != nil {
		t.Fatal(err)
	}
	out, err = j.Prune(ctx, job.PruneOptions{Now: true})
	if err == nil || !strings.Contains(err.Error(), "nothing is let go") || out.Decided || !out.BallastReleased {
		t.Fatalf("after a failed drill: %+v, %v", out, err)
	}
	t.Log(err)
	// The picture is cut at random into packs of some 20 MB, and a part of it may share its
	// pack with what stays. A third of it is far more than all else that goes weighs.
	after := sizeOf(t, filepath.Join(dir, "sets"))
	t.Logf("of %d bytes %d are left", before, after)
	if before-after < 8<<20 {
		t.Errorf("of %d bytes %d are left: the space of what went before does not come back", before, after)
	}
	newest := create(t, j) // there is room again
	if _, err := j.Prune(ctx, job.PruneOptions{Anyway: []string{newest}}); err == nil || !strings.Contains(err.Error(), "not among those that may go") {
		t.Errorf("a set that stays: %v", err)
	}
	if out, err = j.Prune(ctx, job.PruneOptions{Now: true, Anyway: []string{third}}); err != nil || !out.Decided {
		t.Errorf("a set that may go: %+v, %v", out, err)
	}
	sets, err := j.List(ctx, false)
	if err != nil || len(sets) != 3 {
		t.Errorf("%d sets stay, %v", len(sets), err)
	}
	for _, s := range sets {
		if s.ID == third {
			t.Error("the named set stays")
		}
	}
}

// Damage makes good data look like garbage, which a prune must not take away.
func TestAPruneKeepsWhatAnIndexMayNameAgain(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	dir := j.Config.Backup.Target
	create(t, j)
	if out, err := j.Prune(ctx, job.PruneOptions{Now: true}); err != nil || !out.Decided {
		t.Fatalf("%+v, %v", out, err)
	}
	packs := sizeOf(t, filepath.Join(dir, "sets", "p"))
	for _, pattern := range []string{"sets/x*", "sets/q"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v %v", pattern, found, err)
		}
		for _, path := range found {
			if err := os.Rename(path, filepath.Join(t.TempDir(), "lost")); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := j.Prune(ctx, job.PruneOptions{Now: true}); err == nil {
			t.Errorf("without %s: %+v", pattern, out)
		}
		if left := sizeOf(t, filepath.Join(dir, "sets", "p")); left != packs {
			t.Errorf("without %s %d of %d bytes are left", pattern, left, packs)
		}
	}
}
