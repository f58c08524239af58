package httpapi_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/tracker"
)

// member makes an account that has a role in a project.
func (s *server) member(t *testing.T, project, email string, role tracker.Role) *user {
	t.Helper()
	u := s.account(t, email, nil)
	a, err := s.store.AccountByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	s.exec(t, `INSERT INTO project_members (id, project_id, account_id, email, role, accepted_at) VALUES (gen_random_uuid(), $1, $2, $3, $4, now())`,
		project, a.ID, email, string(role))
	return u
}

// exec changes the database behind the server's back.
func (s *server) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := s.database.Connect(t).Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// Two projects' widgets may stand in one browser cache.
func TestTheCacheKeepsTheSettingsOfProjectsApart(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	vary := strings.Join(widget.want(200, "GET", "/projects/widget-config", nil).header["Vary"], ", ")
	if !strings.Contains(vary, "Origin") || !strings.Contains(vary, "X-API-Key") {
		t.Errorf("Vary: %s", vary)
	}
}

func TestAListTakesWhatClientsSend(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	widget.want(201, "POST", "/reports", bug())
	for query, size := range map[string]float64{"limit=500": 100, "limit=7": 7, "date_range=1y": 20, "sort_by=secret": 20, "sort_by=secret&sort_order=asc": 20, "sort_order=up": 20} {
		a := u.do("GET", "/reports?"+query, nil)
		if a.status != 200 || a.object["pageSize"] != size || a.object["total"] != 1.0 {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	u.want(422, "GET", "/reports?status=open", nil)
	u.want(422, "GET", "/reports?page_size=101", nil)
}

func TestASearchCountsUpToTenThousand(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	project, _ := u.project("shop", "")
	fill := func(from, to int) {
		s.exec(t, `INSERT INTO reports (id, project_id, number, title, description, severity, category, console_logs_included, fingerprint, fingerprint_window, evidence, created_at, updated_at)
			SELECT gen_random_uuid(), $1, n, 'needle', '', 'low', 'ui', false, sha256(n::text::bytea), 0, ''::bytea, now(), now() FROM generate_series($2::int, $3::int) n`, project, from, to)
	}
	look := func() (any, any) {
		a := u.want(200, "GET", "/reports?search=needle&page_size=1", nil)
		return a.object["total"], a.object["totalIsEstimate"]
	}
	fill(1, 1500)
	if total, estimate := look(); total != 1500.0 || estimate != nil {
		t.Errorf("of 1,500 it tells %v %v", total, estimate)
	}
	fill(1501, 10_000)
	if total, estimate := look(); total != 10_000.0 || estimate != nil {
		t.Errorf("of 10,000 it tells %v %v", total, estimate)
	}
	fill(10_001, 10_002)
	if total, estimate := look(); total != 10_000.0 || estimate != true {
		t.Errorf("of 10,002 it tells %v %v", total, estimate)
	}
}

func TestPermanentHasTheOriginalsSpellings(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	for value, gone := range map[string]bool{"true": true, "True": true, "1": true, "yes": true, "on": true, "false": false, "": false, "0": false} {
		id, _ := u.project("shop "+value, "")
		u.want(204, "DELETE", "/projects/"+id+"?permanent="+value, nil)
		want := 200
		if gone {
			want = 404
		}
		if a := u.do("GET", "/projects/"+id, nil); a.status != want {
			t.Errorf("permanent=%s: then %d", value, a.status)
		}
	}
}

// Deactivating is what DELETE does, so it needs the same role.
func TestAnAdminOfAProjectCannotDeactivateIt(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	id, widget := u.project("shop", "")
	admin := s.member(t, id, "adele@example.org", tracker.RoleAdmin)
	admin.want(200, "PATCH", "/projects/"+id, map[string]any{"name": "the shop", "is_active": true})
	for _, name := range []string{"is_active", "isActive"} {
		admin.want(403, "PATCH", "/projects/"+id, map[string]any{name: false})
	}
	admin.want(403, "DELETE", "/projects/"+id, nil)
	widget.want(200, "GET", "/projects/widget-config", nil)
	u.want(200, "PATCH", "/projects/"+id, map[string]any{"isActive": false})
	widget.want(401, "GET", "/projects/widget-config", nil)
	admin.want(403, "PATCH", "/projects/"+id, map[string]any{"is_active": true})
}

func TestUsageCountsWhatIsOwned(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	first, widget := u.project("shop", "")
	second, other := u.project("bank", "")
	widget.want(201, "POST", "/reports", bug())
	other.want(201, "POST", "/reports", bug())
	u.want(204, "DELETE", "/projects/"+second, nil) // its reports of this month count, the project does not
	guest := s.member(t, first, "bob@example.org", tracker.RoleAdmin)
	boss := s.account(t, "root@example.org", func(a *tracker.Account) { a.IsSuperadmin = true })
	for who, want := range map[*user]string{u: "1 2", guest: "0 0", boss: "0 0"} {
		a := who.want(200, "GET", "/auth/usage", nil)
		projects, _ := a.object["projects"].(map[string]any)
		reports, _ := a.object["reportsThisMonth"].(map[string]any)
		if got := fmt.Sprintf("%v %v", projects["current"], reports["current"]); got != want {
			t.Errorf("%s: %s instead of %s", who.email, got, want)
		}
	}
}

// The widget removes markup after it has checked the length, so what it sends may be empty.
func TestAnEmptyTitleDoesNotLoseTheReport(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	for _, title := range []string{"", " \t\n", "\x00"} {
		if a := widget.do("POST", "/reports", bug("title", title, "description", title+"x")); a.status != 201 || a.text("title") != "Untitled report" {
			t.Errorf("%q: %d %s", title, a.status, a.raw)
		}
	}
	widget.want(422, "POST", "/reports", bug("title", nil))
}

func TestAPictureThatIsGoneDoesNotLoseTheReport(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	_, other := u.project("bank", "")
	key := widget.upload("image/png", picture(t, 4, 4)).text("key")
	s.exec(t, `DELETE FROM pictures WHERE key = $1`, key)
	made := widget.want(201, "POST", "/reports", bug("screenshot_url", key, "annotated_screenshot_url", key))
	if r := u.want(200, "GET", "/reports/"+made.text("id"), nil); r.object["screenshotUrl"] != nil {
		t.Errorf("it names a picture that is gone: %s", r.raw)
	}
	other.want(400, "POST", "/reports", bug("screenshot_url", key))
	widget.want(400, "POST", "/reports", bug("screenshot_url", strings.TrimSuffix(key, "png")+"exe"))
}

// sized is a PNG whose header tells that many pixels.
func sized(t *testing.T, width, height uint32) []byte {
	t.Helper()
	data := picture(t, 1, 1)
	binary.BigEndian.PutUint32(data[16:], width)
	binary.BigEndian.PutUint32(data[20:], height)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

func TestPicturesOfTwoHundredMegapixelsAreTaken(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	for _, tc := range []struct {
		width, height uint32
		status        int
	}{
		{16_384, 12_207, 200}, {32_768, 6_103, 200}, {20_000, 10_000, 200}, {20_000, 10_001, 400}, {32_769, 1, 400},
	} {
		if a := widget.upload("image/png", sized(t, tc.width, tc.height)); a.status != tc.status {
			t.Errorf("%d by %d: %d %s", tc.width, tc.height, a.status, a.raw)
		}
	}
}

// The command-line client throws away the text of a 403.
func TestWhatTheClientMustReadIsNo403(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	s.account(t, "ada@example.org", func(a *tracker.Account) { a.MustChangePassword = true })
	n := s.nobody(t)
	if a := n.want(400, "POST", "/auth/cli/login", map[string]any{"email": "ada@example.org", "password": secretWord}); !strings.Contains(a.text("detail"), "one-time password") {
		t.Errorf("%s", a.raw)
	}
	for _, path := range []string{"register", "register/beta", "cli/register", "cli/register/beta"} {
		if a := n.want(400, "POST", "/auth/"+path, map[string]any{"email": "eve@example.org"}); !strings.Contains(a.text("detail"), "administrator") {
			t.Errorf("%s: %s", path, a.raw)
		}
	}
}

func TestCLILoginsKeepTheNewestTen(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	for i := range 15 {
		u.want(201, "POST", "/auth/tokens", map[string]any{"name": fmt.Sprintf("ci %d", i)})
	}
	var tokens []string
	login := func() *user {
		token := s.nobody(t).want(200, "POST", "/auth/cli/login", map[string]any{"email": u.email, "password": secretWord}).text("token")
		tokens = append(tokens, token)
		return s.nobody(t, "Authorization", "Bearer "+token)
	}
	first := login()
	for range 9 {
		login()
	}
	s.exec(t, `UPDATE access_tokens SET created_at = created_at - interval '1 hour'`)
	first.want(200, "GET", "/auth/me", nil) // used lately: the second is unused for longest
	login()
	for i, want := range []int{200, 401, 200, 200, 200, 200, 200, 200, 200, 200, 200} {
		if a := s.nobody(t, "Authorization", "Bearer "+tokens[i]).do("GET", "/auth/me", nil); a.status != want {
			t.Errorf("login %d: %d instead of %d", i+1, a.status, want)
		}
	}
	// 25 in all, and expired ones do not count.
	u.want(400, "POST", "/auth/tokens", map[string]any{"name": "one more"})
	s.exec(t, `UPDATE access_tokens SET expires_at = now() - interval '1 minute' WHERE name = 'ci 3'`)
	u.want(201, "POST", "/auth/tokens", map[string]any{"name": "one more"})
	u.want(400, "POST", "/auth/tokens", map[string]any{"name": "too many"})
	login()
}

// What is switched off is listed for who asks for it, or nobody could find it again.
func TestProjectsThatAreOffAreListedWhenAskedFor(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	id, _ := u.project("shop", "")
	u.want(200, "PATCH", "/projects/"+id, map[string]any{"is_active": false})
	eve := s.account(t, "eve@example.org", nil)
	for _, tc := range []struct {
		from  *user
		query string
		want  int
	}{{u, "", 0}, {u, "?manageable=true", 0}, {u, "?include_inactive=true", 1}, {eve, "?include_inactive=true", 0}} {
		if list := tc.from.want(200, "GET", "/projects"+tc.query, nil).list; len(list) != tc.want {
			t.Errorf("%q: %v", tc.query, list)
		}
	}
}
