package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

const tokenColumns = `t.id, t.account_id, t.name, t.prefix, t.last_used_at, t.expires_at, t.created_at`

func scanToken(row pgx.CollectableRow) (tracker.AccessToken, error) {
	var t tracker.AccessToken
	err := row.Scan(&t.ID, &t.AccountID, &t.Name, &t.Prefix, &t.LastUsedAt, &t.ExpiresAt, &t.CreatedAt)
	t.CreatedAt = t.CreatedAt.UTC()
	for _, at := range []*time.Time{t.LastUsedAt, t.ExpiresAt} {
		if at != nil {
			*at = at.UTC()
		}
	}
	return t, err
}

const countTokens = `SELECT count(*), count(*) FILTER (WHERE name = $2) FROM access_tokens
WHERE account_id = $1 AND (expires_at IS NULL OR expires_at > now())`

// Expired tokens are listed for a month, so that people see why a script stopped.
const forgetExpired = `DELETE FROM access_tokens WHERE account_id = $1 AND expires_at < now() - interval '30 days'`

const dropUnused = `DELETE FROM access_tokens WHERE id IN (
	SELECT id FROM access_tokens WHERE account_id = $1 AND name = $2 AND (expires_at IS NULL OR expires_at > now())
	ORDER BY coalesce(last_used_at, created_at), id LIMIT $3)`

const insertToken = `INSERT INTO access_tokens AS t (id, account_id, name, hash, prefix, expires_at)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING ` + tokenColumns

// CreateToken makes a personal token of the account that was checked. It is NotFound
// when something ended all access since the check. The twenty-sixth token that has not
// expired is Refused.
func (s *Store) CreateToken(ctx context.Context, checked tracker.Account, name, hash, prefix string, expires *time.Time) (tracker.AccessToken, error) {
	return s.createToken(ctx, checked, name, hash, prefix, expires, false)
}

// CreateCLIToken makes the token of a sign-in of the command-line client. Of those,
// the ones unused for longest go: an account keeps ten, and fewer when its other
// tokens leave no room. It is NotFound when something ended all access since the
// password was checked.
func (s *Store) CreateCLIToken(ctx context.Context, checked tracker.Account, hash, prefix string, expires time.Time) (tracker.AccessToken, error) {
	return s.createToken(ctx, checked, tracker.CLITokenName, hash, prefix, &expires, true)
}

func (s *Store) createToken(ctx context.Context, checked tracker.Account, name, hash, prefix string, expires *time.Time, makeRoom bool) (tracker.AccessToken, error) {
	accountID := checked.ID
	if err := checkID(accountID); err != nil {
		return tracker.AccessToken{}, err
	}
	id, err := newID()
	if err != nil {
		return tracker.AccessToken{}, err
	}
	var out tracker.AccessToken
	err = s.inTx(ctx, "making an access token", func(tx pgx.Tx) error {
		// The lock makes the limit certain too; the count is a statement of its own so that
		// it sees what the holder before us committed.
		if err := lockUnchanged(ctx, tx, checked, forUpdate); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, forgetExpired, accountID); err != nil {
			return err
		}
		var have, logins int
		if err := tx.QueryRow(ctx, countTokens, accountID, tracker.CLITokenName).Scan(&have, &logins); err != nil {
			return err
		}
		if makeRoom {
			drop := min(logins, max(logins-tracker.MaxCLITokens, have-tracker.MaxTokens)+1)
			if drop > 0 {
				if _, err := tx.Exec(ctx, dropUnused, accountID, tracker.CLITokenName, drop); err != nil {
					return err
				}
				have -= drop
			}
		}
		if have >= tracker.MaxTokens {
			return tracker.Errorf(tracker.Refused, "an account may have %d access tokens; delete one first", tracker.MaxTokens)
		}
		rows, err := tx.Query(ctx, insertToken, id, accountID, tracker.CleanText(name), hash, prefix, expires)
		if err != nil {
			return err
		}
		out, err = pgx.CollectOneRow(rows, scanToken)
		return err
	})
	return out, err
}

const tokensOf = `SELECT ` + tokenColumns + ` FROM access_tokens t WHERE t.account_id = $1 ORDER BY t.created_at DESC, t.id DESC`

// Tokens returns the tokens of an account, expired ones too, newest first.
func (s *Store) Tokens(ctx context.Context, accountID string) ([]tracker.AccessToken, error) {
	if err := checkID(accountID); err != nil {
		return nil, err
	}
	out, err := collect(ctx, s.pool, scanToken, tokensOf, accountID)
	return out, failed("listing access tokens", err)
}

const deleteToken = `DELETE FROM access_tokens WHERE id = $1 AND account_id = $2 RETURNING id`

// DeleteToken removes a token of that account; another's is NotFound.
func (s *Store) DeleteToken(ctx context.Context, accountID, id string) error {
	if err := checkID(accountID, id); err != nil {
		return err
	}
	return failed("deleting an access token", s.pool.QueryRow(ctx, deleteToken, id, accountID).Scan(&id))
}

const accountByToken = `SELECT ` + accountColumns + ` FROM access_tokens t JOIN accounts a ON a.id = t.account_id
WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > now()) AND a.is_active`

const noteTokenUse = `UPDATE access_tokens SET last_used_at = now()
WHERE hash = $1 AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')`

// AccountByToken returns the active account of an unexpired token and notes its
// use at most once a minute. That note alone may fail: it is logged.
func (s *Store) AccountByToken(ctx context.Context, hash string) (tracker.Account, error) {
	a, err := s.account(ctx, "looking up an access token", accountByToken, tracker.CleanText(hash))
	if err != nil {
		return a, err
	}
	if _, err := s.pool.Exec(ctx, noteTokenUse, hash); err != nil {
		s.log.Warn("noting the use of an access token", "error", err)
	}
	return a, nil
}
