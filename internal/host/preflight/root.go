package preflight

import (
	"context"
	"os"

	"github.com/bugspark/bugspark/internal/fault"
)

// Root wants the rights that everything else needs.
func Root() Check {
	return Check{"root", "run by root", Machine, func(context.Context) error { return RequireRoot() }}
}

// RequireRoot refuses every other account.
func RequireRoot() error {
	if os.Geteuid() != 0 {
		return fault.New(fault.Preflight, "run it with sudo", "this command must run as root")
	}
	return nil
}
