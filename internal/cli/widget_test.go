package cli

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
	"github.com/bugspark/bugspark/internal/tracker/widget"
)

func TestTheSnippetOfAProject(t *testing.T) {
	t.Parallel()
	db := postgrestest.StartServer(t).Database()
	c := newConsole(t, db)
	store := db.Open(t)
	if status, out, errs := c.run("", "widget", "snippet"); status != 1 || out != "" || !strings.Contains(errs, "next: make one in the dashboard, at https://bugs.test") {
		t.Errorf("no project: %d %q %q", status, out, errs)
	}
	a, err := store.CreateAccount(t.Context(), tracker.Account{Email: "ada@example.org", Name: "Ada", PasswordHash: "x"})
	if err != nil {
		t.Fatal(err)
	}
	project := func(name, key string) tracker.Project {
		p, err := store.CreateProject(t.Context(), tracker.NewProject{OwnerID: a.ID, Name: name}, fmt.Sprintf("%x", sha256.Sum256([]byte(key))), key[:12])
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const bank, shop = "bsk_pub_bank-and-more", "bsk_pub_shop-and-more"
	p := project("Online banking", bank)
	snippet := func(key string) string {
		return "<script async crossorigin src=\"https://bugs.test/widget.js\"\n  data-project-key=\"" + key + "\"></script>\n"
	}
	status, out, errs := c.run("", "widget", "snippet")
	if status != 0 || out != snippet("bsk_pub_bank…") || !strings.Contains(errs, "was shown when the project was made") ||
		!strings.Contains(errs, p.ID+"/rotate-key") || !strings.Contains(errs, "  script-src https://bugs.test\n  connect-src https://bugs.test\n  img-src https://bugs.test\n") {
		t.Errorf("the only project: %d %q %q", status, out, errs)
	}
	project("Shop", shop)
	for _, named := range []string{p.ID, "Online banking", "online banking", "bsk_pub_bank", "bsk_pub_ba", bank} {
		if status, out, errs := c.run("", "widget", "snippet", named); status != 0 || out != snippet("bsk_pub_bank…") {
			t.Errorf("%s: %d %q %q", named, status, out, errs)
		}
	}
	if status, out, errs := c.run("", "widget", "snippet", "--key", shop); status != 0 || out != snippet(shop) || strings.Contains(errs, "was shown") {
		t.Errorf("with a key: %d %q %q", status, out, errs)
	}
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"several", nil, 2, "several projects are meant; there are: " + p.ID + ` "Online banking", `},
		{"unknown", []string{"Bakery"}, 2, `no active project has the id, the name or the key "Bakery"`},
		{"unknown, next", []string{"Bakery"}, 2, "\n  next: bugspark widget snippet " + p.ID},
		{"every key begins so", []string{"bsk_pub_"}, 2, "no active project"},
		{"another's key", []string{"--key", "bsk_pub_none"}, 1, "no active project has this key"},
		{"the key of another project", []string{"Online banking", "--key", shop}, 2, `the key is that of "Shop", and not of "Online banking"`},
		{"two", []string{"a", "b"}, 2, `unexpected argument "b": the command is "bugspark widget snippet [PROJECT]"`},
		{"an empty key", []string{"--key", ""}, 2, "--key is empty"},
	} {
		if status, out, errs := c.run("", append([]string{"widget", "snippet"}, tc.args...)...); status != tc.status || out != "" || !strings.Contains(errs, tc.want) {
			t.Errorf("%s: %d %q %q", tc.name, status, out, errs)
		}
	}
	var result snippetResult
	status, out, _ = c.run("", "widget", "snippet", "--key", bank, "--json")
	if err := json.Unmarshal([]byte(out), &result); status != 0 || err != nil || result.URL != "https://bugs.test/widget.js" || result.Version != Version || result.Integrity != "" ||
		result.Snippet+"\n" != snippet(bank) || !slices.Equal(result.CSP, []string{"script-src https://bugs.test", "connect-src https://bugs.test", "img-src https://bugs.test"}) {
		t.Errorf("JSON: %d %q %v", status, out, err)
	}

	w, err := widget.New(widget.Options{Version: Version})
	if err != nil {
		t.Fatal(err)
	}
	status, out, errs = c.run("", "widget", "snippet", "--key", bank, "--pinned")
	if w.Integrity() == "" { // compiled without it
		if status != 1 || !strings.Contains(errs, "compiled without its widget") {
			t.Errorf("pinned: %d %q %q", status, out, errs)
		}
		return
	}
	if status != 0 || !strings.Contains(out, "/widget-"+Version+".js\"") || !strings.Contains(out, "crossorigin") || !strings.Contains(out, `integrity="`+w.Integrity()+`"`) {
		t.Errorf("pinned: %d %q %q", status, out, errs)
	}
}
