package machinetest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// boot starts a clean machine that knows our repository but has installed
// nothing of it.
func boot(t *testing.T, release string, packages ...string) *machine.Machine {
	t.Helper()
	repository := filepath.Join("..", "..", "dist", "apt")
	if _, err := os.Stat(filepath.Join(repository, "InRelease")); err != nil {
		t.Fatalf("there are no packages to test: run 'make package' (%v)", err)
	}
	m := machine.Boot(t, machine.Options{Release: release, Packages: packages, Files: map[string]string{"/srv/bugspark-apt": repository}})
	m.Shell(t, `
		install -m 0644 /srv/bugspark-apt/bugspark-archive-keyring.gpg /usr/share/keyrings/
		cat >/etc/apt/sources.list.d/bugspark.sources <<-'EOF'
		Types: deb
		URIs: file:/srv/bugspark-apt
		Suites: ./
		Signed-By: /usr/share/keyrings/bugspark-archive-keyring.gpg
		EOF
		apt-get -qq update -o Dir::Etc::sourcelist=sources.list.d/bugspark.sources -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0`)
	return m
}

// installed is a clean machine with our packages and a PostgreSQL server.
func installed(t *testing.T, release string) *machine.Machine {
	t.Helper()
	m := boot(t, release, "postgresql")
	m.Run(t, "apt-get", "install", "-y", "-qq", "bugspark")
	return m
}

// site is a running installation as its users see it.
type site struct {
	base     string
	client   *http.Client
	email    string
	password string
	csrf     string
	key      string // API key of the project
	project  string
}

// setupResult is what 'bugspark setup --json' prints.
type setupResult struct {
	URL             string `json:"url"`
	CA              string `json:"ca"`
	AdminEmail      string `json:"admin_email"`
	OneTimePassword string `json:"one_time_password"`
}

// setUp runs setup without backups and signs in as the first administrator, who
// changes the one-time password and makes a project.
func setUp(t *testing.T, m *machine.Machine) *site {
	t.Helper()
	return setUpWith(t, m, "backup:\n  target: \"\"\n")
}

// setUpWith runs setup with more settings.
func setUpWith(t *testing.T, m *machine.Machine, more string) *site {
	t.Helper()
	m.Write(t, "/root/answers.yaml", "server:\n  name: bugs.test\nlimits:\n  reports_per_project: 0\n  reports_per_address: 0\n  picture_mib_per_address: 0\n"+more)
	began := time.Now()
	var r setupResult
	out := m.Run(t, "bugspark", "setup", "--non-interactive", "--answers", "/root/answers.yaml", "--json")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("setup printed %s: %v", out, err)
	}
	t.Logf("setup took %.1f s", time.Since(began).Seconds())
	s := newSite(t, m, r)
	s.must(t, "POST", "/api/v1/auth/login", map[string]string{"email": s.email, "password": r.OneTimePassword}, nil)
	s.password = "what the administrator chose"
	s.must(t, "PUT", "/api/v1/auth/me/password", map[string]string{"current_password": r.OneTimePassword, "new_password": s.password}, nil)
	var p struct{ ID, APIKey string }
	s.must(t, "POST", "/api/v1/projects", map[string]string{"name": "shop"}, &p)
	s.project, s.key = p.ID, p.APIKey
	return s
}

func newSite(t *testing.T, m *machine.Machine, r setupResult) *site {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(m.Read(t, r.CA))) {
		t.Fatalf("%s holds no certificate", r.CA)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{base: r.URL, email: r.AdminEmail}
	s.client = client(m, roots, jar)
	return s
}

// move goes on with the same accounts and cookies on another machine.
func (s *site) move(t *testing.T, m *machine.Machine) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(m.Read(t, "/etc/bugspark/ca.pem"))) {
		t.Fatal("the new machine has no CA")
	}
	s.client.CloseIdleConnections()
	s.client = client(m, roots, s.client.Jar)
}

func client(m *machine.Machine, roots *x509.CertPool, jar http.CookieJar) *http.Client {
	return &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 32,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(m.Addr, port))
		},
	}}
}

// do sends one request and returns status and body.
func (s *site) do(method, path, kind string, body io.Reader) (int, []byte, error) {
	req, err := http.NewRequest(method, s.base+path, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", kind)
	if s.csrf != "" {
		req.Header.Set("X-CSRF-Token", s.csrf)
	}
	if s.key != "" {
		req.Header.Set("X-API-Key", s.key)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if token := resp.Header.Get("X-CSRF-Token"); token != "" && s.key == "" {
		s.csrf = token
	}
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, data, err
}

// must sends JSON, wants success and decodes the answer.
func (s *site) must(t *testing.T, method, path string, body, into any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err := s.do(method, path, "application/json", bytes.NewReader(data))
	if err != nil || status > 299 {
		t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
}

// report sends one report and returns its id.
func (s *site) report(title, picture string) (string, error) {
	body, err := json.Marshal(map[string]any{"title": title, "severity": "high", "category": "bug", "screenshot_url": picture,
		"console_logs": []map[string]any{{"level": "error", "message": "total is NaN", "timestamp": 1}}})
	if err != nil {
		return "", err
	}
	status, answer, err := s.do("POST", "/api/v1/reports", "application/json", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	if status != http.StatusCreated {
		return "", fmt.Errorf("status %d: %s", status, answer)
	}
	var r struct{ ID string }
	return r.ID, json.Unmarshal(answer, &r)
}

// upload sends a picture as the widget does and returns its key.
func (s *site) upload(t *testing.T, png []byte) string {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="screenshot.png"`}, "Content-Type": {"image/png"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(png); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	status, answer, err := s.do("POST", "/api/v1/upload/screenshot", form.FormDataContentType(), &body)
	if err != nil || status != http.StatusOK {
		t.Fatalf("upload: %d %s %v", status, answer, err)
	}
	var r struct{ Key string }
	if err := json.Unmarshal(answer, &r); err != nil {
		t.Fatal(err)
	}
	return r.Key
}

// ids lists every report there is, by cursor, since pages end at 100,000.
func (s *site) ids(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for cursor := ""; ; {
		var list struct {
			Items      []struct{ ID string }
			NextCursor string
		}
		s.must(t, "GET", "/api/v1/reports?page_size=100&cursor="+url.QueryEscape(cursor), nil, &list)
		for _, r := range list.Items {
			out[r.ID] = true
		}
		if cursor = list.NextCursor; cursor == "" {
			return out
		}
	}
}

// runs is what bugspark status says of a machine that runs, whose backups may lie on
// the disk of its data.
func runs(t *testing.T, m *machine.Machine) string {
	t.Helper()
	out, code := m.Try("bugspark", "status")
	if code != 0 && code != 5 {
		t.Fatalf("status: exit status %d\n%s", code, out)
	}
	return out
}
