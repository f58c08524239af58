package assembly

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/tracker/password"
)

// FirstAdministrator makes the first administrator, or gives the one of an
// unfinished setup a new one-time password, and returns it. An account whose
// password was changed already is left alone, and the result is empty.
func (p *Parts) FirstAdministrator(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	store, err := p.quietStore(ctx)
	if err != nil {
		return "", err
	}
	defer store.Close()
	once, err := password.OneTime()
	if err != nil {
		return "", err
	}
	hash, err := password.Hash(once)
	if err != nil {
		return "", err
	}
	email := p.Config.Accounts.AdminEmail
	created, err := store.EnsureFirstAdmin(ctx, email, "Administrator", hash)
	if err != nil {
		return "", fault.Wrap(fault.Failed, err, "bugspark status", "making the first administrator")
	}
	if created {
		return once, nil
	}
	account, err := store.AccountByEmail(ctx, email)
	if err != nil || !account.MustChangePassword {
		return "", nil //nolint:nilerr // another account is the administrator already, which is as good
	}
	if err := store.ResetPassword(ctx, account.ID, hash); err != nil {
		return "", fault.Wrap(fault.Failed, err, "bugspark user reset-password --email "+email, "giving the first administrator a password")
	}
	return once, nil
}
