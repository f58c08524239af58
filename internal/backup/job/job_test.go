package job_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/ssh"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

func execute(t *testing.T, host, database string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), "host="+host+" user=postgres dbname="+database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// newJobs is an installation on a real server, with a directory for a target.
func newJobs(t *testing.T) *job.Jobs {
	t.Helper()
	dir := targettest.Directory(t)
	db := postgrestest.StartServer(t).Database()
	execute(t, db.Host, "postgres", "CREATE ROLE bugspark_backup LOGIN REPLICATION", "GRANT pg_read_all_data TO bugspark_backup", "CREATE DATABASE bugspark TEMPLATE "+db.Name)
	execute(t, db.Host, "bugspark", "ALTER SCHEMA public RENAME TO bugspark", "ALTER DATABASE bugspark SET search_path = bugspark")
	objects, err := filesystem.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := objects.Put(t.Context(), "p/1.png", "image/png", strings.NewReader("picture"), 7); err != nil {
		t.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := config.Dirs{Config: t.TempDir(), State: t.TempDir()}
	for name, text := range map[string]string{
		d.File(): "server:\n  name: bugs.example.org\n", d.CredentialFile("backup-key"): "the key\n", d.CredentialFile("archive-identity"): identity.String(),
		d.CredentialFile("secret-key"): strings.Repeat("s", 64), d.CredentialFile(writer.Credential): hex.EncodeToString(key.Seed()),
		writer.File(d): string(writer.Keys{Writers: []ed25519.PublicKey{public}}.Format()),
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	lookup := func(string) (string, bool) { return "", false }
	cfg, err := config.Load(d, lookup)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Backup.Target = dir
	cluster := pgcluster.New(pgcluster.Options{StateDir: db.Host, SocketDir: db.Host, Root: os.DirFS("/"), Lookup: os.LookupEnv, Run: pgcluster.Exec, Log: slog.New(slog.DiscardHandler)})
	return &job.Jobs{
		Dirs: d, Config: cfg, Lookup: lookup, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "test", Product: postgres.Inventory{},
		Objects:  func() (objectstore.Store, error) { return objects, nil },
		Cluster:  func() (*pgcluster.Cluster, error) { return cluster, nil },
		Programs: cluster,
		Account:  func() (*syscall.Credential, error) { return nil, nil },
		StepDown: func() error { return nil },
	}
}

func silent(backup.Progress) {}

// TestSetsAndPrunesTakeTurns tells what is waited for, and goes on when the other one has
// ended; Ctrl-C ends the wait.
func TestSetsAndPrunesTakeTurns(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	if _, err := j.Create(t.Context(), job.CreateOptions{Claim: true}, silent); err != nil {
		t.Fatal(err)
	}
	t.Run("a set", func(t *testing.T) {
		takesTurns(t, j, func(ctx context.Context, waiting func(string)) error {
			_, err := j.Create(ctx, job.CreateOptions{Waiting: waiting}, silent)
			return err
		})
	})
	t.Run("a prune", func(t *testing.T) {
		takesTurns(t, j, func(ctx context.Context, waiting func(string)) error {
			_, err := j.Prune(ctx, job.PruneOptions{Waiting: waiting})
			return err
		})
	})
}

func takesTurns(t *testing.T, j *job.Jobs, run func(ctx context.Context, waiting func(what string)) error) {
	for rule, goOn := range map[string]bool{"the other ends": true, "somebody gives up": false} {
		unlock, err := j.Lock(t.Context(), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		told, ended := make(chan string, 1), make(chan error, 1)
		go func() {
			ended <- run(ctx, func(what string) { told <- what })
		}()
		select {
		case err := <-ended:
			t.Fatalf("%s: it did not wait: %v", rule, err)
		case <-told:
		}
		if goOn {
			unlock()
			err = <-ended
		} else {
			cancel()
			err = <-ended
			unlock()
		}
		if goOn && err != nil || !goOn && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", rule, err)
		}
		cancel()
	}
}

// TestASetAnswersTheRequestFromBeforeIt makes two requests, the second while the set
// of the first is taken.
func TestASetAnswersTheRequestFromBeforeIt(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	ask := func() string {
		t.Helper()
		if err := history.RequestSet(j.Dirs, "why"); err != nil {
			t.Fatal(err)
		}
		id, err := history.Requested(j.Dirs)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	answered := func() string {
		t.Helper()
		h, err := history.Read(j.Dirs)
		if err != nil {
			t.Fatal(err)
		}
		return h.Set.Answers
	}
	if err := os.MkdirAll(history.File(j.Dirs, ""), 0o755); err != nil {
		t.Fatal(err)
	}
	first, second := ask(), ""
	_, err := j.Create(t.Context(), job.CreateOptions{Claim: true}, func(backup.Progress) {
		if second == "" {
			second = ask()
		}
	})
	if err != nil || answered() != first {
		t.Errorf("the first set answers %s instead of %s: %v", answered(), first, err)
	}
	if _, err := j.Create(t.Context(), job.CreateOptions{}, silent); err != nil || answered() != second {
		t.Errorf("the second set answers %s instead of %s: %v", answered(), second, err)
	}
	// What was put in force while a set waited for its turn may ask for another kind of set.
	third := ask()
	changed := j.Config
	changed.Backup.Stream = !changed.Backup.Stream
	j.InForce = func() (config.Config, error) { return changed, nil }
	if _, err := j.Create(t.Context(), job.CreateOptions{}, silent); err != nil || answered() != "" {
		t.Errorf("a set of another configuration answers %s: %v", answered(), err)
	}
	j.Config = changed
	if _, err := j.Create(t.Context(), job.CreateOptions{}, silent); err != nil || answered() != third {
		t.Errorf("and the set after it %s instead of %s: %v", answered(), third, err)
	}
}

func TestTheLifeOfASet(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	if _, err := j.Create(ctx, job.CreateOptions{}, silent); !errors.Is(err, target.ErrAway) {
		t.Fatalf("a target that nobody has claimed: %v", err)
	}
	first, err := j.Create(ctx, job.CreateOptions{Claim: true}, silent)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Document.Logical || first.Document.Objects.Count != 1 || first.Document.Version != "test" {
		t.Errorf("%+v", first.Document)
	}
	h, err := history.Read(j.Dirs)
	if err != nil || h.Set.ID != first.ID || h.Set.Start != first.Document.Database.Start || h.Set.Start == "" {
		t.Errorf("remembered %+v, %v", h.Set, err)
	}
	second, err := j.Create(ctx, job.CreateOptions{}, silent)
	if err != nil || second.Document.Logical {
		t.Errorf("a logical copy on the same day: %v, %v", second.Document.Logical, err)
	}
	sets, err := j.List(ctx, false)
	if err != nil || len(sets) != 2 || sets[0].ID != second.ID || sets[1].ID != first.ID {
		t.Errorf("%+v, %v", sets, err)
	}
	if d, err := j.Show(ctx, first.ID); err != nil || d.Host != first.Document.Host {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := j.Show(ctx, "no-such-set"); !errors.Is(err, repository.ErrNoSet) {
		t.Errorf("%v", err)
	}
	if _, err := j.List(ctx, true); err == nil || !strings.Contains(err.Error(), "no second backup target") {
		t.Errorf("%v", err)
	}
	verify(t, j)
	prune(t, j)
	copyTarget(t, j)
}

func verify(t *testing.T, j *job.Jobs) {
	v, err := j.Verify(t.Context(), job.VerifyOptions{Percent: 100})
	if err != nil || v.Err() != nil || len(v.Verdicts) != 2 || v.Verdicts[0].Bytes == 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	h, err := history.Read(j.Dirs)
	if err != nil || h.Verify.Full.IsZero() {
		t.Errorf("remembered %+v, %v", h.Verify, err)
	}
	full := h.Verify.Full
	if _, err := j.Verify(t.Context(), job.VerifyOptions{Percent: 100, Sets: []string{v.Verdicts[0].ID}}); err != nil {
		t.Fatal(err)
	}
	if h, err = history.Read(j.Dirs); err != nil || !h.Verify.Full.Equal(full) {
		t.Errorf("one set of two counts as all: %+v, %v", h.Verify, err)
	}
	// A file of the largest pieces is damaged in its middle.
	packs, err := filepath.Glob(filepath.Join(j.Config.Backup.Target, "sets", "p", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("no pack is found to be damaged: %v", err)
	}
	for _, pack := range packs {
		data, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(data)
		damaged[len(damaged)/2] ^= 0xff
		if err := os.WriteFile(pack, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.WriteFile(pack, data, 0o600); err != nil {
				t.Error(err)
			}
		}()
	}
	v, err = j.Verify(t.Context(), job.VerifyOptions{Percent: 100})
	if err != nil || v.Err() == nil || len(v.Damaged) == 0 {
		t.Fatalf("damaged packs: %+v, %v", v, err)
	}
	if h, err = history.Read(j.Dirs); err != nil || len(h.Verify.Damaged) == 0 {
		t.Errorf("remembered %+v, %v", h.Verify, err)
	}
}

func prune(t *testing.T, j *job.Jobs) {
	out, err := j.Prune(t.Context(), job.PruneOptions{DryRun: true})
	if err != nil || len(out.Sets) != 2 || len(out.Going) != 0 || !out.Decided || len(out.Moments) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if err := history.Write(j.Dirs, history.DrillFile, backup.DrillReport{At: time.Now(), Failures: []string{"why"}}); err != nil {
		t.Fatal(err)
	}
	out, err = j.Prune(t.Context(), job.PruneOptions{})
	if err == nil || !strings.Contains(err.Error(), "drill") || len(out.Sets) != 2 || out.Decided {
		t.Errorf("after a failed drill: %+v, %v", out, err)
	}
	if err := os.Remove(history.File(j.Dirs, history.DrillFile)); err != nil {
		t.Fatal(err)
	}
	if out, err = j.Prune(t.Context(), job.PruneOptions{}); err != nil || !out.Decided {
		t.Errorf("%+v, %v", out, err)
	}
}

func copyTarget(t *testing.T, j *job.Jobs) {
	if _, err := j.Copy(t.Context(), job.CopyOptions{}, silent); err == nil || !strings.Contains(err.Error(), "no second backup target") {
		t.Errorf("%v", err)
	}
	j.Config.Backup.Copy.Target = targettest.Directory(t)
	e, err := target.EndpointOf(j.Lookup, j.Dirs, j.Config.Backup, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Claim(t.Context(), e, false); err != nil {
		t.Fatal(err)
	}
	if out, err := j.Copy(t.Context(), job.CopyOptions{DryRun: true}, silent); err != nil || out.Copied == 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if sets, err := j.List(t.Context(), true); err == nil {
		t.Errorf("after a dry run the copy has %+v", sets)
	}
	out, err := j.Copy(t.Context(), job.CopyOptions{}, silent)
	if err != nil || out.Copied == 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if text, err := json.Marshal(out); err != nil || strings.Contains(string(text), "Seconds") || !strings.Contains(string(text), `"copied_files":`) {
		t.Errorf("%s, %v", text, err)
	}
	if sets, err := j.List(t.Context(), true); err != nil || len(sets) != 2 {
		t.Errorf("%+v, %v", sets, err)
	}
	h, err := history.Read(j.Dirs)
	if err != nil || h.Copy.At.IsZero() || h.Copy.Copied != out.Copied {
		t.Errorf("remembered %+v, %v", h.Copy, err)
	}
}

// The kit is enough on a machine that knows nothing.
func TestAKitOpensATarget(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	if _, err := j.Create(ctx, job.CreateOptions{Claim: true}, silent); err != nil {
		t.Fatal(err)
	}
	k, err := kit.Own(j.Lookup, j.Dirs, j.Config)
	if err != nil {
		t.Fatal(err)
	}
	stranger := *j
	stranger.Dirs = config.Dirs{Config: t.TempDir(), State: t.TempDir()}
	stranger.Config.Backup = config.Backup{}
	if _, err := stranger.Open(ctx, job.OpenOptions{Beside: true, Target: k.First.Target}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a key: %v", err)
	}
	s, err := stranger.Open(ctx, job.OpenOptions{KeepRoot: true, Kit: &k})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if sets, err := s.List(ctx); err != nil || len(sets) != 1 {
		t.Errorf("%+v, %v", sets, err)
	}
	if _, err := s.Archive(ctx); err != nil {
		t.Error(err)
	}
	if _, err := stranger.Open(ctx, job.OpenOptions{Kit: &k}); err == nil || !strings.Contains(err.Error(), "under way") {
		t.Errorf("a second session beside one that may write: %v", err)
	}
	reader, err := stranger.Open(ctx, job.OpenOptions{Kit: &k, Beside: true})
	if err != nil {
		t.Fatalf("a session that only reads: %v", err)
	}
	reader.Close()
	wrong := k
	wrong.BackupKey = "another key"
	if _, err := stranger.Open(ctx, job.OpenOptions{Kit: &wrong, Beside: true}); !errors.Is(err, repository.ErrKey) {
		t.Errorf("another key: %v", err)
	}
}

func TestADrillThatCannotBeginIsAFailedDrill(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	r, err := j.Drill(ctx, job.DrillOptions{}, silent)
	if err != nil || r.Passed || r.Err() == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	h, err := history.Read(j.Dirs)
	if err != nil || h.Drill.At.IsZero() || h.Drill.Passed {
		t.Errorf("remembered %+v, %v", h.Drill, err)
	}
	if _, err := os.Stat(history.File(j.Dirs, "scratch")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the scratch directory stays: %v", err)
	}
	reports, err := filepath.Glob(history.File(j.Dirs, "drills/*.json"))
	if err != nil || len(reports) != 1 {
		t.Fatalf("%v, %v", reports, err)
	}
	if got, err := j.CheckSignature(reports[0]); err != nil || got.Text() != r.Text() {
		t.Errorf("%v", err)
	}
	data, err := os.ReadFile(reports[0])
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(data, []byte(`"passed": false`), []byte(`"passed": true`), 1)
	if err := os.WriteFile(reports[0], forged, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := j.CheckSignature(reports[0]); err == nil || !strings.Contains(err.Error(), "has signed") {
		t.Errorf("a forged report: %v", err)
	}
	if _, err := j.CheckSignature(j.Dirs.File()); err == nil || !strings.Contains(err.Error(), "reading the report") {
		t.Errorf("no report: %v", err)
	}
	s, err := j.Check()
	if err != nil || s.Kit != string(kit.Unconfirmed) || s.Problems[len(s.Problems)-1].Key != health.DrillFailed {
		t.Errorf("%+v, %v", s, err)
	}
	if err := kit.MarkConfirmed(j.Dirs, kit.Kit{BackupKey: "another key"}); err != nil {
		t.Fatal(err)
	}
	if s, err = j.Check(); err != nil || s.Problems[len(s.Problems)-1].Key != health.KitOutdated {
		t.Errorf("a kit of other keys: %+v, %v", s, err)
	}
}

func TestAnSSHKeyIsMadeOnce(t *testing.T) {
	j := &job.Jobs{Dirs: config.Dirs{Config: t.TempDir()}}
	first, err := j.SSHKey(false)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(first)); err != nil {
		t.Errorf("%q: %v", first, err)
	}
	if again, err := j.SSHKey(false); err != nil || again != first {
		t.Errorf("%q, %v", again, err)
	}
	if other, err := j.SSHKey(true); err != nil || other == first {
		t.Errorf("the copy has the same key: %v", err)
	}
	path := j.Dirs.CredentialFile("backup-ssh-key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if line, err := j.SSHKey(false); err == nil {
		t.Errorf("a damaged key is replaced by %q, and the server would refuse it", line)
	}
}
