package assembly

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/lifecycle"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/tracker/cleanup"
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// shortestSecretKey is 256 bits in hexadecimal, halved for keys made by hand.
const shortestSecretKey = 32

// RunAPI answers the widget, the dashboard and scripts until ctx ends.
func (p *Parts) RunAPI(ctx context.Context) error {
	sockets, err := listeners("api")
	if err != nil {
		return err
	}
	secret, err := p.credential("secret-key")
	if err != nil {
		return err
	}
	if len(secret) < shortestSecretKey {
		return fault.New(fault.Failed, "restore it from a backup, or remove the file and run 'bugspark apply'",
			"the credential secret-key has %d characters, and %d are needed", len(secret), shortestSecretKey)
	}
	store, err := p.Store(ctx, API)
	if err != nil {
		return err
	}
	defer store.Close()
	objects, err := p.Objects()
	if err != nil {
		return err
	}
	script, err := p.widget()
	if err != nil {
		return err
	}
	api := httpapi.New(httpapi.Options{
		Store: store, Objects: objects, PublicURL: p.Config.Server.PublicURL(), Secret: []byte(secret),
		Limits: p.Config.Limits, Accounts: p.Config.Accounts, Widget: script, Now: time.Now, Log: p.Log,
		// The unit has a /var/tmp of its own; /tmp may be memory.
		Room: p.room(), SpoolDir: "/var/tmp",
	})
	service := lifecycle.Service{
		Server: &http.Server{
			Handler:           api,
			ReadHeaderTimeout: 10 * time.Second,
			// No ReadTimeout: a large picture on a slow line takes its time. The proxy cuts
			// off what makes no progress.
			IdleTimeout:    5 * time.Minute,
			MaxHeaderBytes: 64 << 10,
			ErrorLog:       slog.NewLogLogger(p.Log.Handler(), slog.LevelWarn),
		},
		Listeners: sockets,
		Start:     func(ctx context.Context) error { return apiReady(ctx, store, objects) },
		Check:     store.Ping,
		Log:       p.Log,
	}
	cleaner := cleanup.Cleaner{Unreferenced: store, Objects: objects, Now: time.Now, Log: p.Log}
	var cleaning sync.WaitGroup
	background, stop := context.WithCancel(ctx)
	cleaning.Go(func() { cleaner.Run(background) })
	defer cleaning.Wait()
	defer stop()
	return service.Run(ctx)
}

// apiReady proves everything the API needs: a database that answers with the
// schema it knows, and a bucket.
func apiReady(ctx context.Context, store *postgres.Store, objects objectstore.Store) error {
	if err := store.Ping(ctx); err != nil {
		return err
	}
	if err := store.Schema().Validate(ctx); err != nil {
		return err
	}
	return objects.Prepare(ctx)
}
