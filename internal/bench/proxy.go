package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/proxy/internalca"
)

// benchProxy measures 1 KB answers of one unix-socket upstream through our
// proxy, nginx and Caddy, with the same certificate, 32 keep-alive connections,
// in alternating rounds.
func benchProxy(ctx context.Context, w io.Writer, binary string) error {
	const rounds, seconds = 3, 4
	dir, err := os.MkdirTemp("", "bsbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stop, err := startUpstream(filepath.Join(dir, "api.sock"))
	if err != nil {
		return err
	}
	defer stop()
	bundle, err := writeCertificate(dir)
	if err != nil {
		return err
	}
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	peers := []struct {
		name string
		port int
		cmd  *exec.Cmd
	}{
		{"bugspark", ports[0], ourProxy(ctx, binary, dir, bundle, ports[0], ports[3])},
		{"nginx", ports[1], nginx(ctx, dir, ports[1])},
		{"caddy", ports[2], caddy(ctx, dir, ports[2])},
	}
	for _, p := range peers {
		p.cmd.Stderr = os.Stderr
		if err := p.cmd.Start(); err != nil {
			return fmt.Errorf("starting %s: %w", p.name, err)
		}
		defer func() {
			p.cmd.Process.Signal(os.Interrupt)
			time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
			p.cmd.Wait()
		}()
		if err := awaitPort(ctx, p.port); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	rates := map[string][]float64{}
	tails := map[string][]float64{}
	for range rounds {
		for _, p := range peers {
			out, err := exec.CommandContext(ctx, "wrk", "-t2", "-c32", fmt.Sprintf("-d%ds", seconds), "--latency",
				fmt.Sprintf("https://localhost:%d/api/v1/bench", p.port)).CombinedOutput()
			if err != nil {
				return fmt.Errorf("wrk: %w: %s", err, out)
			}
			if strings.Contains(string(out), "Non-2xx") {
				return fmt.Errorf("%s answered errors:\n%s", p.name, out)
			}
			rate, err := number(out, `Requests/sec:\s+([\d.]+)`)
			if err != nil {
				return err
			}
			tail, err := milliseconds(out)
			if err != nil {
				return err
			}
			rates[p.name] = append(rates[p.name], rate)
			tails[p.name] = append(tails[p.name], tail)
		}
	}
	for _, p := range peers {
		fmt.Fprintf(w, "proxy    %-9s %7.0f requests/s  p99 %5.1f ms\n", p.name, median(rates[p.name]), median(tails[p.name]))
	}
	ours := median(rates["bugspark"])
	fmt.Fprintf(w, "proxy    ratio to nginx %.2f (aim >= 1.0), to caddy %.2f (aim >= 2)\n", ours/median(rates["nginx"]), ours/median(rates["caddy"]))
	return nil
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// milliseconds reads wrk's 99th percentile, whatever its unit.
func milliseconds(out []byte) (float64, error) {
	value, err := number(out, `99%\s+([\d.]+)`)
	if err != nil {
		return 0, err
	}
	line := string(out)[strings.Index(string(out), "99%"):]
	line, _, _ = strings.Cut(line, "\n")
	switch {
	case strings.HasSuffix(strings.TrimSpace(line), "us"):
		return value / 1000, nil
	case strings.HasSuffix(strings.TrimSpace(line), "ms"):
		return value, nil
	default:
		return value * 1000, nil
	}
}

func startUpstream(path string) (func(), error) {
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, err
	}
	body := []byte(strings.Repeat("x", 1024))
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(body)
	})}
	go server.Serve(ln)
	return func() { server.Close() }, nil
}

func writeCertificate(dir string) (bundle []byte, err error) {
	authority, err := internalca.Create("bench", time.Now())
	if err != nil {
		return nil, err
	}
	issuer, err := internalca.Parse(authority.BundlePEM, time.Now)
	if err != nil {
		return nil, err
	}
	cert, key, err := issuer.LeafPEM([]string{"localhost", "127.0.0.1"})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), cert, 0o644); err != nil {
		return nil, err
	}
	return authority.BundlePEM, os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600)
}

// ourProxy runs the role itself, with the sockets the foreground runner would
// pass.
func ourProxy(ctx context.Context, binary, dir string, bundle []byte, https, plain int) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, "proxy")
	os.MkdirAll(filepath.Join(dir, "etc"), 0o755)
	os.MkdirAll(filepath.Join(dir, "cred"), 0o755)
	os.WriteFile(filepath.Join(dir, "cred", "internal-ca"), bundle, 0o600)
	os.WriteFile(filepath.Join(dir, "etc", "bugspark.yaml"), fmt.Appendf(nil,
		"server:\n  name: localhost\n  https_port: %d\n  http_port: %d\ntls:\n  mode: files\n  certificate: %s/cert.pem\n  key: %s/key.pem\n", https, plain, dir, dir), 0o644)
	for _, port := range []int{plain, https} {
		ln, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		f, err := ln.(*net.TCPListener).File()
		if err == nil {
			cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		}
		ln.Close()
	}
	cmd.Env = append(os.Environ(), "LISTEN_PID=any", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:https", "CREDENTIALS_DIRECTORY="+filepath.Join(dir, "cred"),
		"BUGSPARK_CONFIG_DIR="+filepath.Join(dir, "etc"), "BUGSPARK_STATE_DIR="+filepath.Join(dir, "state"), "BUGSPARK_RUN_DIR="+dir, "GOGC=400") // as the unit has it
	return cmd
}

func nginx(ctx context.Context, dir string, port int) *exec.Cmd {
	os.WriteFile(filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, `worker_processes %d;
daemon off; pid %[2]s/nginx.pid; error_log /dev/null; user root;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000;
  upstream api { server unix:%[2]s/api.sock; keepalive 64; keepalive_requests 1000000; }
  server {
    listen %[3]d ssl; ssl_certificate %[2]s/cert.pem; ssl_certificate_key %[2]s/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
    location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Request-Id $request_id; }
  }
}
`, runtime.NumCPU(), dir, port), 0o644)
	return exec.CommandContext(ctx, "nginx", "-c", filepath.Join(dir, "nginx.conf"), "-p", dir)
}

func caddy(ctx context.Context, dir string, port int) *exec.Cmd {
	os.WriteFile(filepath.Join(dir, "Caddyfile"), fmt.Appendf(nil, `{
  admin off
  auto_https off
}
:%d {
  tls %[2]s/cert.pem %[2]s/key.pem
  reverse_proxy unix/%[2]s/api.sock
}
`, port, dir), 0o644)
	cmd := exec.CommandContext(ctx, "caddy", "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return cmd
}

func awaitPort(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("localhost:%d", port))
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing listens on port %d: %w", port, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
