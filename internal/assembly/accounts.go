package assembly

import (
	"context"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/password"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// Accounts lists every account.
func (p *Parts) Accounts(ctx context.Context) (found []tracker.AccountSummary, err error) {
	err = p.WithStore(ctx, API, func(s *postgres.Store) error {
		found, _, err = s.ListAccounts(ctx, tracker.AccountFilter{})
		return err
	})
	return found, err
}

// CreateAccount makes an account with that password, which mustChange at the first
// sign-in.
func (p *Parts) CreateAccount(ctx context.Context, a tracker.Account, plain string) (made tracker.Account, err error) {
	if a.PasswordHash, err = password.Hash(plain); err != nil {
		return made, err
	}
	err = p.WithStore(ctx, API, func(s *postgres.Store) error {
		made, err = s.CreateAccount(ctx, a)
		if tracker.CodeOf(err) == tracker.Refused {
			return fault.New(fault.Failed, "bugspark user reset-password --email "+a.Email, "%s has an account already", a.Email)
		}
		return err
	})
	return made, err
}

// ResetPassword gives the account of an address a password that it must change, and
// ends its sessions and tokens.
func (p *Parts) ResetPassword(ctx context.Context, email, plain string) (tracker.Account, error) {
	hash, err := password.Hash(plain)
	if err != nil {
		return tracker.Account{}, err
	}
	next := "bugspark user create --email " + email + " --name NAME"
	return p.withAccount(ctx, email, next, func(s *postgres.Store, a *tracker.Account) error {
		return s.ResetPassword(ctx, a.ID, hash)
	})
}

// SetAccountState disables the account of an address, or enables it again.
func (p *Parts) SetAccountState(ctx context.Context, email string, active bool) (tracker.Account, error) {
	return p.withAccount(ctx, email, "bugspark user list", func(s *postgres.Store, a *tracker.Account) error {
		changed, err := s.ChangeAccount(ctx, a.ID, tracker.AccountChange{IsActive: &active})
		if tracker.CodeOf(err) == tracker.Refused {
			return fault.New(fault.Failed, "bugspark user create --superadmin --email ADDRESS --name NAME", "%v", err)
		}
		*a = changed
		return err
	})
}

// withAccount calls f with the account of an address; next is the advice when there
// is none.
func (p *Parts) withAccount(ctx context.Context, email, next string, f func(*postgres.Store, *tracker.Account) error) (a tracker.Account, err error) {
	err = p.WithStore(ctx, API, func(s *postgres.Store) error {
		a, err = s.AccountByEmail(ctx, email)
		if tracker.CodeOf(err) == tracker.NotFound {
			return fault.New(fault.Failed, next, "nobody has the address %s", email)
		}
		if err != nil {
			return err
		}
		return f(s, &a)
	})
	return a, err
}
