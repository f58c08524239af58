package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

// accountModel is what must be true of an account and of every secret that was ever
// handed out for it.
type accountModel struct {
	id            string
	active, super bool
	sessions      map[string]string // access secret: session
	logins        []string          // living tokens of the command-line client, the one unused for longest first
	tokens        map[string]bool   // living tokens made by hand
	ended         []string          // secrets that must never work again
	seen          []checked         // how the account was when somebody's credentials were checked
	ends          int               // how often all access to it was ended
}

// checked is an account as it was seen, and what had ended access to it by then.
type checked struct {
	account tracker.Account
	ends    int
}

func (m *accountModel) endSessions(keep string) {
	for access, id := range m.sessions {
		if id != keep {
			m.ended = append(m.ended, access)
			delete(m.sessions, access)
		}
	}
}

func (m *accountModel) endTokens(all bool) {
	m.ended = append(m.ended, m.logins...)
	m.logins = nil
	if all {
		for token := range m.tokens {
			m.ended = append(m.ended, token)
			delete(m.tokens, token)
		}
	}
}

// TestAccountsFollowAModel plays random sequences. BUGSPARK_SOAK lengthens
// it, BUGSPARK_TEST_SEED repeats one.
func TestAccountsFollowAModel(t *testing.T) {
	t.Parallel()
	seed, until := uint64(time.Now().UnixNano()), time.Now().Add(3*time.Second)
	if given := os.Getenv("BUGSPARK_TEST_SEED"); given != "" {
		if _, err := fmt.Sscan(given, &seed); err != nil {
			t.Fatal(err)
		}
	}
	if given := os.Getenv("BUGSPARK_SOAK"); given != "" {
		length, err := time.ParseDuration(given)
		if err != nil {
			t.Fatal(err)
		}
		until = time.Now().Add(length)
	}
	t.Logf("seed %d", seed)
	steps := 0
	for round := uint64(0); round == 0 || time.Now().Before(until); round++ {
		s := postgrestest.New(t)
		p := &accountPlay{t: t, s: s, random: rand.New(rand.NewPCG(seed+round, 0))}
		for range 120 {
			p.step()
			steps++
			if t.Failed() {
				t.Fatalf("seed %d:\n%v", seed+round, p.log)
			}
		}
	}
	t.Logf("%d steps", steps)
}

type accountPlay struct {
	t        *testing.T
	s        *postgres.Store
	random   *rand.Rand
	accounts []*accountModel
	secrets  int
	log      []string
}

func (p *accountPlay) secret(kind string) string {
	p.secrets++
	return fmt.Sprintf("%s-%d", kind, p.secrets)
}

func (p *accountPlay) administrators() (n int) {
	for _, m := range p.accounts {
		if m.active && m.super {
			n++
		}
	}
	return n
}

func (p *accountPlay) step() {
	t, s, ctx := p.t, p.s, p.t.Context()
	if len(p.accounts) < 3 {
		super := len(p.accounts) < 2
		a, err := s.CreateAccount(ctx, tracker.Account{Email: fmt.Sprintf("a%d@example.org", len(p.accounts)), Name: "A", PasswordHash: "x", IsSuperadmin: super})
		if err != nil {
			t.Fatal(err)
		}
		p.accounts = append(p.accounts, &accountModel{id: a.ID, active: true, super: super, sessions: map[string]string{}, tokens: map[string]bool{}})
	}
	at := p.random.IntN(len(p.accounts))
	m := p.accounts[at]
	what := []string{"session", "session", "login", "login", "login", "login", "token", "token", "change", "reset", "disable", "enable", "enable", "role", "delete"}[p.random.IntN(15)]
	p.log = append(p.log, fmt.Sprintf("%s of %d", what, at))
	expect := func(err error, ok bool, code tracker.Code) {
		if ok && err != nil || !ok && (err == nil || tracker.CodeOf(err) != code) {
			t.Errorf("%s of %d: %v, should succeed: %v", what, at, err, ok)
		}
	}
	now, err := s.Account(ctx, m.id)
	if err != nil {
		t.Fatal(err)
	}
	m.seen = append(m.seen, checked{now, m.ends})
	// Every third uses what it checked a while ago.
	used := m.seen[len(m.seen)-1]
	if p.random.IntN(3) == 0 {
		used = m.seen[max(0, len(m.seen)-1-p.random.IntN(4))]
		p.log = append(p.log, fmt.Sprintf("after %d ends, checked after %d", m.ends, used.ends))
	}
	counts := m.active && used.ends == m.ends
	later := time.Now().Add(time.Hour)
	switch what {
	case "session":
		access := p.secret("access")
		made, err := s.CreateSession(ctx, used.account, tracker.Session{ExpiresAt: later}, access, p.secret("refresh"))
		expect(err, counts, tracker.NotFound)
		if err == nil {
			m.sessions[access] = made.ID
		}
	case "login":
		token := p.secret("login")
		_, err := s.CreateCLIToken(ctx, used.account, token, "bsk_pat_", later)
		room := len(m.tokens) < tracker.MaxTokens
		expect(err, counts && room, map[bool]tracker.Code{true: tracker.Refused, false: tracker.NotFound}[counts])
		if err == nil {
			m.logins = append(m.logins, token)
			for len(m.logins) > tracker.MaxCLITokens || len(m.logins)+len(m.tokens) > tracker.MaxTokens {
				m.ended = append(m.ended, m.logins[0])
				m.logins = m.logins[1:]
			}
		}
	case "token":
		token := p.secret("token")
		_, err := s.CreateToken(ctx, used.account, "by hand", token, "bsk_pat_", nil)
		expect(err, counts && len(m.tokens)+len(m.logins) < tracker.MaxTokens, map[bool]tracker.Code{true: tracker.Refused, false: tracker.NotFound}[counts])
		if err == nil {
			m.tokens[token] = true
		}
	case "change":
		keep := ""
		for _, id := range m.sessions {
			keep = id
			break
		}
		err := s.SetPassword(ctx, used.account, p.secret("hash"), keep)
		expect(err, counts, tracker.NotFound)
		if err == nil {
			m.ends++
			m.endSessions(keep)
			m.endTokens(false)
		}
	case "reset":
		expect(s.ResetPassword(ctx, m.id, "z"), true, "") // the same hash at times
		m.ends++
		m.endSessions("")
		m.endTokens(true)
	case "disable", "role":
		off := false
		c := tracker.AccountChange{IsActive: &off}
		if what == "role" {
			super := !m.super
			c = tracker.AccountChange{IsSuperadmin: &super}
		}
		last := m.active && m.super && p.administrators() == 1
		_, err := s.ChangeAccount(ctx, m.id, c)
		expect(err, !last, tracker.Refused)
		if err == nil && what == "role" {
			m.super = !m.super
		} else if err == nil {
			m.active = false
			m.ends++
			m.endSessions("")
			m.endTokens(true)
		}
	case "enable":
		on := true
		_, err := s.ChangeAccount(ctx, m.id, tracker.AccountChange{IsActive: &on})
		expect(err, true, "")
		m.active = true
	case "delete":
		for access, id := range m.sessions {
			expect(s.EndSession(ctx, id), true, "")
			m.ended = append(m.ended, access)
			delete(m.sessions, access)
			break
		}
	}
	p.look()
}

// look compares every secret that was ever handed out with the model. A token is
// looked at by its owner's list, because looking it up is a use.
func (p *accountPlay) look() {
	t, s, ctx := p.t, p.s, p.t.Context()
	for i, m := range p.accounts {
		for access := range m.sessions {
			if _, a, err := s.SessionByAccess(ctx, access); err != nil || a.ID != m.id {
				t.Errorf("session %s of %d: %v", access, i, err)
			}
		}
		have, err := s.Tokens(ctx, m.id)
		if err != nil || len(have) != len(m.tokens)+len(m.logins) {
			t.Errorf("account %d has %d tokens, should have %d and %d: %v", i, len(have), len(m.tokens), len(m.logins), err)
		}
		for token := range m.tokens {
			if _, err := s.AccountByToken(ctx, token); err != nil {
				t.Errorf("token %s of %d: %v", token, i, err)
			}
		}
		for _, secret := range m.ended[max(0, len(m.ended)-30):] {
			if _, _, err := s.SessionByAccess(ctx, secret); err == nil {
				t.Errorf("the session %s of %d lives", secret, i)
			}
			if _, err := s.AccountByToken(ctx, secret); err == nil {
				t.Errorf("the token %s of %d lives", secret, i)
			}
		}
	}
	if p.administrators() == 0 && len(p.accounts) >= 2 {
		t.Error("nobody administers the server")
	}
}
