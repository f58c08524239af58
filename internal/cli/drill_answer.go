package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/password"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// answersFrom lets the API work with a restored copy as it would for a
// dashboard: migrate, sign in, list the projects, open the newest report. The
// copy is thrown away afterwards, so an account may get a password for it.
func answersFrom(ctx context.Context, s *pgcluster.Scratch) error {
	store, err := postgres.Open(ctx, postgres.Options{Host: s.Dir, Role: pgcluster.Owner, Pool: 2, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer store.Close()
	// A set of an older version is brought up to date first, as a restore would.
	if _, err := store.Schema().Up(ctx); err != nil {
		return err
	}
	objects, err := filesystem.New(filepath.Join(s.Dir, "objects"))
	if err != nil {
		return err
	}
	api := httpapi.New(httpapi.Options{
		Store: store, Objects: objects, PublicURL: "https://drill.invalid", Secret: make([]byte, 32),
		Accounts: config.Accounts{SessionDays: 1}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	r := reader{api: api}
	if err := r.get(ctx, "/health"); err != nil {
		return err
	}
	account, report, err := newest(ctx, s)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // nobody was ever there
	}
	if err != nil {
		return err
	}
	const plain = "a password for the time of a drill"
	hash, err := password.Hash(plain)
	if err != nil {
		return err
	}
	if err := store.SetPassword(ctx, account.id, hash, ""); err != nil {
		return err
	}
	if err := r.signIn(ctx, account.email, plain); err != nil {
		return err
	}
	paths := []string{"/api/v1/projects", "/api/v1/auth/me"}
	if report != "" {
		paths = append(paths, "/api/v1/reports/"+report)
	}
	for _, path := range paths {
		if err := r.get(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

type someone struct{ id, email string }

// newest is the newest report with the owner of its project, or anybody.
func newest(ctx context.Context, s *pgcluster.Scratch) (who someone, report string, err error) {
	conn, err := pgx.Connect(ctx, s.DSN(pgcluster.Database))
	if err != nil {
		return who, "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `SELECT a.id::text, a.email, r.id::text FROM reports r JOIN projects p ON p.id = r.project_id JOIN accounts a ON a.id = p.owner_id
		WHERE a.is_active ORDER BY r.created_at DESC LIMIT 1`).Scan(&who.id, &who.email, &report)
	if errors.Is(err, pgx.ErrNoRows) {
		err = conn.QueryRow(ctx, `SELECT id::text, email FROM accounts WHERE is_active LIMIT 1`).Scan(&who.id, &who.email)
	}
	return who, report, err
}

// reader asks an API in this process.
type reader struct {
	api     http.Handler
	cookies []*http.Cookie
}

func (r *reader) signIn(ctx context.Context, email, plain string) error {
	body, err := json.Marshal(map[string]string{"email": email, "password": plain})
	if err != nil {
		return err
	}
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/auth/login", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	answer, err := r.ask(req)
	if err == nil {
		r.cookies = answer.Result().Cookies()
	}
	return err
}

func (r *reader) get(ctx context.Context, path string) error {
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	for _, c := range r.cookies {
		req.AddCookie(c)
	}
	_, err := r.ask(req)
	return err
}

func (r *reader) ask(req *http.Request) (*httptest.ResponseRecorder, error) {
	rec := httptest.NewRecorder()
	r.api.ServeHTTP(rec, req)
	if rec.Code != http.StatusOK {
		return rec, fmt.Errorf("%s %s: %d %.200s", req.Method, req.URL.Path, rec.Code, rec.Body)
	}
	return rec, nil
}
