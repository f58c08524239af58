package assembly

import (
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

// SetAnswered tells whether this process was woken by a request for a set that a set has
// answered meanwhile. It takes the requests that wait, so that each wakes one process; it
// comes before anything that can fail, since systemd would try again at once.
func SetAnswered(lookup config.LookupEnv) (bool, error) {
	woken, err := woken(history.SetBell)
	if err != nil || !woken {
		return false, err
	}
	return history.Answered(config.DirsFrom(lookup))
}

// DrillHeld is SetAnswered for a drill.
func DrillHeld(lookup config.LookupEnv) (bool, error) {
	woken, err := woken(history.DrillBell)
	if err != nil || !woken {
		return false, err
	}
	wanted, err := history.DrillWanted(config.DirsFrom(lookup))
	return !wanted, err
}

func woken(bell string) (bool, error) {
	inherited, err := lifecycle.Inherited()
	if err != nil {
		return false, err
	}
	return inherited.Pending(bell)
}
