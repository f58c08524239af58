package history

import (
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/config"
)

// DataFile remembers since when the data is in use that is in use now.
const DataFile = "data.json"

// Data is since when the data is in use: before that database or pictures were elsewhere,
// so a set of that time holds nothing of them. Zero: since ever.
type Data struct {
	Since time.Time `json:"since"`
}

// OtherData remembers that from now on other data is in use, and asks for a set of it.
func OtherData(d config.Dirs, now time.Time) error {
	if err := Write(d, DataFile, Data{now.UTC()}); err != nil {
		return err
	}
	return RequestSet(d, "other data is in use")
}

// ofData leaves out what was found in sets of other data.
func (h History) ofData() History {
	since := h.Data.Since
	if since.IsZero() {
		return h
	}
	if h.Set.At.Before(since) {
		h.Set = SavedSet{}
	}
	if h.WAL.Through.Before(since) {
		h.WAL.Through = time.Time{}
	}
	for _, p := range []*Proof{&h.Proven, &h.CopyProven} {
		if p.Point.Before(since) {
			*p = Proof{}
		}
	}
	for _, d := range []*backup.DrillReport{&h.Drill, &h.CopyDrill} {
		if d.Passed && d.Point.Before(since) {
			*d = backup.DrillReport{}
		}
	}
	return h
}
