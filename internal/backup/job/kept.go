package job

import (
	"fmt"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
)

// kept compares the sets that are on the first target with those that this machine
// remembers.
func (j *Jobs) kept(h history.History, sets []repository.Set, now time.Time) history.Kept {
	there := make([]history.KeptSet, len(sets))
	for i, s := range sets {
		there[i] = history.KeptSet{ID: s.ID, At: s.BeganAt.UTC()}
	}
	return h.KeptOn(j.Config.Backup.Place()).Seen(there, now)
}

// saved remembers a new set beside those that were there before it. The operator who
// claims a target without any set has given up what was there.
func (j *Jobs) saved(before []repository.Set, set history.SavedSet, claimed bool) error {
	h, err := history.Read(j.Dirs)
	if err != nil {
		return err
	}
	k := j.kept(h, before, time.Now())
	if claimed && len(before) == 0 {
		k.Sets = nil
	}
	k.Sets = append(k.Sets, history.KeptSet{ID: set.ID, At: set.At})
	if err := history.Write(j.Dirs, history.KeptFile, k); err != nil {
		return err
	}
	return history.Saved(j.Dirs, set, time.Now())
}

// whole fails when sets are missing that this machine has saved: their data would look
// like garbage. accept forgets them; dryRun remembers nothing of what is found.
func (j *Jobs) whole(h history.History, sets []repository.Set, accept, dryRun bool, now time.Time) error {
	if place := j.Config.Backup.Place(); h.SetsElsewhere(place) {
		return fault.New(fault.Preflight, "bugspark backup create", "this machine has saved no set on %s yet, so nothing is let go and no space given back", place)
	}
	k := j.kept(h, sets, now)
	if accept {
		k = k.Found()
	}
	if !dryRun {
		if err := history.Write(j.Dirs, history.KeptFile, k); err != nil {
			return err
		}
	}
	if missing := k.Missing(); len(missing) > 0 {
		return fault.New(fault.Preflight, nextOfMissing, "%s, so nothing is let go and no space given back", missingSets(missing))
	}
	return nil
}

// nextOfMissing is what to do about missing sets.
const nextOfMissing = "look for them: bugspark backup list --copy; bring the files of sets/ back as /usr/share/doc/bugspark/backups.md says; or, to do without them and lose their data: bugspark backup prune --accept-loss"

// missingSets says which sets are missing. There is at least one.
func missingSets(missing []history.KeptSet) string {
	newest := missing[len(missing)-1]
	return fmt.Sprintf("%d sets that this machine has saved are not on the target any more, the newest of them %s of %s",
		len(missing), newest.ID, newest.At.Local().Format(time.DateTime))
}
