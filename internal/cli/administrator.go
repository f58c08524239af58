package cli

import (
	"context"
	"log/slog"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/tracker/password"
)

// ensureAdministrator makes the first administrator, or gives the one of an
// unfinished setup a new one-time password, and returns it. An account whose
// password was changed already is left alone and the result is empty.
func ensureAdministrator(ctx context.Context, env Env, dirs config.Dirs, cfg config.Config, log *slog.Logger) (string, error) {
	store, err := openStore(ctx, env, cfg, dirs, apiRole, log)
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
	created, err := store.EnsureFirstAdmin(ctx, cfg.Accounts.AdminEmail, "Administrator", hash)
	if err != nil {
		return "", fault.Wrap(fault.Failed, err, "bugspark status", "making the first administrator")
	}
	if created {
		return once, nil
	}
	account, err := store.AccountByEmail(ctx, cfg.Accounts.AdminEmail)
	if err != nil || !account.MustChangePassword {
		return "", nil //nolint:nilerr // another account is the administrator already, which is as good
	}
	if err := store.ResetPassword(ctx, account.ID, hash); err != nil {
		return "", fault.Wrap(fault.Failed, err, "bugspark user reset-password --email "+cfg.Accounts.AdminEmail, "giving the first administrator a password")
	}
	return once, nil
}
