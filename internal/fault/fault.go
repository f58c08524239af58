// Package fault carries errors meant for the person at the keyboard: what went
// wrong, why, and the command to run next.
//
// The command line decides the exit status from the Kind and prints the Hint on
// a line of its own; every other package only builds and wraps them.
package fault

import (
	"errors"
	"fmt"
)

// Kind is the exit status that a fault ends a command with.
type Kind int

// The kinds, each with its exit status.
const (
	Failed    Kind = 1 // the work was tried and did not succeed
	Usage     Kind = 2 // the command line or an answers file is wrong
	Preflight Kind = 3 // a check refused before anything was changed
	Pending   Kind = 4 // nothing is wrong, but changes wait to be applied

	// NeedsAttention says that the product runs, but that backups, disk or
	// certificate need a person soon.
	NeedsAttention Kind = 5

	// Interrupted says that a signal ended the work, which failed at nothing. The units of
	// the jobs take it for no failure (SuccessExitStatus=).
	Interrupted Kind = 143
)

// Error is a fault for people. Message says what and why, in lower case and
// without a final period; Hint is the next command or edit and may be empty.
type Error struct {
	Kind    Kind
	Message string
	Hint    string
	Err     error
}

// Error returns the message followed by its cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return fmt.Sprintf("%s: %v", e.Message, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a fault of the given kind without a cause.
func New(kind Kind, hint, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Wrap makes a fault of the given kind around err.
func Wrap(kind Kind, err error, hint, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Hint: hint, Err: err}
}

// Status is the exit status for err: 0 for nil, the kind of the outermost
// fault, or 1 for any other error.
func Status(err error) int {
	if err == nil {
		return 0
	}
	var f *Error
	if errors.As(err, &f) {
		return int(f.Kind)
	}
	return int(Failed)
}

// Hints collects the next steps of every fault in err's tree, outermost first.
func Hints(err error) []string {
	var out []string
	walk(err, func(e error) {
		if f, ok := e.(*Error); ok && f.Hint != "" {
			out = append(out, f.Hint)
		}
	})
	return out
}

func walk(err error, visit func(error)) {
	if err == nil {
		return
	}
	visit(err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		walk(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			walk(inner, visit)
		}
	}
}

// Apart returns the errors that a fault joins, with what it says of them all; none when
// it joins none, or has a next step for all of them.
func Apart(err error) (string, []error) {
	f, ok := err.(*Error)
	if !ok {
		return "", nil
	}
	joined, ok := f.Err.(interface{ Unwrap() []error })
	if !ok || f.Hint != "" {
		return "", nil
	}
	return f.Message, joined.Unwrap()
}
