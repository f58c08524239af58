package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// stack is a whole installation run by 'bugspark up' in a directory of its own,
// without rate limits.
type stack struct {
	dir, base string
	cmd       *exec.Cmd
	client    *http.Client
	csrf      string
}

// startStack starts the program binary, which must be built.
func startStack(ctx context.Context, binary string) (*stack, error) {
	dir, err := os.MkdirTemp("/var/tmp", "bugspark-bench-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	s := &stack{dir: dir, base: fmt.Sprintf("https://localhost:%d", ports[0])}
	s.cmd = exec.CommandContext(ctx, binary, "up", "--dir", dir, "--json",
		"--https-port", fmt.Sprint(ports[0]), "--http-port", fmt.Sprint(ports[1]))
	s.cmd.Env = append(os.Environ(), "BUGSPARK_LIMITS_REPORTS_PER_PROJECT=0", "BUGSPARK_LIMITS_REPORTS_PER_ADDRESS=0",
		"BUGSPARK_LIMITS_LOGINS_PER_ADDRESS=0", "BUGSPARK_LOG_LEVEL=warn")
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGINT) }
	s.cmd.WaitDelay = 30 * time.Second
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ready, err := awaitReady(out)
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, s.signIn(ready)
}

// readiness is the line 'up --json' prints when everything answers.
type readiness struct {
	CA              string `json:"ca"`
	AdminEmail      string `json:"admin_email"`
	OneTimePassword string `json:"one_time_password"`
}

func awaitReady(out io.Reader) (readiness, error) {
	var r readiness
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.CA != "" {
			go io.Copy(io.Discard, out)
			return r, nil
		}
	}
	return r, fmt.Errorf("the stack ended before it was ready: %v", lines.Err())
}

func (s *stack) stop() {
	if s.cmd.Process != nil {
		s.cmd.Process.Signal(syscall.SIGINT)
		s.cmd.Wait()
	}
	os.RemoveAll(s.dir)
}

func (s *stack) signIn(r readiness) error {
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	s.client = &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	if err := s.call("POST", "/api/v1/auth/login", map[string]string{"email": r.AdminEmail, "password": r.OneTimePassword}, nil); err != nil {
		return err
	}
	const password = "a password for the bench"
	return s.call("PUT", "/api/v1/auth/me/password", map[string]string{"current_password": r.OneTimePassword, "new_password": password}, nil)
}

// project makes a project and returns its API key.
func (s *stack) project() (string, error) {
	var p struct {
		APIKey string `json:"apiKey"`
	}
	return p.APIKey, s.call("POST", "/api/v1/projects", map[string]string{"name": "bench"}, &p)
}

func (s *stack) call(method, path string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, s.base+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", s.csrf)
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if token := resp.Header.Get("X-CSRF-Token"); token != "" {
		s.csrf = token
	}
	if resp.StatusCode > 299 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func freePorts(n int) ([]int, error) {
	var out []int
	for range n {
		ln, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		out = append(out, ln.Addr().(*net.TCPAddr).Port)
	}
	return out, nil
}

// postgresBin is the newest PostgreSQL on this machine.
func postgresBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("no PostgreSQL below /usr/lib/postgresql: %v", err)
	}
	return found[len(found)-1], nil
}

// number returns the first group of pattern in text.
func number(text []byte, pattern string) (float64, error) {
	m := regexp.MustCompile(pattern).FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("no figure in:\n%s", text)
	}
	var f float64
	_, err := fmt.Sscan(string(m[1]), &f)
	return f, err
}
