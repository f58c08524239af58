package cli

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/lifecycle"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/objectstore/s3"
	"github.com/bugspark/bugspark/internal/tracker/cleanup"
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

var _ cleanup.UnreferencedObjects = (*postgres.Store)(nil)

func newAPI(env Env) *cobra.Command {
	return &cobra.Command{
		Use:    "api",
		Short:  "Answer the widget, the dashboard and scripts (a role of the service manager)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return runAPI(cmd.Context(), env) },
	}
}

func runAPI(ctx context.Context, env Env) error {
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
	ln, err := inherited.One("api")
	if err != nil {
		return err
	}
	secret, err := config.ReadCredential(env.Lookup, dirs, "secret-key")
	if err != nil {
		return err
	}
	if len(secret) < 32 {
		return fault.New(fault.Failed, "restore it from a backup, or remove the file and run 'bugspark apply'",
			"the credential secret-key has %d characters, and 32 are needed", len(secret))
	}
	store, err := openStore(ctx, env, cfg, dirs, apiRole, log)
	if err != nil {
		return err
	}
	defer store.Close()
	objects, err := openObjects(env, cfg, dirs)
	if err != nil {
		return err
	}
	api := httpapi.New(httpapi.Options{
		Store: store, Objects: objects, PublicURL: cfg.Server.PublicURL(), Secret: []byte(secret),
		Limits: cfg.Limits, Accounts: cfg.Accounts, Now: time.Now, Log: log,
	})
	service := lifecycle.Service{
		Server: &http.Server{
			Handler:           api,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       2 * time.Minute,
			IdleTimeout:       5 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
		Listeners: []net.Listener{ln},
		Start:     func(ctx context.Context) error { return ready(ctx, store, objects) },
		Check:     store.Ping,
		Log:       log,
	}
	cleaner := cleanup.Cleaner{Unreferenced: store, Objects: objects, Now: time.Now, Log: log}
	var cleaning sync.WaitGroup
	background, stop := context.WithCancel(ctx)
	cleaning.Go(func() { cleaner.Run(background) })
	defer cleaning.Wait()
	defer stop()
	return service.Run(ctx)
}

// ready proves everything the API will need: the schema it knows, and a bucket.
func ready(ctx context.Context, store *postgres.Store, objects objectstore.Store) error {
	if err := store.Ping(ctx); err != nil {
		return err
	}
	if err := store.Schema().Validate(ctx); err != nil {
		return err
	}
	return objects.Prepare(ctx)
}

// openObjects is where pictures live.
func openObjects(env Env, cfg config.Config, dirs config.Dirs) (objectstore.Store, error) {
	if cfg.Storage.Engine == "filesystem" {
		return filesystem.New(filepath.Join(dirs.State, "pictures"))
	}
	o := s3.Options{Bucket: cfg.Storage.Bucket}
	var err error
	if o.AccessKey, err = config.ReadCredential(env.Lookup, dirs, "storage-access-key"); err != nil {
		return nil, err
	}
	if o.SecretKey, err = config.ReadCredential(env.Lookup, dirs, "storage-secret-key"); err != nil {
		return nil, err
	}
	if cfg.Storage.Engine == "minio" {
		o.UnixSocket = dirs.Socket("storage")
	} else {
		o.Endpoint, o.Region = cfg.Storage.Endpoint, cfg.Storage.Region
	}
	return s3.New(o)
}
