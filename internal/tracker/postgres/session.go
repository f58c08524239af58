package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

const sessionColumns = `s.id, s.account_id, s.created_at, s.seen_at, s.expires_at, s.address, s.user_agent`

func scanSession(row pgx.CollectableRow) (tracker.Session, error) {
	var s tracker.Session
	err := row.Scan(sessionFields(&s)...)
	return inUTC(s), err
}

func sessionFields(s *tracker.Session) []any {
	return []any{&s.ID, &s.AccountID, &s.CreatedAt, &s.SeenAt, &s.ExpiresAt, &s.Address, &s.UserAgent}
}

func inUTC(s tracker.Session) tracker.Session {
	s.CreatedAt, s.SeenAt, s.ExpiresAt = s.CreatedAt.UTC(), s.SeenAt.UTC(), s.ExpiresAt.UTC()
	return s
}

// maxSessions is the most sessions of an account; the oldest ones are deleted.
const maxSessions = 50

const pruneSessions = `DELETE FROM sessions WHERE account_id = $1 AND (expires_at <= now() OR id IN (
	SELECT id FROM sessions WHERE account_id = $1 ORDER BY seen_at DESC, id OFFSET $2))`

const insertSession = `INSERT INTO sessions AS s (id, account_id, address, user_agent, expires_at)
VALUES ($1, $2, $3, $4, $5) RETURNING ` + sessionColumns

const insertSecrets = `INSERT INTO session_secrets (refresh_hash, access_hash, session_id, access_until) VALUES ($1, $2, $3, $4)`

// CreateSession signs the account whose password was checked in until in.ExpiresAt. It
// is NotFound when something ended all access since the check. The access secret is good until in.AccessUntil, or as long as the session when that is
// zero. Id, account and times of the result are the store's.
func (s *Store) CreateSession(ctx context.Context, checked tracker.Account, in tracker.Session, accessHash, refreshHash string) (tracker.Session, error) {
	if err := checkID(checked.ID); err != nil {
		return tracker.Session{}, err
	}
	id, err := newID()
	if err != nil {
		return tracker.Session{}, err
	}
	if in.AccessUntil.IsZero() {
		in.AccessUntil = in.ExpiresAt
	}
	var out tracker.Session
	err = s.inTx(ctx, "signing in", func(tx pgx.Tx) error {
		if err := lockUnchanged(ctx, tx, checked, forShare); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, pruneSessions, checked.ID, maxSessions-1); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, insertSession, id, checked.ID, tracker.CleanText(in.Address), tracker.CleanText(in.UserAgent), in.ExpiresAt).Scan(sessionFields(&out)...)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, insertSecrets, refreshHash, accessHash, id, in.AccessUntil)
		return err
	})
	out.AccessUntil = in.AccessUntil
	return inUTC(out), err
}

const sessionByAccess = `SELECT ` + sessionColumns + `, x.access_until, ` + accountColumns + `
FROM session_secrets x JOIN sessions s ON s.id = x.session_id JOIN accounts a ON a.id = s.account_id
WHERE x.access_hash = $1 AND x.access_until > now() AND (x.replaced_at IS NULL OR x.replaced_at > now() - interval '30 seconds')
  AND s.expires_at > now() AND a.is_active`

// SessionByAccess returns the live session of that access secret and its active
// account. A secret that was replaced stays good for thirty seconds.
func (s *Store) SessionByAccess(ctx context.Context, accessHash string) (tracker.Session, tracker.Account, error) {
	return scanSessionAndAccount(s.pool.QueryRow(ctx, sessionByAccess, tracker.CleanText(accessHash)), "looking up a session")
}

func scanSessionAndAccount(row pgx.Row, doing string) (tracker.Session, tracker.Account, error) {
	var s tracker.Session
	var a tracker.Account
	err := row.Scan(append(append(sessionFields(&s), &s.AccessUntil), accountFields(&a)...)...)
	s.AccessUntil, a.CreatedAt = s.AccessUntil.UTC(), a.CreatedAt.UTC()
	return inUTC(s), a, failed(doing, err)
}

// replaceSecrets returns the session of a refresh secret that is good, and
// starts its thirty seconds.
const replaceSecrets = `UPDATE session_secrets x SET replaced_at = coalesce(x.replaced_at, now())
FROM sessions s JOIN accounts a ON a.id = s.account_id
WHERE x.refresh_hash = $1 AND s.id = x.session_id AND (x.replaced_at IS NULL OR x.replaced_at > now() - interval '30 seconds')
  AND s.expires_at > now() AND a.is_active
RETURNING s.id`

// Whatever changes sessions locks the account first, then the session, then its secrets:
// a change of the password that met a refresh in another order would end one of the two
// with a deadlock.
const (
	lockAccountOf = `SELECT FROM accounts WHERE id = (
		SELECT s.account_id FROM session_secrets x JOIN sessions s ON s.id = x.session_id WHERE x.refresh_hash = $1) FOR SHARE`
	lockSessionOf = `SELECT FROM sessions WHERE id = (SELECT session_id FROM session_secrets WHERE refresh_hash = $1) FOR UPDATE`
)

const forgetSecrets = `DELETE FROM session_secrets WHERE session_id = $1 AND replaced_at < now() - interval '1 hour'`

const touchSession = `UPDATE sessions SET seen_at = now(), expires_at = $2 WHERE id = $1`

const sessionByID = `SELECT ` + sessionColumns + `, x.access_until, ` + accountColumns + `
FROM session_secrets x JOIN sessions s ON s.id = x.session_id JOIN accounts a ON a.id = s.account_id WHERE x.access_hash = $1`

// RotateSession swaps both secrets and moves the session's end to expires. The
// previous pair stays valid for thirty seconds, and refreshing with it returns
// another pair, so that two tabs may refresh at once.
func (s *Store) RotateSession(ctx context.Context, refreshHash, newAccessHash, newRefreshHash string, accessUntil, expires time.Time) (tracker.Session, tracker.Account, error) {
	var session tracker.Session
	var account tracker.Account
	err := s.inTx(ctx, "refreshing a session", func(tx pgx.Tx) error {
		var id string
		old := tracker.CleanText(refreshHash)
		for _, lock := range []string{lockAccountOf, lockSessionOf} {
			if _, err := tx.Exec(ctx, lock, old); err != nil {
				return err
			}
		}
		if err := tx.QueryRow(ctx, replaceSecrets, old).Scan(&id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertSecrets, newRefreshHash, newAccessHash, id, accessUntil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, forgetSecrets, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, touchSession, id, expires); err != nil {
			return err
		}
		var err error
		session, account, err = scanSessionAndAccount(tx.QueryRow(ctx, sessionByID, newAccessHash), "refreshing a session")
		return err
	})
	return session, account, err
}

// EndSession signs a session out; one that is gone already is no error.
func (s *Store) EndSession(ctx context.Context, id string) error {
	if checkID(id) != nil {
		return nil
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM sessions WHERE id = $1`, id)
	return failed("ending a session", err)
}

const sessionsOf = `SELECT ` + sessionColumns + ` FROM sessions s WHERE s.account_id = $1 AND s.expires_at > now() ORDER BY s.seen_at DESC, s.id`

// Sessions returns the live sessions of an account, the last used first.
func (s *Store) Sessions(ctx context.Context, accountID string) ([]tracker.Session, error) {
	if err := checkID(accountID); err != nil {
		return nil, err
	}
	out, err := collect(ctx, s.pool, scanSession, sessionsOf, accountID)
	return out, failed("listing sessions", err)
}
