package cli

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/lifecycle"
	"github.com/bugspark/bugspark/internal/proxy"
	"github.com/bugspark/bugspark/internal/proxy/certificate"
	"github.com/bugspark/bugspark/internal/proxy/internalca"
)

// maxConnections bounds what a flood of clients can cost: each connection holds
// some 50 KB, and the unit's file descriptors end at 65536.
const maxConnections = 10_000

func newProxy(env Env) *cobra.Command {
	return &cobra.Command{
		Use:    "proxy",
		Short:  "End TLS and pass requests on (a role of the service manager)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return runProxy(cmd.Context(), env) },
	}
}

func runProxy(ctx context.Context, env Env) error {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.Load(dirs, env.Lookup)
	if err != nil {
		return err
	}
	log := newLog(env, cfg.Log)
	inherited, err := lifecycle.Inherited()
	if err != nil {
		return err
	}
	plain, err := inherited.One("http")
	if err != nil {
		return err
	}
	secure, err := inherited.One("https")
	if err != nil {
		return err
	}
	bundle, err := config.ReadCredential(env.Lookup, dirs, "internal-ca")
	if err != nil {
		return err
	}
	issuer, err := internalca.Parse([]byte(bundle), time.Now)
	if err != nil {
		return err
	}
	certificates, err := certificate.New(certificate.Options{
		TLS: cfg.TLS, Name: cfg.Server.Name, Names: localNames(cfg.Server.Name),
		StateDir: filepath.Join(dirs.State, "proxy"), Internal: issuer, Now: time.Now, Log: log,
		HTTPPort: cfg.Server.HTTPPort, HTTPSPort: cfg.Server.HTTPSPort,
	})
	if err != nil {
		return err
	}
	defer certificates.Close()
	if err := certificates.Start(ctx); err != nil {
		return err
	}
	handler, err := proxy.New(proxy.Options{
		Server: cfg.Server, Proxy: cfg.Proxy, HSTS: cfg.TLS.HSTS,
		API: dirs.Socket("api"), Dashboard: dirs.Socket("dashboard"), Log: log,
	})
	if err != nil {
		return err
	}
	https := proxy.NewServer(handler, cfg.Proxy, log)
	https.TLSConfig = certificates.TLSConfig()
	http := proxy.NewServer(certificates.Challenges(proxy.Redirect(cfg.Server)), cfg.Proxy, log)

	// Both servers are one service: the second one's readiness is the first's,
	// and each drains its own connections.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		s := lifecycle.Service{Server: https, Listeners: []net.Listener{limit(secure)}, TLS: true, Log: log}
		return s.Run(ctx)
	})
	group.Go(func() error { return redirect(ctx, http, limit(plain)) })
	return group.Wait()
}

func limit(ln net.Listener) net.Listener { return netutil.LimitListener(ln, maxConnections) }

// redirect serves plain HTTP until ctx ends. Its answers are one packet each, so
// its drain is short.
func redirect(ctx context.Context, s *http.Server, ln net.Listener) error {
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

// localNames are what an administrator on the machine itself may type.
func localNames(name string) []string {
	out := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		out = append(out, strings.ToLower(host))
	}
	var others []string
	for _, n := range out {
		if n != name {
			others = append(others, n)
		}
	}
	return others
}
