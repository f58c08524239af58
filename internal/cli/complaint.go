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
	outer, several := fault.Apart(err)
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
