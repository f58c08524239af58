package alert

import (
	"slices"
	"time"
)

// remindAfter is when a problem that lasts is told again.
const remindAfter = 24 * time.Hour

// forgetAfter is when the end of a problem is no longer told to a channel that
// takes nothing.
const forgetAfter = 7 * 24 * time.Hour

// hopelessAfter is how often a delivery must have failed for that.
const hopelessAfter = 12

// state is what is known of problems, as the file has it.
type state struct {
	Problems []*episode `json:"problems"`
}

// episode is a problem from when it was first seen until everybody knows that it
// is over. A problem that comes back is another episode.
type episode struct {
	Problem
	Since time.Time            `json:"since"`
	Over  *time.Time           `json:"over,omitempty"`
	Sent  map[string]*delivery `json:"sent"` // by the name of the channel
}

// delivery is what one channel was told.
type delivery struct {
	Told     time.Time `json:"told,omitzero"`    // that the problem lasts, the last time
	Ended    bool      `json:"ended,omitempty"`  // that it is over
	Failures int       `json:"failed,omitempty"` // deliveries that failed since the last success
	Tried    time.Time `json:"tried,omitzero"`   // when the last of them did
}

// open records a problem: a new one, or the present text of one that is known.
func (s *state) open(p Problem, now time.Time) {
	for _, e := range s.Problems {
		if e.Over == nil && e.Key == p.Key {
			e.Text = p.Text
			return
		}
	}
	s.Problems = append(s.Problems, &episode{Problem: p, Since: now, Sent: map[string]*delivery{}})
}

// superseded tells whether a problem that is over has come back. Its end must be told
// before that, however often the channel has failed: later it would be taken for the
// end of the new one.
func (s *state) superseded(e *episode) bool {
	return e.Over != nil && slices.ContainsFunc(s.Problems, func(other *episode) bool { return other.Over == nil && other.Key == e.Key })
}

// known tells whether a failed unit is recorded as such. CheckUnit never counts
// as known: its run may have found another problem.
func (s *state) known(unit string) bool {
	for _, e := range s.Problems {
		if e.Over == nil && e.Key == unit && unit != CheckUnit {
			return true
		}
	}
	return false
}

// refresh takes over the present text, and tells whether the problem lasts.
func (e *episode) refresh(present []Problem) bool {
	for _, p := range present {
		if p.Key == e.Key {
			e.Text = p.Text
			return true
		}
	}
	return false
}

// sentTo is what a channel was told so far.
func (e *episode) sentTo(channel string) delivery {
	if d := e.Sent[channel]; d != nil {
		return *d
	}
	return delivery{}
}

// due tells whether a channel is to be told something of the episode now.
func (e *episode) due(channel string, now time.Time) bool {
	d := e.sentTo(channel)
	if d.Failures > 0 && !elapsed(d.Tried, now, retryAfter(d.Failures)) {
		return false
	}
	if e.Over != nil {
		return !d.Ended
	}
	return d.Told.IsZero() || elapsed(d.Told, now, remindAfter)
}

// elapsed tells whether span has passed since then. A time in the future was
// written by a clock that was wrong, and must not silence anything.
func elapsed(then, now time.Time, span time.Duration) bool {
	return now.Before(then) || now.Sub(then) >= span
}

// retryAfter doubles from a minute to an hour: a server that refuses an address
// must not be asked 288 times a day.
func retryAfter(failures int) time.Duration {
	return min(time.Minute<<min(failures-1, 10), time.Hour)
}

// delivered records the outcome of telling a channel.
func (e *episode) delivered(channel string, m Message, err error) {
	if e.Sent[channel] == nil {
		e.Sent[channel] = &delivery{}
	}
	d := e.Sent[channel]
	switch {
	case err != nil:
		d.Failures++
		d.Tried = m.sent
		return
	case m.State == Resolved:
		d.Ended = true
	default:
		d.Told = m.sent
	}
	d.Failures, d.Tried = 0, time.Time{}
}

// forget drops the episodes whose end every channel knows, and returns those
// that it drops because a channel takes nothing for too long.
func (s *state) forget(channels []Channel, now time.Time) (unheard []*episode) {
	var keep []*episode
	for _, e := range s.Problems {
		ended, hopeless := e.Over != nil, e.Over != nil && now.Sub(*e.Over) > forgetAfter
		for _, c := range channels {
			d := e.sentTo(c.Name())
			ended = ended && d.Ended
			// Time alone does not count: the machine may have been off, or its clock wrong.
			hopeless = hopeless && (d.Ended || d.Failures >= hopelessAfter)
		}
		switch {
		case ended:
		case hopeless:
			unheard = append(unheard, e)
		default:
			keep = append(keep, e)
		}
	}
	s.Problems = keep
	return unheard
}
