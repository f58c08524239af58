package history

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
)

// The files of a request. The request itself is written once, and the bell, a socket
// that starts the service of the sets, is rung for it until a set answers it; bellFile
// tells when and why it was rung last. With one file
// for both, ringing again could put a request back over a newer one.
const (
	requestFile = "set-request.json"
	bellFile    = "set-wanted"
)

// repeatRequest is how long a requested set may not come before it is asked for again.
const repeatRequest = 10 * time.Minute

// leaving is how long the service of a set may take to end after the set was saved. It is
// started again for a bell that was rung while it ran; one that is rung once too often
// ends without a set (see Answered).
const leaving = 5 * time.Second

// request is the last request for a set.
type request struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// RequestSet asks for a set that begins after this call.
func RequestSet(d config.Dirs, why string) error {
	r := request{rand.Text(), why}
	err := durable.WriteJSON(File(d, requestFile), r, 0o644)
	if err == nil {
		err = ring(d, r)
	}
	if err != nil {
		return fmt.Errorf("asking for a new set: %w", err)
	}
	return nil
}

// AskLater asks for a set without starting one now, as when the services are being
// stopped: whoever repeats requests rings for it when they run again. A request that has
// not been answered stays what it was.
func AskLater(d config.Dirs, why string) error {
	open, err := unanswered(d)
	if err == nil && open.ID == "" {
		err = durable.WriteJSON(File(d, requestFile), request{rand.Text(), why}, 0o644)
	}
	if err == nil {
		err = durable.WriteFile(File(d, bellFile), []byte(why+"\n"), 0o644)
	}
	if err != nil {
		return fmt.Errorf("asking for another set: %w", err)
	}
	return nil
}

// unanswered is the last request, unless a set has answered it.
func unanswered(d config.Dirs) (request, error) {
	r, err := requested(d)
	if err != nil {
		return r, err
	}
	var last SavedSet
	_, unread := durable.ReadJSON(File(d, SetFile), &last) // then it answers nothing
	if unread == nil && r.ID == last.Answers {
		return request{}, nil
	}
	return r, nil
}

func ring(d config.Dirs, r request) error {
	if err := durable.WriteFile(File(d, bellFile), []byte(r.Why+"\n"), 0o644); err != nil {
		return err
	}
	return pull(d, SetBell)
}

// Requested is the request that a set answers which begins now; empty without any. A
// set that had begun before a request may lack what was wanted.
func Requested(d config.Dirs) (id string, err error) {
	r, err := requested(d)
	return r.ID, err
}

func requested(d config.Dirs) (request, error) {
	var r request
	_, err := durable.ReadJSON(File(d, requestFile), &r)
	if err != nil {
		return r, fmt.Errorf("reading the request for a set: %w", err)
	}
	return r, nil
}

// RepeatRequest asks again for a set that was requested and did not come, perhaps
// because the target was away. The request stays what it was, so that a set which is
// under way answers it.
func RepeatRequest(d config.Dirs, now time.Time) error {
	r, err := unanswered(d)
	if err != nil || r.ID == "" {
		return err
	}
	info, err := os.Stat(File(d, bellFile))
	// Abs: a clock that was ahead dates the bell in the future.
	if err == nil && now.Sub(info.ModTime()).Abs() < repeatRequest && !unheard(d, info.ModTime(), now) {
		return nil
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = ring(d, r)
	}
	if err != nil {
		return fmt.Errorf("asking again for a new set: %w", err)
	}
	return nil
}

// unheard tells whether a bell was rung while a set was under way that has come since
// without answering it.
func unheard(d config.Dirs, rung, now time.Time) bool {
	info, err := os.Stat(File(d, SetFile))
	if err != nil {
		return false
	}
	over := info.ModTime().Add(leaving)
	return rung.Before(over) && !now.Before(over)
}

// repeatDrill is how long after a drill that failed the next set asks for another
// one. Sets may be taken every hour, and a drill restores everything.
const repeatDrill = 4 * time.Hour

// Saved remembers a set. It is to be proven at once when nothing on its target was, or
// when the last drill there failed.
func Saved(d config.Dirs, s SavedSet, now time.Time) error {
	h, err := Read(d)
	if err != nil {
		return err
	}
	moved := h.Set.Place != s.Place
	if moved { // what was found on another target says nothing of this one
		if err := Write(d, VerifyFile, Verification{}); err != nil {
			return err
		}
	}
	if err := Write(d, SetFile, s); err != nil {
		return err
	}
	if moved || h.drillDue(s.Place, now) {
		return RequestDrill(d)
	}
	return nil
}

// drillDue tells whether a set on a place is to be proven before the next scheduled drill.
func (h History) drillDue(place string, now time.Time) bool {
	last := h.Drill
	if last.At.IsZero() || h.elsewhere(last.Place, place, last.At) {
		return true
	}
	return !last.Passed && now.Sub(last.At).Abs() >= repeatDrill
}
