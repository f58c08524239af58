package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// vendor runs the tool in a directory of its own.
type vendor struct {
	t      *testing.T
	dir    string
	now    time.Time
	typed  []string // what is answered when a passphrase is asked for
	stdin  string
	output string
	errors string
}

func (v *vendor) run(args ...string) int {
	v.t.Helper()
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "DIR", v.dir)
	}
	var out, errs bytes.Buffer
	status := Run(Env{Args: args, Stdin: strings.NewReader(v.stdin), Stdout: &out, Stderr: &errs, Now: func() time.Time { return v.now }, Ask: func(string) (string, error) {
		answer := v.typed[0]
		v.typed = append(v.typed[1:], answer)
		return answer, nil
	}})
	v.output, v.errors = out.String(), errs.String()
	return status
}

func (v *vendor) must(args ...string) string {
	v.t.Helper()
	if status := v.run(args...); status != 0 {
		v.t.Fatalf("%v ended with %d: %s", args, status, v.errors)
	}
	return v.output
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	v := &vendor{t: t, dir: t.TempDir(), now: time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC), typed: []string{"correct horse battery"}}
	keys := v.must("keygen", "--id", "2027a", "--out", "DIR/key", "--scrypt-work-factor", "10")
	if err := os.WriteFile(filepath.Join(v.dir, "keys.json"), []byte(keys), 0o644); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAVendorsYear makes a key, issues, inspects and revokes.
func TestAVendorsYear(t *testing.T) {
	v := newVendor(t)
	if info, err := os.Stat(filepath.Join(v.dir, "key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
	v.must("issue", "--key", "DIR/key", "--id", "L-1", "--customer", "Bank of Examples", "--customer-id", "C-7", "--seats", "50", "--projects", "10",
		"--feature", "custom-branding,ai-analysis", "--until", "2028-02-29", "--support-until", "2028-02-29", "--installation", "i-9", "--out", "DIR/bank")
	got := v.must("inspect", "--keys", "DIR/keys.json", "DIR/bank")
	for _, want := range []string{"Bank of Examples (C-7)", "2027-03-01 to 2028-02-29, then 30 days", "custom-branding, ai-analysis", "i-9"} {
		if !strings.Contains(got, want) {
			t.Errorf("inspect does not say %q:\n%s", want, got)
		}
	}
	data, err := os.ReadFile(filepath.Join(v.dir, "bank"))
	if err != nil {
		t.Fatal(err)
	}
	v.stdin = string(data)
	var claims map[string]any
	if err := json.Unmarshal([]byte(v.must("inspect", "--keys", "DIR/keys.json", "--json", "-")), &claims); err != nil || claims["seats"] != 50.0 || claims["iss"] != "bugspark" {
		t.Errorf("%v, %v", claims, err)
	}
	v.must("revoke", "--key", "DIR/key", "--out", "DIR/list", "L-0")
	v.must("revoke", "--key", "DIR/key", "--keys", "DIR/keys.json", "--revocations", "DIR/list", "--out", "DIR/list-2", "L-1")
	v.must("inspect", "--keys", "DIR/keys.json", "--revocations", "DIR/list", "DIR/bank")
	if status := v.run("inspect", "--keys", "DIR/keys.json", "--revocations", "DIR/list-2", "DIR/bank"); status != 1 || !strings.Contains(v.errors, "revoked") || !strings.Contains(v.output, "Bank") {
		t.Errorf("a revoked one: %d, %s", status, v.errors)
	}
	trial := v.must("issue", "--key", "DIR/key", "--customer", "Trial", "--customer-id", "C-8", "--trial", "--until", "2027-03-31")
	v.stdin = trial
	if got := v.must("inspect", "--keys", "DIR/keys.json", "-"); !strings.Contains(got, "trial") || !strings.Contains(got, "then 0 days") {
		t.Errorf("a trial:\n%s", got)
	}
}

func TestWhatTheVendorDoesWrong(t *testing.T) {
	v := newVendor(t)
	open := filepath.Join(v.dir, "open")
	if err := os.WriteFile(open, []byte("correct horse battery\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	issue := []string{"issue", "--key", "DIR/key", "--customer", "Bank", "--customer-id", "C-7"}
	for name, c := range map[string]struct {
		args   []string
		typed  []string
		status int
		says   string
	}{
		"no command that is known":  {[]string{"sell"}, nil, 2, "unknown command"},
		"the key is there":          {[]string{"keygen", "--id", "x", "--out", "DIR/key", "--scrypt-work-factor", "10"}, nil, 3, "not written over"},
		"two passphrases":           {[]string{"keygen", "--id", "x", "--out", "DIR/x"}, []string{"one of twelve", "another of twelve"}, 2, "differ"},
		"a short passphrase":        {[]string{"keygen", "--id", "x", "--out", "DIR/x"}, []string{"short"}, 2, "at least 12"},
		"a passphrase for everyone": {append(issue, "--until", "2028-01-01", "--passphrase-file", "DIR/open"), nil, 3, "to 600"},
		"a wrong passphrase":        {append(issue, "--until", "2028-01-01"), []string{"wrong horse battery"}, 1, "opening the key"},
		"no last day":               {issue, nil, 2, "until"},
		"no date":                   {append(issue, "--until", "31.12.2027"), nil, 2, "is no date"},
		"a day that has passed":     {append(issue, "--until", "2026-12-31"), nil, 2, "would have expired"},
		"an unknown feature":        {append(issue, "--until", "2028-01-01", "--feature", "sso"), nil, 2, "no feature"},
		"a number that is none":     {append(issue, "--until", "2028-01-01", "--seats", "many"), nil, 2, "invalid argument"},
		"a list without keys":       {[]string{"revoke", "--key", "DIR/key", "--revocations", "DIR/list", "L-1"}, nil, 2, "belong together"},
		"a file that is missing":    {[]string{"inspect", "--keys", "DIR/none", "DIR/none"}, nil, 1, "no such file"},
		"keys that are none":        {[]string{"inspect", "--keys", "DIR/open", "DIR/open"}, nil, 1, "public keys"},
		"a licence that is none":    {[]string{"inspect", "--keys", "DIR/keys.json", "DIR/open"}, nil, 1, "no licence of BugSpark"},
	} {
		v.typed = []string{"correct horse battery"}
		if c.typed != nil {
			v.typed = c.typed
		}
		if status := v.run(append([]string{}, c.args...)...); status != c.status || !strings.Contains(v.errors, c.says) {
			t.Errorf("%s: ended with %d and %q, want %d and %q", name, status, v.errors, c.status, c.says)
		}
	}
}
