package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/foreground"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/unit"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

type upOptions struct {
	dir         string
	http, https int
	json        bool
}

func newUp(env Env) *cobra.Command {
	var o upOptions
	c := &cobra.Command{
		Use:   "up --dir DIR",
		Short: "Run the whole stack in the foreground, to try it",
		Long: `Up runs database, API, dashboard and proxy as children of this program, with all
data below DIR. It needs no systemd and changes nothing else on the machine;
Ctrl-C stops everything, and the next run with the same DIR goes on where it
stopped. Pictures are kept in a directory instead of MinIO.

It is for evaluation and development: nothing is sandboxed. A server that holds
anybody's data is made by 'bugspark setup'.`,
		Example: `  bugspark up --dir /var/tmp/bugspark
  bugspark up --dir ~/bugspark --https-port 9443 --http-port 9080`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runUp(cmd.Context(), env, o) },
	}
	c.Flags().StringVar(&o.dir, "dir", "", "`directory` for configuration, secrets and data")
	c.Flags().IntVar(&o.https, "https-port", 8443, "port for everything")
	c.Flags().IntVar(&o.http, "http-port", 8080, "port that redirects to HTTPS")
	c.Flags().BoolVar(&o.json, "json", false, "print the address and the one-time password as one line of JSON, the log to standard error")
	return c
}

func runUp(ctx context.Context, env Env, o upOptions) error {
	if o.dir == "" {
		return fault.New(fault.Usage, "bugspark up --dir /var/tmp/bugspark", "--dir is missing")
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	dirs := config.Dirs{Config: filepath.Join(dir, "etc"), State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run")}
	cfg, err := upConfig(env, dirs, o)
	if err != nil {
		return err
	}
	site := newSite(env, dirs, cfg)
	if err := site.ApplyFiles(ctx); err != nil {
		return err
	}
	// A second run in the same directory would take the first one's sockets.
	unlock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer unlock()
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		return err
	}
	account, err := databaseAccount()
	if err != nil {
		return err
	}
	logTo := env.Stdout
	if o.json {
		logTo = env.Stderr
	}
	return foreground.Run(ctx, foreground.Options{
		Set:     set,
		Dirs:    dirs,
		Binary:  "/proc/self/exe", // reachable for every account, wherever the binary lies
		Listen:  map[string]string{"http": fmt.Sprint(o.http), "https": fmt.Sprint(o.https)},
		Account: account,
		Env: append(os.Environ(),
			fmt.Sprintf("BUGSPARK_SERVER_HTTP_PORT=%d", o.http), fmt.Sprintf("BUGSPARK_SERVER_HTTPS_PORT=%d", o.https)),
		Out:   logTo,
		Color: isTerminal(logTo),
		Ready: func(ctx context.Context) error { return announce(ctx, env, site, o) },
	})
}

// upConfig writes the configuration of the first run; a later one is the
// user's, but for the ports, which the command line says.
func upConfig(env Env, dirs config.Dirs, o upOptions) (config.Config, error) {
	existing, err := setup.Existing(dirs)
	if err != nil {
		return config.Config{}, err
	}
	if existing == nil {
		existing = []byte("server:\n  name: localhost\nstorage:\n  engine: filesystem\n")
	}
	ports := func(name string) (string, bool) {
		switch name {
		case "BUGSPARK_SERVER_HTTP_PORT":
			return strconv.Itoa(o.http), true
		case "BUGSPARK_SERVER_HTTPS_PORT":
			return strconv.Itoa(o.https), true
		}
		return env.Lookup(name)
	}
	data, cfg, err := setup.CompleteConfig(dirs.File(), existing, ports)
	if err != nil {
		return cfg, err
	}
	if _, err := os.Stat(dirs.File()); errors.Is(err, os.ErrNotExist) {
		return cfg, setup.WriteConfig(dirs, data)
	}
	return cfg, nil
}

// announce makes the first administrator and says where everything is.
func announce(ctx context.Context, env Env, site *setup.Site, o upOptions) error {
	if err := waitHealthy(ctx, site); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	lookup := func(name string) (string, bool) {
		if name == "CREDENTIALS_DIRECTORY" {
			return "", false
		}
		return env.Lookup(name)
	}
	inside := env
	inside.Lookup = lookup
	password, err := ensureAdministrator(ctx, inside, site.Dirs, site.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	r := setupResult{URL: site.Config.Server.PublicURL(), CA: site.RootCertificate(), AdminEmail: site.Config.Accounts.AdminEmail, OneTimePassword: password}
	if o.json {
		return json.NewEncoder(env.Stdout).Encode(r)
	}
	fmt.Fprintf(env.Stdout, "\n  BugSpark runs at   %s\n  its CA             %s\n  first account      %s\n", r.URL, r.CA, r.AdminEmail)
	if password != "" {
		fmt.Fprintf(env.Stdout, "  one-time password  %s\n", password)
	} else {
		fmt.Fprintf(env.Stdout, "  its password       as you changed it\n")
	}
	_, err = fmt.Fprintf(env.Stdout, "  data               %s\n\n  Ctrl-C stops everything.\n\n", filepath.Dir(site.Dirs.State))
	return err
}

// databaseAccount is who PostgreSQL runs as: ourselves, or, since it refuses to
// run as root, the distribution's postgres account or nobody.
func databaseAccount() (*foreground.Account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &foreground.Account{Name: name, UID: uint32(uid), GID: uint32(gid)}, nil
	}
	return nil, fault.New(fault.Preflight, "useradd --system postgres", "PostgreSQL does not run as root, and there is neither an account postgres nor nobody")
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
