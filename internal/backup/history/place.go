package history

import (
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/config"
)

// Of is what is known of the targets that a configuration names. What was found on
// another one says nothing of them.
func (h History) Of(b config.Backup) History {
	place := b.Place()
	h.Proven, h.CopyProven = h.Proven.newest(h.Drill), h.CopyProven.newest(h.CopyDrill)
	h = h.ofData()
	if h.Set.Place != "" && h.Set.Place != place {
		h.Set = SavedSet{}
	}
	if h.elsewhere(h.Verify.Place, place, h.Verify.At) {
		h.Verify = Verification{}
	}
	if h.elsewhere(h.Drill.Place, place, h.Drill.At) {
		h.Drill = backup.DrillReport{}
	}
	if h.elsewhere(h.Proven.Place, place, h.Proven.At) {
		h.Proven = Proof{}
	}
	second := b.Copy.Place()
	if h.Copy.Target != "" && h.Copy.Target != b.Copy.Target {
		h.Copy = CopyRun{}
	}
	other := func(recorded string) bool { return second == "" || recorded != "" && recorded != second }
	if other(h.CopyVerify.Place) {
		h.CopyVerify = Verification{}
	}
	if other(h.CopyDrill.Place) {
		h.CopyDrill = backup.DrillReport{}
	}
	if other(h.CopyProven.Place) {
		h.CopyProven = Proof{}
	}
	runs := map[Job]Run{}
	for job, r := range h.Runs {
		if r.Place == job.Place(b) {
			runs[job] = r
		}
	}
	h.Runs = runs
	return h
}

// elsewhere tells whether something that was found at a moment was found on another
// place. Versions before this recorded no place with it: it then counts from when on
// backups go here.
func (h History) elsewhere(recorded, place string, at time.Time) bool {
	if recorded == "" {
		return !at.IsZero() && at.Before(h.On.Since)
	}
	return recorded != place
}
