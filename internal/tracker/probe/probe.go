// Package probe proves that the product works with a restored database: it lets
// the API of this process answer from it as it would answer a dashboard.
package probe

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/password"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// Options name a database that is thrown away after the probe.
type Options struct {
	Host     string // the directory of the server's socket
	Role     string // owns the tables
	Database string
	Objects  objectstore.Store
}

// Run migrates the database, signs in, lists the projects and opens the newest
// report. It changes the database: an account gets a password that Run knows.
func Run(ctx context.Context, o Options) error {
	log := slog.New(slog.DiscardHandler)
	store, err := postgres.Open(ctx, postgres.Options{Host: o.Host, Role: o.Role, Database: o.Database, Pool: 2, Log: log})
	if err != nil {
		return err
	}
	defer store.Close()
	// A set may be older than this program; a restore would migrate it too.
	if _, err := store.Schema().Up(ctx); err != nil {
		return err
	}
	c := client{api: httpapi.New(httpapi.Options{
		Store: store, Objects: o.Objects, PublicURL: "https://probe.invalid", Secret: make([]byte, 32),
		Accounts: config.Accounts{SessionDays: 1}, Now: time.Now, Log: log,
	})}
	if err := c.get(ctx, "/health"); err != nil {
		return err
	}
	s, err := o.newest(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // an installation without an active account has nobody to sign in
	}
	if err != nil {
		return err
	}
	const plain = "a password for the time of a probe"
	hash, err := password.Hash(plain)
	if err != nil {
		return err
	}
	account, err := store.Account(ctx, s.account)
	if err != nil {
		return err
	}
	if err := store.SetPassword(ctx, account, hash, ""); err != nil {
		return err
	}
	if err := c.signIn(ctx, s.email, plain); err != nil {
		return err
	}
	paths := []string{"/api/v1/projects", "/api/v1/auth/me"}
	if s.report != "" {
		paths = append(paths, "/api/v1/reports/"+s.report)
	}
	for _, path := range paths {
		if err := c.get(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// subject is a report and an account that may read it. The report is empty when
// no active account owns a project with one.
type subject struct{ account, email, report string }

// newest returns the newest report with the owner of its project, or else any
// active account.
func (o Options) newest(ctx context.Context) (s subject, err error) {
	dsn := url.URL{
		Scheme: "postgres", User: url.User(o.Role), Path: "/" + o.Database,
		RawQuery: url.Values{"host": {o.Host}, "port": {"5432"}, "sslmode": {"disable"}}.Encode(),
	}
	conn, err := pgx.Connect(ctx, dsn.String())
	if err != nil {
		return s, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `SELECT a.id::text, a.email, r.id::text FROM reports r JOIN projects p ON p.id = r.project_id JOIN accounts a ON a.id = p.owner_id
		WHERE a.is_active ORDER BY r.created_at DESC LIMIT 1`).Scan(&s.account, &s.email, &s.report)
	if errors.Is(err, pgx.ErrNoRows) {
		err = conn.QueryRow(ctx, `SELECT id::text, email FROM accounts WHERE is_active LIMIT 1`).Scan(&s.account, &s.email)
	}
	return s, err
}
