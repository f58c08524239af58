package assembly

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bugspark/bugspark/internal/lifecycle"
	"github.com/bugspark/bugspark/internal/proxy"
	"github.com/bugspark/bugspark/internal/proxy/certificate"
	"github.com/bugspark/bugspark/internal/proxy/internalca"
)

// maxConnections bounds what a flood of clients can cost: each connection holds
// some 50 KB, and the unit's file descriptors, of which each may need a second one to
// a service, end at 65536.
const maxConnections = 10_000

// RunProxy ends TLS and passes requests on until ctx ends.
func (p *Parts) RunProxy(ctx context.Context) error {
	sockets, err := listeners("http", "https")
	if err != nil {
		return err
	}
	bundle, err := p.credential("internal-ca")
	if err != nil {
		return err
	}
	issuer, err := internalca.Parse([]byte(bundle), time.Now)
	if err != nil {
		return err
	}
	server := p.Config.Server
	certificates, err := certificate.New(certificate.Options{
		TLS: p.Config.TLS, Name: server.Name, Names: without(internalca.Local(), server.Name),
		StateDir: filepath.Join(p.Dirs.State, "proxy"), Internal: issuer, Now: time.Now, Log: p.Log,
		HTTPPort: server.HTTPPort, HTTPSPort: server.HTTPSPort,
	})
	if err != nil {
		return err
	}
	defer certificates.Close()
	if err := certificates.Start(ctx); err != nil {
		return err
	}
	handler, err := proxy.New(proxy.Options{
		Server: server, Proxy: p.Config.Proxy, HSTS: p.Config.TLS.HSTS,
		API: p.Dirs.Socket("api"), Dashboard: p.Dirs.Socket("dashboard"), Log: p.Log,
	})
	if err != nil {
		return err
	}
	https := proxy.NewServer(handler, p.Config.Proxy, p.Log)
	https.TLSConfig = certificates.TLSConfig()
	http := proxy.NewServer(certificates.Challenges(proxy.Redirect(server)), p.Config.Proxy, p.Log)

	admission := proxy.NewAdmission(proxy.AdmissionOptions{
		Connections: maxConnections, PerNetwork: p.Config.Proxy.ConnectionsPerAddress, Trusted: handler.Trusted(), Stall: proxy.StallTimeout,
	})
	admission.Pace(https.TLSConfig)
	// Both servers are one service: it is ready when the one with TLS is, and each
	// drains its own connections.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		s := lifecycle.Service{Server: https, Listeners: []net.Listener{admission.Listen(sockets[1])}, TLS: true, Log: p.Log}
		return s.Run(ctx)
	})
	group.Go(func() error { return serveRedirects(ctx, http, admission.Listen(sockets[0])) })
	return group.Wait()
}

// serveRedirects answers plain HTTP until ctx ends. An answer is one packet, so
// the drain is short.
func serveRedirects(ctx context.Context, s *http.Server, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() {
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if s.Shutdown(deadline) != nil {
			s.Close()
		}
	})
	defer stop()
	if err := s.Serve(ln); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return n == name })
}
