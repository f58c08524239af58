package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
)

// complain tells the person at the keyboard what went wrong and what to do
// next. Several faults found at once stand below each other, each with its own
// next step: a list of causes above a list of remedies leaves the pairing to him.
func complain(w io.Writer, err error) {
	outer, several := apart(err)
	if several == nil {
		fmt.Fprintf(w, "bugspark: %v\n", err)
		for _, hint := range fault.Hints(err) {
			fmt.Fprintf(w, "  next: %s\n", hint)
		}
		return
	}
	fmt.Fprintf(w, "bugspark: %s:\n", outer)
	for _, one := range several {
		fmt.Fprintf(w, "  - %s\n", strings.ReplaceAll(one.Error(), "\n", "\n    "))
		for _, hint := range fault.Hints(one) {
			fmt.Fprintf(w, "      next: %s\n", hint)
		}
	}
}

// apart returns the errors that a fault joins, with what it says of them all.
func apart(err error) (string, []error) {
	f, ok := err.(*fault.Error)
	if !ok {
		return "", nil
	}
	joined, ok := f.Err.(interface{ Unwrap() []error })
	if !ok || f.Hint != "" {
		return "", nil
	}
	return f.Message, joined.Unwrap()
}
