package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

const changeAccount = `UPDATE accounts a SET is_superadmin = coalesce($2, is_superadmin), is_active = coalesce($3, is_active),
	access_generation = access_generation + (NOT coalesce($3, true))::int, updated_at = now()
WHERE id = $1 RETURNING ` + accountColumns

const anyAdministrator = `SELECT EXISTS (SELECT FROM accounts WHERE is_superadmin AND is_active)`

// ChangeAccount edits what only an administrator may. An account that is disabled
// loses its sessions and tokens in the same transaction, and does not get them back.
// The last active superadmin is Refused.
func (s *Store) ChangeAccount(ctx context.Context, id string, c tracker.AccountChange) (tracker.Account, error) {
	if err := checkID(id); err != nil {
		return tracker.Account{}, err
	}
	var out tracker.Account
	err := s.inTx(ctx, "changing an account", func(tx pgx.Tx) error {
		// Two that disable each other's account at once must not both succeed. The lock
		// conflicts with writers, not with readers.
		if _, err := tx.Exec(ctx, `LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		var administered bool
		if err := tx.QueryRow(ctx, anyAdministrator).Scan(&administered); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, changeAccount, id, c.IsSuperadmin, c.IsActive).Scan(accountFields(&out)...); err != nil {
			return err
		}
		var left bool
		if err := tx.QueryRow(ctx, anyAdministrator).Scan(&left); err != nil {
			return err
		}
		if administered && !left {
			return tracker.Errorf(tracker.Refused, "%s is the last administrator; make another one first", out.Email)
		}
		if out.IsActive {
			return nil
		}
		return endAccess(ctx, tx, id, nil, true)
	})
	out.CreatedAt = out.CreatedAt.UTC()
	if err != nil {
		return tracker.Account{}, err
	}
	return out, nil
}

const endSessions = `DELETE FROM sessions WHERE account_id = $1 AND ($2::uuid IS NULL OR id <> $2)`

const endTokens = `DELETE FROM access_tokens WHERE account_id = $1 AND ($2::bool OR name = $3)`

// endAccess ends the sessions of an account but keep, and the tokens of the
// command-line client's sign-ins, or all tokens.
func endAccess(ctx context.Context, tx pgx.Tx, id string, keep *string, allTokens bool) error {
	if _, err := tx.Exec(ctx, endSessions, id, keep); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, endTokens, id, allTokens, tracker.CLITokenName)
	return err
}

// seenAt is the last sign of life: of a session, or of a token.
const seenAt = `greatest((SELECT max(s.seen_at) FROM sessions s WHERE s.account_id = a.id), (SELECT max(t.last_used_at) FROM access_tokens t WHERE t.account_id = a.id))`

const listAccounts = `SELECT ` + accountColumns + `, a.updated_at, ` + seenAt + `,
	(SELECT count(*)::int FROM projects p WHERE p.owner_id = a.id AND p.is_active),
	(SELECT coalesce(sum(t.reports), 0)::int FROM report_tallies t JOIN projects p ON p.id = t.project_id
	 WHERE p.owner_id = a.id AND t.day >= date_trunc('month', now() AT TIME ZONE 'UTC')::date),
	count(*) OVER ()::int
FROM accounts a
WHERE ($1 = '' OR (a.email || E'\n' || a.name) ILIKE $2) AND ($3::bool IS NULL OR a.is_superadmin = $3) AND ($4::uuid IS NULL OR a.id = $4)
ORDER BY a.email LIMIT $5 OFFSET $6`

// ListAccounts returns a page of the accounts that match, by address, and how many
// match in all; beyond the last page that is 0. A PageSize of 0 is all of them.
func (s *Store) ListAccounts(ctx context.Context, f tracker.AccountFilter) ([]tracker.AccountSummary, int, error) {
	var id *string
	if f.ID != "" {
		if err := checkID(f.ID); err != nil {
			return nil, 0, err
		}
		id = &f.ID
	}
	var limit *int
	if f.PageSize > 0 {
		limit = &f.PageSize
	}
	total := 0
	scan := func(row pgx.CollectableRow) (tracker.AccountSummary, error) {
		var a tracker.AccountSummary
		err := row.Scan(append(accountFields(&a.Account), &a.UpdatedAt, &a.SeenAt, &a.Projects, &a.ReportsThisMonth, &total)...)
		a.CreatedAt, a.UpdatedAt = a.CreatedAt.UTC(), a.UpdatedAt.UTC()
		if a.SeenAt != nil {
			*a.SeenAt = a.SeenAt.UTC()
		}
		return a, err
	}
	out, err := collect(ctx, s.pool, scan, listAccounts, f.Search, pattern(f.Search), f.IsSuperadmin, id, limit, max(f.Page-1, 0)*f.PageSize)
	return out, total, failed("listing accounts", err)
}
