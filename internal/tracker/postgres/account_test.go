package postgres_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	a := newAccount(t, s, " Ada@Example.ORG ")
	if a.Email != "ada@example.org" || !a.IsActive || a.MustChangePassword || len(a.NotificationPreferences) != 0 {
		t.Errorf("%+v", a)
	}
	_, err := s.CreateAccount(t.Context(), tracker.Account{Email: "ADA@example.org", Name: "x"})
	wantCode(t, err, tracker.Refused)
	for _, bad := range []tracker.Account{{Email: "a", Name: "x"}, {Email: "b@example.org"}} {
		_, err := s.CreateAccount(t.Context(), bad)
		wantCode(t, err, tracker.Invalid)
	}
	if got, err := s.AccountByEmail(t.Context(), "ADA@EXAMPLE.org"); err != nil || got.ID != a.ID {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = s.AccountByEmail(t.Context(), "nobody@example.org\x00")
	wantCode(t, err, tracker.NotFound)
	for _, id := range []string{"", "x", unknownID} {
		_, err = s.Account(t.Context(), id)
		wantCode(t, err, tracker.NotFound)
		_, err = s.UpdateProfile(t.Context(), id, tracker.ProfileChange{})
		wantCode(t, err, tracker.NotFound)
		wantCode(t, s.SetPassword(t.Context(), tracker.Account{ID: id}, "h", ""), tracker.NotFound)
	}
	name := "Ada L\x00."
	if _, err := s.UpdateProfile(t.Context(), a.ID, tracker.ProfileChange{NotificationPreferences: map[string]bool{"email_on_high\x00": true}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.UpdateProfile(t.Context(), a.ID, tracker.ProfileChange{Name: &name})
	if err != nil || got.Name != "Ada L." || !got.NotificationPreferences["email_on_high"] {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEnsureFirstAdminMakesOne(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	newAccount(t, s, "taken@example.org")
	_, err := s.EnsureFirstAdmin(t.Context(), "taken@example.org", "Admin", "h")
	wantCode(t, err, tracker.Refused)

	var made atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			created, err := s.EnsureFirstAdmin(t.Context(), fmt.Sprintf("admin%d@example.org", i%2), "Admin", "h")
			if err != nil {
				t.Error(err)
			}
			if created {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d first administrators", made.Load())
	}
	if created, err := s.EnsureFirstAdmin(t.Context(), "taken@example.org", "Admin", "h"); created || err != nil {
		t.Errorf("repeated: %v, %v", created, err)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, conn := db.Open(t), db.Connect(t)
	a := newAccount(t, s, "ada@example.org")
	soon, later := time.Now().Add(time.Hour), time.Now().Add(24*time.Hour)
	sign := func(n int) tracker.Session {
		t.Helper()
		session, err := s.CreateSession(t.Context(), a, tracker.Session{AccessUntil: soon, ExpiresAt: later, Address: "::1", UserAgent: "x\x00y"},
			fmt.Sprint("access", n), fmt.Sprint("refresh", n))
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	alive := func(access string, want bool) {
		t.Helper()
		_, account, err := s.SessionByAccess(t.Context(), access)
		if want && (err != nil || account.ID != a.ID) {
			t.Errorf("%s: %v", access, err)
		}
		if !want {
			wantCode(t, err, tracker.NotFound)
		}
	}
	_, err := s.CreateSession(t.Context(), tracker.Account{ID: unknownID}, tracker.Session{ExpiresAt: later}, "a", "r")
	wantCode(t, err, tracker.NotFound)
	_, _, err = s.RotateSession(t.Context(), "refresh1", "x", "y", soon, later)
	wantCode(t, err, tracker.NotFound)

	one, two := sign(1), sign(2)
	if one.UserAgent != "xy" {
		t.Errorf("%+v", one)
	}
	alive("access1", true)
	alive("refresh1", false)

	// Two tabs refresh with the same secret; both successors work.
	for i, tab := range []string{"3", "4"} {
		session, account, err := s.RotateSession(t.Context(), "refresh1", "access"+tab, "refresh"+tab, soon, later)
		if err != nil || session.ID != one.ID || account.ID != a.ID {
			t.Errorf("tab %d: %+v, %v", i, session, err)
		}
	}
	alive("access1", true)
	alive("access3", true)
	alive("access4", true)
	if _, err := conn.Exec(t.Context(), `UPDATE session_secrets SET replaced_at = replaced_at - interval '31 seconds'`); err != nil {
		t.Fatal(err)
	}
	alive("access1", false)
	_, _, err = s.RotateSession(t.Context(), "refresh1", "access5", "refresh5", soon, later)
	wantCode(t, err, tracker.NotFound)
	alive("access3", true)

	if list, err := s.Sessions(t.Context(), a.ID); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.SetPassword(t.Context(), a, "new", two.ID); err != nil {
		t.Fatal(err)
	}
	alive("access3", false)
	alive("access2", true)
	if err := s.ResetPassword(t.Context(), a.ID, "newer"); err != nil {
		t.Fatal(err)
	}
	alive("access2", false)
	if a, err = s.Account(t.Context(), a.ID); err != nil || a.PasswordHash != "newer" || !a.MustChangePassword {
		t.Errorf("%+v, %v", a, err)
	}

	three := sign(6)
	for _, id := range []string{three.ID, three.ID, "x"} {
		if err := s.EndSession(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	alive("access6", false)
	sign(7)
	if _, err := conn.Exec(t.Context(), `UPDATE accounts SET is_active = false`); err != nil {
		t.Fatal(err)
	}
	alive("access7", false)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, conn := db.Open(t), db.Connect(t)
	a, b := newAccount(t, s, "ada@example.org"), newAccount(t, s, "bob@example.org")
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	good, err := s.CreateToken(t.Context(), a, "good", "hash1", "bsk_pat_12345678", &future)
	if err != nil || good.Prefix != "bsk_pat_12345678" || good.LastUsedAt != nil {
		t.Errorf("%+v, %v", good, err)
	}
	if _, err := s.CreateToken(t.Context(), a, "expired", "hash2", "p", &past); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{"", "hash2", "hash\x003"} {
		_, err := s.AccountByToken(t.Context(), hash)
		wantCode(t, err, tracker.NotFound)
	}
	for range 2 {
		if got, err := s.AccountByToken(t.Context(), "hash1"); err != nil || got.ID != a.ID {
			t.Errorf("%+v, %v", got, err)
		}
	}
	list, err := s.Tokens(t.Context(), a.ID)
	if err != nil || len(list) != 2 || list[0].Name != "expired" || list[1].LastUsedAt == nil {
		t.Errorf("%+v, %v", list, err)
	}
	wantCode(t, s.DeleteToken(t.Context(), b.ID, good.ID), tracker.NotFound)
	if err := s.DeleteToken(t.Context(), a.ID, good.ID); err != nil {
		t.Error(err)
	}
	wantCode(t, s.DeleteToken(t.Context(), a.ID, good.ID), tracker.NotFound)

	// The limit holds against a race.
	var made atomic.Int64
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			if _, err := s.CreateToken(t.Context(), b, "t", fmt.Sprint("b", i), "p", nil); err == nil {
				made.Add(1)
			} else {
				wantCode(t, err, tracker.Refused)
			}
		})
	}
	wg.Wait()
	if made.Load() != 25 {
		t.Errorf("%d tokens", made.Load())
	}
	if _, err := conn.Exec(t.Context(), `UPDATE accounts SET is_active = false`); err != nil {
		t.Fatal(err)
	}
	_, err = s.AccountByToken(t.Context(), "b0")
	wantCode(t, err, tracker.NotFound)
}

func TestADatabaseTellsWhetherAnybodyHasAnAccount(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	for _, want := range []bool{false, true} {
		if has, err := s.HasAccounts(t.Context()); err != nil || has != want {
			t.Errorf("%v, %v; want %v", has, err, want)
		}
		if !want {
			newAccount(t, s, "ada@example.org")
		}
	}
	exec(t, db.Connect(t), `ALTER TABLE accounts RENAME TO gone`) // as before the first migration
	if has, err := s.HasAccounts(t.Context()); err != nil || has {
		t.Errorf("without the table: %v, %v", has, err)
	}
}
