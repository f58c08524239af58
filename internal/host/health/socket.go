package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Patience is how long a service may take to answer.
const Patience = 10 * time.Second

// Socket asks a service behind a unix socket for a path and wants 200.
func Socket(ctx context.Context, socket, path string) error {
	status, body, err := ask(ctx, "http://localhost"+path, &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	})
	if err != nil {
		return fmt.Errorf("asking %s: %w", socket, err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("asking %s: %s answers %d: %s", socket, path, status, body)
	}
	return nil
}

// Port wants any answer over TLS from a port of this machine: also one that says that
// the service behind the proxy is away proves that the proxy answers. The certificate
// is not verified, because that of another authority may be trusted only elsewhere.
func Port(ctx context.Context, port int, name string) error {
	address := net.JoinHostPort("localhost", strconv.Itoa(port))
	_, _, err := ask(ctx, "https://"+net.JoinHostPort(name, strconv.Itoa(port))+"/livez", &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{ServerName: name, InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	})
	if err != nil {
		return fmt.Errorf("asking %s: %w", address, err)
	}
	return nil
}

func ask(ctx context.Context, url string, over http.RoundTripper) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := over.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 300))
	return resp.StatusCode, strings.TrimSpace(string(text)), err
}
