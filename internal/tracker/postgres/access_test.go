package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

// Sign-ins that were checked before a change of the password and commit at the same
// time as it come before it, and are ended by it, or after it, and are refused.
func TestSignInsAndAChangeAtOnce(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	a := newAccount(t, s, "ada@example.org")
	later := time.Now().Add(time.Hour)
	for round := range 12 {
		a, err := s.Account(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		end := func() error { return s.SetPassword(t.Context(), a, fmt.Sprint("hash", round), "") }
		if round%2 == 1 {
			end = func() error {
				for _, active := range []bool{false, true} {
					if _, err := s.ChangeAccount(t.Context(), a.ID, tracker.AccountChange{IsActive: &active}); err != nil {
						return err
					}
				}
				return nil
			}
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				secret := fmt.Sprintf("%d-%d", round, i)
				var err error
				if i%2 == 0 {
					_, err = s.CreateSession(t.Context(), a, tracker.Session{ExpiresAt: later}, "access"+secret, "refresh"+secret)
				} else {
					_, err = s.CreateCLIToken(t.Context(), a, "token"+secret, "p", later)
				}
				if err != nil {
					wantCode(t, err, tracker.NotFound)
				}
			})
		}
		wg.Go(func() {
			if err := end(); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		sessions, err := s.Sessions(t.Context(), a.ID)
		if err != nil || len(sessions) > 0 {
			t.Errorf("round %d: %d sessions outlived it, %v", round, len(sessions), err)
		}
		tokens, err := s.Tokens(t.Context(), a.ID)
		if err != nil || len(tokens) > 0 {
			t.Errorf("round %d: %d sign-ins of the client outlived it, %v", round, len(tokens), err)
		}
	}
}

// Tabs that refresh all the time keep no change of the password, no sign-out and no
// sign-in from its end.
func TestRefreshesAndAChangeAtOnce(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	a := newAccount(t, s, "ada@example.org")
	later := time.Now().Add(time.Hour)
	for round := range 40 {
		a, err := s.Account(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 6 {
			secret := fmt.Sprintf("%d-%d", round, i)
			session, err := s.CreateSession(t.Context(), a, tracker.Session{ExpiresAt: later}, "access"+secret, "refresh"+secret)
			if err != nil {
				t.Fatal(err)
			}
			for tab := range 2 {
				wg.Go(func() {
					_, _, err := s.RotateSession(t.Context(), "refresh"+secret, fmt.Sprint("access", secret, tab), fmt.Sprint("refresh", secret, tab), later, later)
					if err != nil {
						wantCode(t, err, tracker.NotFound)
					}
				})
			}
			if i%3 == 0 {
				wg.Go(func() {
					if err := s.EndSession(t.Context(), session.ID); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Go(func() {
			if err := s.SetPassword(t.Context(), a, fmt.Sprint("hash", round), ""); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
	}
}
