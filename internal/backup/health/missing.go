package health

import "time"

// The keys of what is missing where it should be.
const (
	SetsMissing  = "sets-missing"
	CopyLowSpace = "copy-low-space"
)

// judgeMissing tells of sets that this machine has saved, and that the last job that
// looked did not find.
func (s *Status) judgeMissing() {
	missing := s.in.History.KeptOn(s.in.Config.Backup.Place()).Missing()
	if n := len(missing); n > 0 {
		s.problem(SetsMissing, "%d sets that this machine has saved are not on the target any more, the newest of them %s of %s; nothing is let go meanwhile: bugspark backup verify",
			n, missing[n-1].ID, missing[n-1].At.Local().Format(time.DateTime))
	}
}

// judgeCopyRoom tells of a second target on the disk of the data.
func (s *Status) judgeCopyRoom() {
	if s.in.History.Copy.NoRoom {
		s.problem(CopyLowSpace, "nothing more is copied: the second target is on the disk of database and pictures, and backups leave them their room; make room, or set backup.copy.target to another machine and run 'bugspark apply'")
	}
}
