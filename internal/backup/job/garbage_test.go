package job_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/fault"
)

// The owner of the first target puts a file there that has the name of an index and is
// none. Whoever opens a target that has it is told which it is.
func TestAFileThatIsNoIndexIsNamed(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	create(t, j)
	secondTarget(t, j, targettest.Directory(t))
	index, err := filepath.Glob(filepath.Join(j.Config.Backup.Target, "sets", "x", "*", "*"))
	if err != nil || len(index) == 0 {
		t.Fatalf("%v, %v", index, err)
	}
	name, err := filepath.Rel(j.Config.Backup.Target, index[0])
	if err != nil {
		t.Fatal(err)
	}
	digits := []byte(filepath.Base(name))
	digits[5] = map[bool]byte{true: 'b', false: 'a'}[digits[5] == 'a']
	name = filepath.Join(filepath.Dir(name), string(digits))
	for _, body := range []string{"short", strings.Repeat("no index of ours", 3)} {
		if err := os.WriteFile(filepath.Join(j.Config.Backup.Target, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Copy(ctx, job.CopyOptions{}, silent); err != nil {
			t.Fatal(err)
		}
		_, first := j.List(ctx, false)
		_, second := j.List(ctx, true)
		_, set := j.Create(ctx, job.CreateOptions{}, silent)
		for from, err := range map[string]error{"the first target": first, "the second": second, "a set": set} {
			if err == nil || !strings.Contains(err.Error(), "its file "+name) || !strings.Contains(strings.Join(fault.Hints(err), "; "), "move that file away") {
				t.Errorf("%q, %s: %v; next: %s", body, from, err, fault.Hints(err))
			}
		}
		for _, dir := range []string{j.Config.Backup.Target, j.Config.Backup.Copy.Target} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, copied := range []bool{false, true} {
			if sets, err := j.List(ctx, copied); err != nil || len(sets) == 0 {
				t.Errorf("%q was removed: %d sets, %v", body, len(sets), err)
			}
		}
	}
}
