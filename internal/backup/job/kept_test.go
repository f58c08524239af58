package job_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

// copyTree copies what is not there yet, as rsync --ignore-existing does.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		into := filepath.Join(to, rel)
		if _, err := os.Stat(into); err == nil {
			return nil
		}
		data, err := os.ReadFile(path)
		return errors.Join(err, os.MkdirAll(filepath.Dir(into), 0o700), os.WriteFile(into, data, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// packsOf are the files of a target that hold the data of the sets.
func packsOf(t *testing.T, j *job.Jobs) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(j.Config.Backup.Target, "sets", "[pq]", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func hasProblem(t *testing.T, j *job.Jobs, key string) bool {
	t.Helper()
	s, err := health.Look(j.Lookup, j.Dirs, j.Config, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(s.Problems, func(p health.Problem) bool { return p.Key == key })
}

// Somebody deletes the index of all sets right before a set is taken. The set is taken,
// and everybody tells of those that are gone, whose data stays.
func TestSetsWhoseIndexIsDeletedBeforeASetAreMissed(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	for range 4 {
		create(t, j)
	}
	index := filepath.Join(j.Config.Backup.Target, "sets", "x")
	away := filepath.Join(t.TempDir(), "x")
	copyTree(t, index, away)
	if err := os.RemoveAll(index); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Create(ctx, job.CreateOptions{}, silent); err != nil {
		t.Fatalf("protection does not go on: %v", err)
	}
	before := packsOf(t, j)
	missed := func(err error, by string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "4 sets that this machine has saved are not on the target any more") {
			t.Errorf("%s: %v", by, err)
		}
	}
	if !hasProblem(t, j, health.SetsMissing) {
		t.Error("status does not tell after the set")
	}
	v, err := j.Verify(ctx, job.VerifyOptions{Percent: 100})
	if err != nil || len(v.Missing) != 4 {
		t.Errorf("verify: %+v, %v", v.Missing, err)
	}
	missed(v.Err(), "verify")
	_, err = j.Prune(ctx, job.PruneOptions{Now: true})
	missed(err, "prune")
	if now := packsOf(t, j); len(now) < len(before) {
		t.Errorf("of %d packs %d are left", len(before), len(now))
	}
	j.Restored = func(context.Context, string) (*scratch.Client, error) {
		return nil, errors.New("this is not about the database")
	}
	r, err := j.Drill(ctx, job.DrillOptions{}, silent)
	if err != nil || r.Passed || !strings.Contains(strings.Join(r.Failures, "\n"), "4 sets that this machine has saved are not on the target any more") {
		t.Errorf("drill: %q, %v", r.Failures, err)
	}
	if err := os.Remove(history.File(j.Dirs, history.DrillFile)); err != nil {
		t.Fatal(err)
	}

	copyTree(t, away, index)
	if v, err = j.Verify(ctx, job.VerifyOptions{Percent: 100}); err != nil || v.Err() != nil || len(v.Verdicts) != 5 {
		t.Fatalf("brought back: %+v, %v, %v", v, err, v.Err())
	}
	if _, err = j.Prune(ctx, job.PruneOptions{Now: true}); err != nil || hasProblem(t, j, health.SetsMissing) {
		t.Errorf("brought back: %v", err)
	}

	if err := os.RemoveAll(index); err != nil {
		t.Fatal(err)
	}
	if _, err = j.Create(ctx, job.CreateOptions{}, silent); err != nil {
		t.Fatal(err)
	}
	if _, err = j.Prune(ctx, job.PruneOptions{Accept: true, DryRun: true}); err != nil {
		t.Error(err)
	}
	_, err = j.Prune(ctx, job.PruneOptions{})
	if err == nil {
		t.Error("a dry run has accepted the loss")
	}
	if _, err = j.Prune(ctx, job.PruneOptions{Accept: true, Now: true}); err != nil || hasProblem(t, j, health.SetsMissing) {
		t.Errorf("after the loss was accepted: %v", err)
	}
	if v, err = j.Verify(ctx, job.VerifyOptions{Percent: 100}); err != nil || v.Err() != nil {
		t.Errorf("after the loss was accepted: %v, %v", err, v.Err())
	}
}

// keptModel is what must be remembered, beside an installation.
type keptModel struct {
	j     *job.Jobs
	kept  map[string]bool
	away  string // an older state of the index
	steps []string
}

func (m *keptModel) sets() string { return filepath.Join(m.j.Config.Backup.Target, "sets") }

func (m *keptModel) there(t *testing.T) map[string]bool {
	t.Helper()
	list, err := m.j.List(t.Context(), false)
	if err != nil {
		t.Fatalf("after %q: %v", m.steps, err)
	}
	out := map[string]bool{}
	for _, s := range list {
		out[s.ID] = true
	}
	return out
}

func (m *keptModel) missing(there map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.kept)), func(id string) bool { return there[id] })
}

func (m *keptModel) step(t *testing.T, name string) {
	ctx, j := t.Context(), m.j
	m.steps = append(m.steps, name)
	save := func(claim bool) string {
		out, err := j.Create(ctx, job.CreateOptions{Claim: claim}, silent)
		if err != nil {
			t.Fatalf("after %q: %v", m.steps, err)
		}
		return out.ID
	}
	remove := func(path string) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	switch name {
	case "create":
		m.kept[save(false)] = true
	case "keep a state":
		m.away = filepath.Join(t.TempDir(), "x")
		copyTree(t, filepath.Join(m.sets(), "x"), m.away)
	case "vanish, create":
		remove(filepath.Join(m.sets(), "x"))
		m.kept[save(false)] = true
	case "put back an old state, create":
		remove(filepath.Join(m.sets(), "x"))
		copyTree(t, m.away, filepath.Join(m.sets(), "x"))
		m.kept[save(false)] = true
	case "lose the repository, create":
		remove(m.sets())
		m.away = ""
		m.kept[save(false)] = true
	case "bring back":
		copyTree(t, m.away, filepath.Join(m.sets(), "x"))
	case "prune", "accept":
		there := m.there(t)
		missing, before := m.missing(there), packsOf(t, j)
		out, err := j.Prune(ctx, job.PruneOptions{Accept: name == "accept", Now: m.away == ""})
		if wanted := name == "prune" && len(missing) > 0; (err != nil) != wanted {
			t.Fatalf("after %q: %d sets are missing, and the prune: %v", m.steps, len(missing), err)
		}
		if err != nil {
			if now := packsOf(t, j); len(now) < len(before) || len(m.there(t)) < len(there) {
				t.Fatalf("after %q: something went although sets are missing", m.steps)
			}
			break
		}
		for id := range m.kept {
			if !there[id] || slices.Contains(out.Going, id) {
				delete(m.kept, id)
			}
		}
	case "new place", "empty the target, claim":
		if name == "new place" {
			j.Config.Backup.Target = targettest.Directory(t)
		} else {
			remove(m.sets())
			remove(filepath.Join(j.Config.Backup.Target, "owner.json"))
		}
		m.away, m.kept = "", map[string]bool{save(true): true}
	}
}

// TestSequenceNoSetIsForgotten takes sets, lets some go and loses some, and compares what
// is missed after every step.
func TestSequenceNoSetIsForgotten(t *testing.T) {
	t.Parallel()
	long := 10 * time.Second
	if text := os.Getenv("BUGSPARK_SOAK"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
	m := &keptModel{j: newJobs(t), kept: map[string]bool{}}
	b := &m.j.Config.Backup
	b.KeepDaily, b.KeepWeekly, b.KeepMonthly, b.WindowDays = 1, 0, 0, 0
	m.step(t, "new place")
	missed := 0
	for end := time.Now().Add(long); time.Now().Before(end); {
		steps := []string{"create", "create", "create", "prune", "prune", "accept", "vanish, create", "lose the repository, create", "new place", "empty the target, claim", "keep a state"}
		if m.away != "" {
			steps = append(steps, "put back an old state, create", "put back an old state, create", "bring back", "bring back")
		}
		m.step(t, steps[r.IntN(len(steps))])
		v, err := m.j.Verify(t.Context(), job.VerifyOptions{Percent: 1})
		if err != nil {
			t.Fatalf("seed %d, after %q: %v", seed, m.steps, err)
		}
		there := m.there(t)
		for id := range there {
			m.kept[id] = true // what is there counts again
		}
		got := []string{}
		for _, s := range v.Missing {
			got = append(got, s.ID)
		}
		want := m.missing(there)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("seed %d, after %q: missed are %v, want %v", seed, m.steps, got, want)
		}
		if hasProblem(t, m.j, health.SetsMissing) != (len(want) > 0) {
			t.Fatalf("seed %d, after %q: %d sets are missing, and status says otherwise", seed, m.steps, len(want))
		}
		missed += len(want)
	}
	t.Logf("%d steps, %d sets missed in all", len(m.steps), missed)
}
