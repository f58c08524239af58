package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// pebble is a real ACME server on loopback that validates against our ports.
type pebble struct {
	dir        string
	port       int
	http, tls  int // where it looks for challenges
	root       string
	args       []string
	management int
}

// newPebble builds the server and a name server that calls every name ours.
func newPebble(t *testing.T) *pebble {
	t.Helper()
	p := &pebble{dir: t.TempDir()}
	for _, name := range []string{"pebble", "pebble-challtestsrv"} {
		build := exec.Command("go", "build", "-o", filepath.Join(p.dir, name), "github.com/letsencrypt/pebble/v2/cmd/"+name)
		build.Dir = filepath.Join("..", "..", "..", "packaging", "tools")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", name, err, out)
		}
	}
	ports := freePorts(t, 6)
	p.port, p.management, p.http, p.tls = ports[0], ports[1], ports[2], ports[3]
	ca := newAuthority(t, "directory", nil)
	cert, key := ca.leaf(t, "localhost", -time.Minute, time.Hour)
	p.root = p.write(t, "root.pem", ca.pem)
	data, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", p.port), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", p.management),
		"certificate": p.write(t, "cert.pem", cert), "privateKey": p.write(t, "key.pem", key), "httpPort": p.http, "tlsPort": p.tls,
	}})
	if err != nil {
		t.Fatal(err)
	}
	names := fmt.Sprintf("127.0.0.1:%d", ports[4])
	p.args = []string{"-config", p.write(t, "config.json", data), "-dnsserver", names, "-strict"}
	run(t, filepath.Join(p.dir, "pebble-challtestsrv"), "-dnsserver", names, "-management", fmt.Sprintf("127.0.0.1:%d", ports[5]),
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", "")
	return p
}

func (p *pebble) start(t *testing.T) {
	t.Helper()
	run(t, filepath.Join(p.dir, "pebble"), p.args...)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.management))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func (p *pebble) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// roots is what browsers trust of this server's.
func (p *pebble) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/roots/0", p.management))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(data) {
		t.Fatalf("no root: %s %v", data, err)
	}
	return pool
}

// run starts a program that ends with the test.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); cmd.Wait() })
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var out []int
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		out = append(out, ln.Addr().(*net.TCPAddr).Port)
	}
	return out
}

// site is a manager in front of the ports that the ACME server validates.
func (p *pebble) site(t *testing.T) (*Manager, string, *x509.CertPool) {
	t.Helper()
	issuer, own := internal(t)
	m := manager(t, Options{
		TLS:      config.TLS{Mode: "acme", ACME: config.ACME{Directory: fmt.Sprintf("https://localhost:%d/dir", p.port), Email: "admin@bugs.test", Root: p.root}},
		Internal: issuer, HTTPPort: p.http, HTTPSPort: p.tls,
	})
	address := serve(t, m, fmt.Sprintf("127.0.0.1:%d", p.tls))
	plain, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.http))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: m.Challenges(http.NotFoundHandler())}
	go server.Serve(plain)
	t.Cleanup(func() { server.Close() })
	return m, address, own
}

func await(t *testing.T, address string, roots *x509.CertPool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		_, err := shake(address, &tls.Config{RootCAs: roots, ServerName: "bugs.test"})
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no certificate of the ACME server's: %v", err)
		}
	}
}

// TestAnACMEServerIssues also proves that our own listeners answer the
// challenges: certmagic must not want the ports for itself.
func TestAnACMEServerIssues(t *testing.T) {
	t.Parallel()
	p := newPebble(t)
	p.start(t)
	m, address, _ := p.site(t)
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, address, p.roots(t))
}

// TestWithoutTheACMEServerTheInternalCAServes, and gives way once it is back.
func TestWithoutTheACMEServerTheInternalCAServes(t *testing.T) {
	t.Parallel()
	p := newPebble(t)
	m, address, own := p.site(t)
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := shake(address, &tls.Config{RootCAs: own, ServerName: "bugs.test"}); err != nil {
		t.Errorf("while the ACME server is away: %v", err)
	}
	p.start(t)
	await(t, address, p.roots(t)) // certmagic tries again after a minute
}
