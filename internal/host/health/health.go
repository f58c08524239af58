// Package health asks the stack whether it answers, and waits until it does.
package health

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

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// Endpoint is the public address of an installation, as its own machine reaches
// it.
type Endpoint struct {
	Server config.Server
	// RootCertificate is the file of the internal CA's root. Empty: the certificate
	// is of another authority, which this machine may not know, and is not verified.
	RootCertificate string
}

// Ask requests /health over TLS and through the proxy, on the loopback: what is
// proven is this machine, not the way to it. With the internal CA the certificate
// is verified as a browser would. It returns the certificate that was shown.
func (e Endpoint) Ask(ctx context.Context) (*x509.Certificate, error) {
	c, err := e.tls()
	if err != nil {
		return nil, err
	}
	port := fmt.Sprint(e.Server.HTTPSPort)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   c,
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("localhost", port))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+net.JoinHostPort(e.Server.Name, port)+"/health", nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	shown := resp.TLS.PeerCertificates[0]
	body, err := io.ReadAll(io.LimitReader(resp.Body, 300))
	if err != nil {
		return shown, err
	}
	if resp.StatusCode != http.StatusOK {
		return shown, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return shown, nil
}

func (e Endpoint) tls() (*tls.Config, error) {
	c := &tls.Config{ServerName: e.Server.Name}
	if e.RootCertificate == "" {
		c.InsecureSkipVerify = true
		return c, nil
	}
	pem, err := os.ReadFile(e.RootCertificate)
	if err != nil {
		return nil, fmt.Errorf("reading the CA certificate: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	c.RootCAs.AppendCertsFromPEM(pem)
	return c, nil
}

// How long a stack may take to answer after its units were started, how long one
// request may take, and the pause between two.
const (
	patience = time.Minute
	oneTry   = 5 * time.Second
	pause    = 100 * time.Millisecond
)

// Wait asks until the stack answers, for a minute.
func (e Endpoint) Wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		try, done := context.WithTimeout(ctx, oneTry)
		_, err := e.Ask(try)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Failed, err, "bugspark status", "%s/health does not answer", e.Server.PublicURL())
		case <-time.After(pause):
		}
	}
}
