package health

import (
	"fmt"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/quantity"
)

// maxCopyProofAge is of the weekly verification and drill of the second target.
const maxCopyProofAge = 9 * 24 * time.Hour

// judgeCopy judges the second target. What proves it counts from its first copy on.
func (s *Status) judgeCopy() {
	if s.in.Config.Backup.Copy.Target == "" {
		return
	}
	c := s.in.History.Copy
	if age := s.in.age(c.At); age > maxCopyAge {
		s.problem(CopyTooOld, "the second target was last up to date %s ago", quantity.Duration(age))
	}
	if c.OtherRepository {
		s.problem(CopyRefused, "the first target has lost its sets, or has others than the second, which stays as it is: bugspark backup list --copy")
	}
	s.judgeCopyRoom()
	if c.Lost+c.Changed > 0 {
		s.problem(CopyDiffers, "the first target has lost %d files that never go by themselves, and has %d in another size than the copy (%s); the copy keeps its own: bugspark backup verify, and bugspark backup verify --copy",
			c.Lost, c.Changed, strings.Join(c.Examples, ", "))
	}
	if damaged := s.in.History.CopyVerify.Damaged; len(damaged) > 0 {
		s.problem(CopyDamaged, "sets on the second target are damaged: %s", strings.Join(damaged, ", "))
	}
	if c.Since.IsZero() {
		return
	}
	if age := s.proofAge(s.in.History.CopyVerify.At); age > maxCopyProofAge {
		s.problem(CopyNotVerified, "the second target was not verified for %s", quantity.Duration(age))
	}
	d := s.in.History.CopyDrill
	if !d.At.IsZero() && !d.Passed {
		s.problem(CopyDrillFailed, "the drill from the second target of %s failed: %s", d.At.Local().Format(time.DateTime), d.Failure())
	} else if age := s.proofAge(d.At); age > maxCopyProofAge {
		s.problem(CopyDrillTooOld, "the last drill from the second target was %s ago", quantity.Duration(age))
	}
}

func (s *Status) proofAge(t time.Time) time.Duration {
	if since := s.in.History.Copy.Since; t.Before(since) {
		t = since
	}
	return s.in.Now.Sub(t)
}

// copySentence is how the second target is.
func (s Status) copySentence() string {
	at := s.in.History.Copy.At
	first := s.in.History.Set.At
	if kept := s.in.History.KeptOn(s.in.Config.Backup.Place()).Sets; len(kept) > 0 {
		first = kept[0].At
	}
	switch {
	case s.in.Config.Backup.Copy.Target == "":
		return ""
	case at.IsZero() || first.IsZero() || at.Before(first): // a copy without a set brings nothing back
		return "; nothing was copied to the second target " + s.in.Config.Backup.Copy.Place() + " yet"
	}
	text := fmt.Sprintf("; the second target was up to date %s ago", quantity.Duration(s.in.Now.Sub(at)))
	if s.CopyProven == nil {
		return text + ", and is not proven yet"
	}
	return text + fmt.Sprintf(", and proven %s ago", quantity.Duration(s.in.Now.Sub(*s.CopyProven)))
}
