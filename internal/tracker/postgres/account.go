package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

const accountColumns = `a.id, a.email, a.name, a.password_hash, a.is_superadmin, a.is_active, a.must_change_password, a.notification_preferences, a.created_at, a.access_generation`

func accountFields(a *tracker.Account) []any {
	return []any{&a.ID, &a.Email, &a.Name, &a.PasswordHash, &a.IsSuperadmin, &a.IsActive, &a.MustChangePassword, &a.NotificationPreferences, &a.CreatedAt, &a.AccessGeneration}
}

func scanAccount(row pgx.CollectableRow) (tracker.Account, error) {
	var a tracker.Account
	err := row.Scan(accountFields(&a)...)
	a.CreatedAt = a.CreatedAt.UTC()
	return a, err
}

func (s *Store) account(ctx context.Context, doing, sql string, args ...any) (tracker.Account, error) {
	a, err := collectOne(ctx, s.pool, scanAccount, sql, args...)
	return a, failed(doing, err)
}

// normalEmail is the form addresses are stored and compared in.
func normalEmail(email string) string {
	return strings.ToLower(strings.TrimSpace(tracker.CleanText(email)))
}

const insertAccount = `INSERT INTO accounts AS a (id, email, name, password_hash, is_superadmin, must_change_password)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING ` + accountColumns

// CreateAccount makes an account of a's Email, Name, PasswordHash, IsSuperadmin
// and MustChangePassword. An address that is taken is Refused.
func (s *Store) CreateAccount(ctx context.Context, a tracker.Account) (tracker.Account, error) {
	id, err := newID()
	if err != nil {
		return tracker.Account{}, err
	}
	out, err := s.account(ctx, "making an account", insertAccount,
		id, normalEmail(a.Email), tracker.CleanText(a.Name), a.PasswordHash, a.IsSuperadmin, a.MustChangePassword)
	switch {
	case violates(err, "accounts_email_key"):
		return tracker.Account{}, &tracker.Error{Code: tracker.Refused, Field: "email", Message: "has an account already"}
	case violates(err, "accounts_email_check"):
		return tracker.Account{}, &tracker.Error{Code: tracker.Invalid, Field: "email", Message: fmt.Sprintf("must have %d to %d characters", tracker.MinEmail, tracker.MaxEmail)}
	case violates(err, "accounts_name_check"):
		return tracker.Account{}, &tracker.Error{Code: tracker.Invalid, Field: "name", Message: fmt.Sprintf("must have 1 to %d characters", tracker.MaxName)}
	}
	return out, err
}

// There is no ON CONFLICT for the address: an ordinary account that has it must not
// become an administrator.
const insertFirstAdmin = `INSERT INTO accounts (id, email, name, password_hash, is_superadmin, must_change_password)
SELECT $1, $2, $3, $4, true, true WHERE NOT EXISTS (SELECT FROM accounts WHERE is_superadmin AND is_active) RETURNING id`

// EnsureFirstAdmin makes a superadmin with a password to be changed at first
// sign-in, unless there is an active superadmin. It may be repeated, and two at
// once make one.
func (s *Store) EnsureFirstAdmin(ctx context.Context, email, name, passwordHash string) (created bool, err error) {
	id, err := newID()
	if err != nil {
		return false, err
	}
	err = s.inTx(ctx, "making the first administrator", func(tx pgx.Tx) error {
		// Conflicts with itself and with other writers, not with readers.
		if _, err := tx.Exec(ctx, `LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, insertFirstAdmin, id, normalEmail(email), tracker.CleanText(name), passwordHash)
		created = tag.RowsAffected() == 1
		return err
	})
	if violates(err, "accounts_email_key") {
		return false, &tracker.Error{Code: tracker.Refused, Field: "email", Message: "belongs to an account that is not an administrator"}
	}
	return created && err == nil, err
}

const accountByEmail = `SELECT ` + accountColumns + ` FROM accounts a WHERE a.email = $1`

// HasAccounts tells whether there is an account. Before the first migration there is none.
func (s *Store) HasAccounts(ctx context.Context) (bool, error) {
	var has bool
	err := s.pool.QueryRow(ctx, `SELECT to_regclass('accounts') IS NOT NULL`).Scan(&has)
	if err == nil && has {
		err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM accounts)`).Scan(&has)
	}
	return has, failed("looking for accounts", err)
}

// AccountByEmail returns the account, active or not, with that address in any
// case.
func (s *Store) AccountByEmail(ctx context.Context, email string) (tracker.Account, error) {
	return s.account(ctx, "looking up an address", accountByEmail, normalEmail(email))
}

const accountByID = `SELECT ` + accountColumns + ` FROM accounts a WHERE a.id = $1`

// Account returns the account, active or not.
func (s *Store) Account(ctx context.Context, id string) (tracker.Account, error) {
	if err := checkID(id); err != nil {
		return tracker.Account{}, err
	}
	return s.account(ctx, "reading an account", accountByID, id)
}

const updateProfile = `UPDATE accounts a SET name = coalesce($2, name), notification_preferences = coalesce($3, notification_preferences), updated_at = now()
WHERE id = $1 RETURNING ` + accountColumns

// UpdateProfile edits what people change of their own account.
func (s *Store) UpdateProfile(ctx context.Context, id string, c tracker.ProfileChange) (tracker.Account, error) {
	if err := checkID(id); err != nil {
		return tracker.Account{}, err
	}
	var doc any // an untyped nil: a nil map would become the JSON null
	if c.NotificationPreferences != nil {
		cleaned := make(map[string]bool, len(c.NotificationPreferences))
		for k, v := range c.NotificationPreferences {
			cleaned[tracker.CleanText(k)] = v
		}
		doc = cleaned
	}
	return s.account(ctx, "changing a profile", updateProfile, id, cleanOptional(c.Name), doc)
}

const setPassword = `UPDATE accounts SET password_hash = $2, must_change_password = $3, access_generation = access_generation + 1, updated_at = now()
WHERE id = $1 RETURNING id`

// unchanged is true of an account whose password, or a session of which, was checked,
// until something ends all access to it. Locked with it, the row orders what the check
// led to before that or after it: before, it is ended too; after, it finds no row.
const unchanged = `SELECT id FROM accounts WHERE id = $1 AND is_active AND password_hash = $2 AND access_generation = $3`

// lockUnchanged locks the account as it was checked, or is NotFound.
func lockUnchanged(ctx context.Context, tx pgx.Tx, checked tracker.Account, mode string) error {
	var id string
	return tx.QueryRow(ctx, unchanged+mode, checked.ID, checked.PasswordHash, checked.AccessGeneration).Scan(&id)
}

const (
	forShare  = ` FOR SHARE`
	forUpdate = ` FOR UPDATE`
)

// SetPassword stores the hash of the account that was checked, clears MustChangePassword, and ends every session
// of the account but keepSession ("" keeps none) and the tokens of the command-line
// client's sign-ins. Tokens that were made by hand stay: scripts use them, and their
// owner, who knows the old password, can delete them. It is NotFound when something
// ended all access since the check.
func (s *Store) SetPassword(ctx context.Context, checked tracker.Account, passwordHash, keepSession string) error {
	return s.storePassword(ctx, checked.ID, &checked, passwordHash, keepSession, false)
}

// ResetPassword stores the hash of a password that its owner did not choose and
// must change at the next sign-in, and ends every session and every token of the
// account: a reset is what helps when the account is in other hands.
func (s *Store) ResetPassword(ctx context.Context, id, passwordHash string) error {
	return s.storePassword(ctx, id, nil, passwordHash, "", true)
}

func (s *Store) storePassword(ctx context.Context, id string, checked *tracker.Account, passwordHash, keepSession string, mustChange bool) error {
	if err := checkID(id); err != nil {
		return err
	}
	var keep *string
	if checkID(keepSession) == nil {
		keep = &keepSession
	}
	return s.inTx(ctx, "storing a password", func(tx pgx.Tx) error {
		if checked != nil {
			if err := lockUnchanged(ctx, tx, *checked, forUpdate); err != nil {
				return err
			}
		}
		if err := tx.QueryRow(ctx, setPassword, id, passwordHash, mustChange).Scan(&id); err != nil {
			return err
		}
		return endAccess(ctx, tx, id, keep, mustChange)
	})
}
