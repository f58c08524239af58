package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/fault"
)

// Scratch is a server of its own on a restored data directory: nothing but its
// own account reaches it, and nothing it does leaves the directory.
type Scratch struct {
	Server  Server
	DataDir string
	Dir     string              // an existing directory for its socket, settings and log
	Account *syscall.Credential // nil: the account of this process
	Durable bool                // what it writes must survive a power cut
	Origin  Origin              // of a copy of a customer's server; see ExtractProduct
	// Patience is how long a statement of ours may take; zero: half an hour.
	Patience time.Duration

	// Disarmed is what a copy had that would have run by itself, and was switched off.
	Disarmed []string

	process *os.Process
	exited  chan error
}

// RecoveryTarget is where recovery ends.
type RecoveryTarget struct {
	Time      time.Time // zero: as Immediate says
	Immediate bool      // as soon as the copy is consistent; otherwise at the end of the WAL
	// Timeline is the one to follow; zero is the copy's own.
	Timeline uint32
	// Command is the restore_command, with %f and %p. Recovery ends on a new timeline
	// after those whose histories it gives, so there is one even if no WAL is wanted.
	Command string
}

// ServerOf finds an installed server of a major version.
func (c *Cluster) ServerOf(ctx context.Context, major int) (Server, error) {
	servers, err := c.Servers(ctx)
	if err != nil {
		return Server{}, err
	}
	for _, s := range servers {
		if s.Major == major {
			return s, nil
		}
	}
	return Server{}, fault.New(fault.Preflight, c.install(major), "PostgreSQL %d is needed, and is not installed (found: %s)", major, majors(servers))
}

// ServerAtLeast finds the newest installed server that can load a logical copy of a
// major version.
func (c *Cluster) ServerAtLeast(ctx context.Context, major int) (Server, error) {
	servers, err := c.Servers(ctx)
	if err != nil {
		return Server{}, err
	}
	if len(servers) == 0 || servers[0].Major < major {
		return Server{}, fault.New(fault.Preflight, c.install(major), "the set is of PostgreSQL %d, and no server of that version or a newer one is installed (found: %s)", major, majors(servers))
	}
	return servers[0], nil
}

// RunningServer finds the programs for the cluster that runs.
func (c *Cluster) RunningServer(ctx context.Context) (Server, error) {
	return c.Upstream().running(ctx)
}

// Verify compares every file of the copy with its manifest.
func (s *Scratch) Verify(ctx context.Context) error {
	cmd := s.command(ctx, "pg_verifybackup", "--quiet", s.DataDir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("pg_verifybackup: %w: %s", err, lastLines(out))
	}
	return nil
}

// Check looks through every table and index of our database in the running copy.
func (s *Scratch) Check(ctx context.Context) error {
	what := []string{"--username=" + Superuser, "--heapallindexed", Database}
	if s.Origin.Database != "" {
		// Its indexes follow the collations of the customer's system, which this one
		// may not have; they are made anew on the way back, its tables are not.
		what = []string{"--username=" + s.Origin.Superuser, "--no-dependent-indexes", "--table=" + quotedPattern(s.Origin.Namespace) + ".*", s.origin()}
	}
	out, err := s.command(ctx, "pg_amcheck", append(what, "--host="+s.Dir, "--install-missing", "--no-password")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pg_amcheck: %w: %s", err, lastLines(out))
	}
	return nil
}

func (s *Scratch) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Server.program(name), args...)
	cmd.Env, cmd.Dir = []string{"LC_ALL=C.UTF-8", "TZ=UTC", "PATH=" + os.Getenv("PATH"), s.pgoptions()}, "/"
	// Without a terminal, into which code of the copy could type.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.Account, Pdeathsig: syscall.SIGQUIT, Setsid: true}
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// DSN connects as superuser.
func (s *Scratch) DSN(database string) string { return s.dsn(Superuser, database) }

// OwnerDSN connects to our database as its owner, who has no other rights.
func (s *Scratch) OwnerDSN() string { return s.dsn(Owner, Database) }

func (s *Scratch) dsn(role, database string) string {
	options := s.limits()
	if role != Owner { // who may not set them
		options = append(s.calm(), options...)
	}
	values := url.Values{"host": {s.Dir}, "sslmode": {"disable"}, "options": {options.options()}}
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: strings.ReplaceAll(values.Encode(), "+", "%20")} // libpq takes a plus for itself
	return u.String()
}

// Start recovers the copy up to the target, if there is one, and returns when
// the server answers.
func (s *Scratch) Start(ctx context.Context, target *RecoveryTarget) error {
	if err := s.configure(target); err != nil {
		return err
	}
	// Settings that name paths or load code are on the command line, where no file of
	// the copy overrides them.
	args := []string{"-D", s.DataDir, "-c", "config_file=" + s.file("postgresql.conf"), "-c", "hba_file=" + s.file("pg_hba.conf"), "-c", "ident_file=" + s.file("pg_ident.conf"),
		"-c", "unix_socket_directories=" + s.Dir}
	cmd := s.command(context.WithoutCancel(ctx), "postgres", append(args, s.forced().arguments()...)...)
	log, err := s.create(s.file("log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	started := make(chan error)
	s.exited = make(chan error, 1)
	go func() {
		// Pdeathsig comes when the thread that started the process ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			s.exited <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting the scratch server: %w", err)
	}
	s.process = cmd.Process
	err = s.answers(ctx)
	if err == nil && !s.Durable {
		err = s.disarm(ctx)
	}
	if err != nil {
		return errors.Join(err, s.Stop())
	}
	return nil
}

func (s *Scratch) file(name string) string { return filepath.Join(s.Dir, name) }

func (s *Scratch) configure(target *RecoveryTarget) error {
	settings := settings{
		{"shared_buffers", "64MB", ""}, {"max_connections", "20", ""}, {"wal_level", "replica", ""}, {"max_prepared_transactions", "100", ""}, {"max_wal_size", "1GB", ""},
		{"fsync", map[bool]string{true: "on", false: "off"}[s.Durable], ""}, {"jit", "off", ""}, {"timezone", "UTC", ""}, {"log_timezone", "UTC", ""},
		{"autovacuum", "off", "it is read, or stopped soon"}, {"lc_messages", "C.UTF-8", ""}, {"log_line_prefix", logPrefix, ""},
	}
	if target != nil {
		timeline := "current"
		if target.Timeline != 0 {
			timeline = strconv.FormatUint(uint64(target.Timeline), 10)
		}
		settings = append(settings, setting{"restore_command", target.Command, ""}, setting{"recovery_target_timeline", timeline, ""}, setting{"recovery_target_action", "promote", ""})
		switch {
		case !target.Time.IsZero():
			settings = append(settings, setting{"recovery_target_time", target.Time.UTC().Format("2006-01-02 15:04:05.999999+00"), ""})
		case target.Immediate:
			settings = append(settings, setting{"recovery_target", "immediate", ""})
		}
	}
	files := map[string]string{
		s.file("postgresql.conf"): settings.String(),
		// The directory is its account's alone.
		s.file("pg_hba.conf"): "local all all trust\n", s.file("pg_ident.conf"): "",
	}
	if err := s.setAsideAuto(); err != nil {
		return fmt.Errorf("configuring the scratch server: %w", err)
	}
	if target != nil {
		files[filepath.Join(s.DataDir, "recovery.signal")] = ""
	}
	for path, content := range files {
		f, err := s.create(path)
		if err == nil {
			_, err = f.WriteString(content)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return fmt.Errorf("configuring the scratch server: %w", err)
		}
	}
	return nil
}

// create makes a new file for the server in the place of an old one. The directory
// is the account's, which may have put a link there, so that root follows none.
func (s *Scratch) create(path string) (*os.File, error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name := filepath.Base(path)
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil || s.Account == nil {
		return f, err
	}
	if err := f.Chown(int(s.Account.Uid), int(s.Account.Gid)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// answers waits for the end of recovery, however long it takes.
func (s *Scratch) answers(ctx context.Context) error {
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		conn, err := pgx.Connect(try, s.first())
		cancel()
		if err == nil {
			return conn.Close(context.WithoutCancel(ctx))
		}
		if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && !starting(err) {
			return fmt.Errorf("the scratch server refuses to work: %w", err) // as for a locale that is not here
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ended := <-s.exited:
			s.process = nil
			return s.ended(ended)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// leaving is how long a server whose data is thrown away may take to end.
const leaving = 15 * time.Second

// Stop shuts the server down.
func (s *Scratch) Stop() error {
	if s.process == nil {
		return nil
	}
	signal := syscall.SIGINT
	if !s.Durable {
		signal = syscall.SIGQUIT // its data is thrown away
	}
	_ = s.process.Signal(signal) // it may have ended
	var late <-chan time.Time
	if !s.Durable {
		late = time.After(leaving)
	}
	var err error
	select {
	case err = <-s.exited:
	case <-late: // what was restored may have stopped it
		_ = s.process.Kill()
		err = <-s.exited
	}
	s.process = nil
	if !s.Durable {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stopping the scratch server: %w: %s", err, s.lastWords())
	}
	return s.putBackAuto()
}
