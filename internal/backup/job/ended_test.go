package job_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

// A slip in an option says nothing of the backups: nothing is stored.
func TestAScratchDirectoryIsCheckedBeforeTheDrill(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	file := filepath.Join(full, "letters")
	locked := filepath.Join(t.TempDir(), "locked")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(locked, 0o500)); err != nil {
		t.Fatal(err)
	}
	j := newJobs(t)
	for rule, dir := range map[string]string{"none": "/nope", "a file": file, "not empty": full, "not to be written": locked} {
		if rule == "not to be written" && os.Getuid() == 0 {
			continue // root may
		}
		_, err := j.Drill(t.Context(), job.DrillOptions{Scratch: dir}, silent)
		if fault.Status(err) != int(fault.Usage) || len(fault.Hints(err)) == 0 {
			t.Errorf("%s: %v", rule, err)
		}
	}
	h, err := history.Read(j.Dirs)
	if err != nil || !h.Drill.At.IsZero() || len(h.Runs) > 0 {
		t.Errorf("remembered %+v, %+v, %v", h.Drill, h.Runs, err)
	}
	if data, err := os.ReadDir(full); err != nil || len(data) != 1 {
		t.Errorf("%v, %v", data, err)
	}
}

func TestHowTheLastRunOfAJobEndedIsRemembered(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	run := func(which history.Job) history.Run {
		t.Helper()
		h, err := history.Read(j.Dirs)
		if err != nil {
			t.Fatal(err)
		}
		return h.Runs[which]
	}
	create := func(ctx context.Context, o job.CreateOptions) error {
		_, err := j.Create(ctx, o, silent)
		return err
	}
	err := create(ctx, job.CreateOptions{}) // the target is nobody's yet
	if r := run(history.TakeSet); err == nil || r.Place != j.Config.Backup.Place() || !strings.Contains(r.Failure, "owner.json") || !strings.Contains(r.Next, "--claim") {
		t.Errorf("after %v: %+v", err, r)
	}
	if s, err := j.Check(); err != nil || s.Err() == nil || !strings.Contains(s.Err().Error(), "no set could be saved") {
		t.Errorf("%+v, %v", s.Problems, err)
	}
	if err := create(ctx, job.CreateOptions{Claim: true}); err != nil {
		t.Fatal(err)
	}
	if r := run(history.TakeSet); r.Failure != "" || r.At.IsZero() {
		t.Errorf("after a set: %+v", r)
	}
	interrupted, cancel := context.WithCancel(ctx)
	cancel()
	if err := create(interrupted, job.CreateOptions{}); err == nil {
		t.Error("an interrupted run made a set")
	}
	if _, err := j.Drill(interrupted, job.DrillOptions{}, silent); err == nil {
		t.Error("an interrupted drill is taken for a failed one")
	}
	if _, err := j.Copy(ctx, job.CopyOptions{}, silent); err == nil {
		t.Error("a copy without a second target")
	}
	h, err := history.Read(j.Dirs)
	if err != nil || h.Runs[history.TakeSet].Failure != "" || len(h.Runs) != 1 || !h.Drill.At.IsZero() {
		t.Errorf("interrupted, and a slip: %+v, %+v, %v", h.Runs, h.Drill, err)
	}
	if _, err := j.Prune(ctx, job.PruneOptions{}); err != nil || run(history.Prune).At.IsZero() {
		t.Errorf("%v, %+v", err, run(history.Prune))
	}
	if _, err := j.Verify(ctx, job.VerifyOptions{Sets: []string{"nosuchset"}, Percent: 5}); err == nil || !run(history.Verify).At.IsZero() {
		t.Errorf("%v, %+v", err, run(history.Verify))
	}
	if _, err := j.Verify(ctx, job.VerifyOptions{Percent: 5}); err != nil || run(history.Verify).At.IsZero() {
		t.Errorf("%v, %+v", err, run(history.Verify))
	}
	if h, err := history.Read(j.Dirs); err != nil || h.Verify.Place != j.Config.Backup.Place() {
		t.Errorf("%+v, %v", h.Verify, err)
	}
	// What a drill found on another target keeps nothing here.
	h.Drill.At, h.Drill.Failures, h.Drill.Place = h.Runs[history.TakeSet].At, []string{"x"}, "/elsewhere"
	if err := history.Write(j.Dirs, history.DrillFile, h.Drill); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Prune(ctx, job.PruneOptions{}); err != nil {
		t.Errorf("a drill on another target failed: %v", err)
	}
	h.Drill.Place = j.Config.Backup.Place()
	if err := history.Write(j.Dirs, history.DrillFile, h.Drill); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Prune(ctx, job.PruneOptions{}); err == nil || run(history.Prune).Failure == "" {
		t.Errorf("a drill on this target failed: %v, %+v", err, run(history.Prune))
	}
}

// A set that was stopped with the machine is no failure, and its timer comes no more until
// tomorrow. A site without a shipper has only the check to ask for it.
func TestASetThatWasInterruptedIsTakenAgain(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	lookup := j.Lookup
	j.Lookup = func(name string) (string, bool) {
		if name == "INVOCATION_ID" {
			return "1", true
		}
		return lookup(name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Create(ctx, job.CreateOptions{}, silent); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	h, err := history.Read(j.Dirs)
	if err != nil || len(h.Runs) > 0 {
		t.Errorf("remembered %+v, %v", h.Runs, err)
	}
	id, err := history.Requested(j.Dirs)
	if err != nil || id == "" {
		t.Fatalf("no set is asked for: %q, %v", id, err)
	}
	bell := history.File(j.Dirs, "set-wanted")
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(bell, long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Check(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(bell); err != nil || info.ModTime().Equal(long) {
		t.Errorf("the check asks for nothing: %v", err)
	}
	if _, err := j.Create(ctx, job.CreateOptions{}, silent); err == nil {
		t.Error("it was taken")
	}
	if again, err := history.Requested(j.Dirs); err != nil || again != id {
		t.Errorf("another request replaced the one that nothing has answered: %v", err)
	}
}

// Nobody drills while the services are stopped, which says nothing of the backups.
func TestADrillWithoutItsServiceIsInterrupted(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	if _, err := j.Create(t.Context(), job.CreateOptions{Claim: true}, silent); err != nil {
		t.Fatal(err)
	}
	j.Restored = func(context.Context, string) (*scratch.Client, error) {
		return nil, fault.New(fault.Interrupted, "systemctl start bugspark.target", "stopped")
	}
	_, err := j.Drill(t.Context(), job.DrillOptions{}, silent)
	if fault.Status(err) != int(fault.Interrupted) || len(fault.Hints(err)) == 0 {
		t.Errorf("the drill ended with %v", err)
	}
	h, err := history.Read(j.Dirs)
	if err != nil || !h.Drill.At.IsZero() || h.Runs[history.Drill].Failure != "" {
		t.Errorf("remembered %+v, %+v, %v", h.Drill, h.Runs, err)
	}
}

// A drill that the machine's shutdown interrupts is held when it runs again, not in a week.
func TestADrillThatWasInterruptedIsHeldAgain(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	lookup, service := j.Lookup, false
	j.Lookup = func(name string) (string, bool) {
		if name == "INVOCATION_ID" && service {
			return "1", true
		}
		return lookup(name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, service = range []bool{false, true} {
		if _, err := j.Drill(ctx, job.DrillOptions{}, silent); !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if wanted, err := history.DrillWanted(j.Dirs); err != nil || wanted != service {
			t.Fatalf("of a service's %v: a drill is asked for: %v, %v", service, wanted, err)
		}
	}
	ln, err := net.Listen("unix", j.Dirs.Socket(history.DrillBell))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	rung := lifecycle.Listeners{history.DrillBell: {ln}}
	for age, want := range map[time.Duration]bool{time.Minute: false, time.Hour: true, -time.Hour: true} {
		at := time.Now().Add(-age)
		if err := os.Chtimes(history.File(j.Dirs, "drill-wanted"), at, at); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Check(); err != nil {
			t.Fatal(err)
		}
		if got, err := rung.Pending(history.DrillBell); err != nil || got != want {
			t.Errorf("a request of %s before: the check rings %v, %v", age, got, err)
		}
	}
}

// A command that finds another one under way has failed at nothing.
func TestAJobThatDidNotWaitHasNoResult(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	if _, err := j.Create(t.Context(), job.CreateOptions{Claim: true}, silent); err != nil {
		t.Fatal(err)
	}
	unlock, err := j.Lock(t.Context(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := j.Verify(t.Context(), job.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), "is under way") {
		t.Errorf("it ended with %v", err)
	}
	if h, err := history.Read(j.Dirs); err != nil || h.Runs[history.Verify].Failure != "" {
		t.Errorf("remembered %+v, %v", h.Runs, err)
	}
}
