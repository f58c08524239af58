package assembly

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/foreground"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/unit"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

// Foreground is the whole stack as children of this process, with everything
// below one directory.
type Foreground struct {
	Env
	Dir         string
	HTTP, HTTPS int       // ports
	Out         io.Writer // for the children's log
	Color       bool
	// Ready is told when everybody is served. password is the first
	// administrator's, empty once it was changed.
	Ready func(p *Parts, root, password string) error
}

// Run runs the stack until ctx ends.
func (f Foreground) Run(ctx context.Context) error {
	// Without Backups: what is tried in the foreground is not backed up.
	dirs := config.Dirs{Config: filepath.Join(f.Dir, "etc"), State: filepath.Join(f.Dir, "state"), Run: filepath.Join(f.Dir, "run")}
	cfg, err := f.config(dirs)
	if err != nil {
		return err
	}
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		return err
	}
	p := With(f.Env, dirs, cfg)
	site := p.Site(set)
	if err := site.ApplyFiles(ctx); err != nil {
		return err
	}
	// A second run in the same directory would take the first one's sockets.
	unlock, err := durable.TryLock(filepath.Join(f.Dir, "lock"))
	if errors.Is(err, durable.ErrLocked) {
		return fault.New(fault.Preflight, "stop the other one, or choose another --dir", "another bugspark works on %s", f.Dir)
	}
	if err != nil {
		return err
	}
	defer unlock()
	database, err := foreground.DatabaseAccount()
	if err != nil {
		return err
	}
	return foreground.Run(ctx, foreground.Options{
		Set:     set,
		Dirs:    dirs,
		Binary:  "/proc/self/exe", // reachable for every account, wherever the binary lies
		Listen:  map[string]string{"http": strconv.Itoa(f.HTTP), "https": strconv.Itoa(f.HTTPS)},
		Account: database,
		Env: append(os.Environ(),
			fmt.Sprintf("BUGSPARK_SERVER_HTTP_PORT=%d", f.HTTP), fmt.Sprintf("BUGSPARK_SERVER_HTTPS_PORT=%d", f.HTTPS)),
		Out:   f.Out,
		Color: f.Color,
		Ready: func(ctx context.Context) error { return f.ready(ctx, p, site) },
	})
}

// config writes the configuration of the first run. A later one is the user's,
// but for the ports, which the command line says.
func (f Foreground) config(dirs config.Dirs) (config.Config, error) {
	existing, err := setup.Existing(dirs)
	if err != nil {
		return config.Config{}, err
	}
	given := existing
	if given == nil {
		given = []byte("server:\n  name: localhost\nstorage:\n  engine: filesystem\n")
	}
	data, cfg, err := setup.CompleteConfig(dirs.File(), given, f.withPorts)
	if err != nil || existing != nil {
		return cfg, err
	}
	return cfg, setup.WriteConfig(dirs, data)
}

func (f Foreground) withPorts(name string) (string, bool) {
	switch name {
	case "BUGSPARK_SERVER_HTTP_PORT":
		return strconv.Itoa(f.HTTP), true
	case "BUGSPARK_SERVER_HTTPS_PORT":
		return strconv.Itoa(f.HTTPS), true
	}
	return f.Lookup(name)
}

// ready makes the first administrator and tells where everything is.
func (f Foreground) ready(ctx context.Context, p *Parts, site *setup.Site) error {
	if err := p.Endpoint(site).Wait(ctx); err != nil {
		return err
	}
	// The secrets are below the directory, even where systemd has handed this
	// process others.
	own := *p
	own.Lookup = func(name string) (string, bool) {
		if name == "CREDENTIALS_DIRECTORY" {
			return "", false
		}
		return p.Lookup(name)
	}
	password, err := own.FirstAdministrator(ctx)
	if err != nil {
		return err
	}
	return f.Ready(p, site.RootCertificate(), password)
}
