package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// answers asks /health of the public address, over TLS and through the proxy,
// but on the loopback: what is proven is this machine, not the way to it. With
// the internal CA the certificate is verified as a browser would; certificates
// of other authorities may only be trusted elsewhere, so they are not.
func answers(ctx context.Context, s *setup.Site) error {
	c := &tls.Config{ServerName: s.Config.Server.Name}
	if s.Config.TLS.Mode == "internal" {
		pem, err := os.ReadFile(s.RootCertificate())
		if err != nil {
			return fmt.Errorf("reading the CA certificate: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AppendCertsFromPEM(pem)
	} else {
		c.InsecureSkipVerify = true
	}
	port := fmt.Sprint(s.Config.Server.HTTPSPort)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   c,
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("localhost", port))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+net.JoinHostPort(s.Config.Server.Name, port)+"/health", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 300))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

// waitHealthy gives the stack a minute to answer after its units were started.
func waitHealthy(ctx context.Context, s *setup.Site) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		try, done := context.WithTimeout(ctx, 5*time.Second)
		err := answers(try, s)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Failed, err, "bugspark status", "%s/health does not answer", s.Config.Server.PublicURL())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
