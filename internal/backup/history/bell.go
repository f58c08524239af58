package history

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"github.com/bugspark/bugspark/internal/config"
)

// The names of the sockets whose services take a set and hold a drill.
const (
	SetBell   = "backup-wanted"
	DrillBell = "drill-wanted"
)

// pull connects to the socket of a service, which starts it. One that runs leaves the
// connection waiting, and is started again when it has ended. Where no socket listens, as
// in the foreground or while somebody has stopped it, the request waits for the next time
// that it is repeated.
func pull(d config.Dirs, bell string) error {
	c, err := net.Dial("unix", d.Socket(bell))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil
	case errors.Is(err, syscall.EAGAIN): // as many as may wait are waiting
		return nil
	case err != nil:
		return fmt.Errorf("waking the service of %s: %w", bell, err)
	}
	return c.Close()
}

// Answered tells whether nobody waits for a set any more.
func Answered(d config.Dirs) (bool, error) {
	r, err := requested(d)
	if err != nil {
		return false, err
	}
	h, err := Read(d)
	return r.ID == "" || r.ID == h.Set.Answers, err
}
