package job_test

import (
	"context"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// newReader is a machine with keys, and nothing else of an installation.
func newReader(t *testing.T) *job.Jobs {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	d := config.Dirs{Config: t.TempDir(), State: t.TempDir()}
	j := &job.Jobs{
		Dirs: d, Lookup: func(string) (string, bool) { return "", false }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Account: func() (*syscall.Credential, error) { return nil, nil }, StepDown: func() error { return nil },
	}
	for name, text := range map[string]string{"backup-key": "the key", "archive-identity": identity.String(), "secret-key": strings.Repeat("s", 64)} {
		credential(t, j, name, text)
	}
	return j
}

func credential(t *testing.T, j *job.Jobs, name, text string) {
	t.Helper()
	file := j.Dirs.CredentialFile(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readers are the jobs that only read a target.
func readers(j *job.Jobs) map[string]func(context.Context) error {
	open := func(o job.OpenOptions) func(context.Context) error {
		return func(ctx context.Context) error {
			s, err := j.Open(ctx, o)
			if err == nil {
				s.Close()
			}
			return err
		}
	}
	return map[string]func(context.Context) error{
		"backup list":    func(ctx context.Context) error { _, err := j.List(ctx, false); return err },
		"backup show":    func(ctx context.Context) error { _, err := j.Show(ctx, "latest"); return err },
		"backup verify":  func(ctx context.Context) error { _, err := j.Verify(ctx, job.VerifyOptions{Percent: 100}); return err },
		"prune --dry":    func(ctx context.Context) error { _, err := j.Prune(ctx, job.PruneOptions{DryRun: true}); return err },
		"restore":        open(job.OpenOptions{KeepRoot: true}),
		"restore --list": open(job.OpenOptions{KeepRoot: true, Beside: true}),
		"backup drill": func(ctx context.Context) error {
			r, err := j.Drill(ctx, job.DrillOptions{}, silent)
			if err != nil {
				return err
			}
			return r.Err()
		},
	}
}

// everything are the names below a target, of a directory also those of directories.
func everything(t *testing.T, s target.Store) []string {
	t.Helper()
	var out []string
	if d, ok := s.(target.Directory); ok {
		err := filepath.WalkDir(string(d), func(path string, _ fs.DirEntry, err error) error {
			out = append(out, path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	files, err := s.Walk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return out
}

// TestWhoReadsATargetWritesNothingThere reads one of each kind on which nothing is yet.
// What root wrote there kept the account of the backups from its first set.
func TestWhoReadsATargetWritesNothingThere(t *testing.T) {
	t.Parallel()
	for kind, set := range map[string]func(*testing.T, *job.Jobs) config.BackupTarget{
		"directory": func(t *testing.T, _ *job.Jobs) config.BackupTarget {
			return config.BackupTarget{Target: targettest.Directory(t)}
		},
		"s3": func(t *testing.T, j *job.Jobs) config.BackupTarget {
			o := targettest.StartS3(t)
			credential(t, j, "backup-access-key", o.AccessKey)
			credential(t, j, "backup-secret-key", o.SecretKey)
			return config.BackupTarget{Target: "s3://" + o.Bucket + "/" + o.Prefix, Endpoint: o.Endpoint, Region: o.Region}
		},
		"sftp": func(t *testing.T, j *job.Jobs) config.BackupTarget {
			o := targettest.StartSFTP(t, t.TempDir()).Options
			if _, _, err := net.SplitHostPort(o.Host); err != nil {
				t.Fatal(err)
			}
			credential(t, j, "backup-ssh-key", strings.TrimSpace(string(o.Key)))
			return config.BackupTarget{Target: "sftp://" + o.User + "@" + o.Host + o.Path, HostKey: strings.TrimSpace(o.HostKey)}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			j := newReader(t)
			j.Config.Backup.BackupTarget = set(t, j)
			e, err := target.EndpointOf(j.Lookup, j.Dirs, j.Config.Backup, false)
			if err != nil {
				t.Fatal(err)
			}
			s, err := e.Open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			look := func(situation, why string) {
				before := everything(t, s)
				for name, read := range readers(j) {
					if err := read(t.Context()); err == nil || !strings.Contains(err.Error(), why) {
						t.Errorf("%s: %s: %v", situation, name, err)
					}
				}
				if got := everything(t, s); !slices.Equal(got, before) {
					t.Errorf("%s: %q became %q", situation, before, got)
				}
			}
			look("nobody's", "it has no owner.json")
			if err := j.Claim(t.Context(), e, false); err != nil {
				t.Fatal(err)
			}
			look("claimed", "there is no set in the backup target")
			if err := repository.Create(t.Context(), repository.Options{Target: s, Cache: t.TempDir(), Password: "another key", Log: j.Log}); err != nil {
				t.Fatal(err)
			}
			look("of other keys", repository.ErrKey.Error())
		})
	}
}

// TestWhyThereAreNoSets gives one cause and one next command for each situation in which
// there are none, whichever command finds out.
func TestWhyThereAreNoSets(t *testing.T) {
	t.Parallel()
	j := newReader(t)
	own, copied := targettest.Directory(t), targettest.Directory(t)
	claim := func(second bool) {
		t.Helper()
		e, err := target.EndpointOf(j.Lookup, j.Dirs, j.Config.Backup, second)
		if err == nil {
			err = j.Claim(t.Context(), e, false)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(situation string, o job.OpenOptions, want, next string) {
		t.Helper()
		o.KeepRoot, o.Beside = true, true
		s, err := j.Open(t.Context(), o)
		if err == nil {
			s.Close()
			t.Errorf("%s: it is opened", situation)
			return
		}
		hints := strings.Join(fault.Hints(err), "\n")
		if !strings.Contains(err.Error(), want) || !strings.HasPrefix(hints, next) || strings.Contains(hints, "\n") {
			t.Errorf("%s: %v\nnext: %s", situation, err, hints)
		}
	}
	j.Config.Backup.Target, j.Config.Backup.Copy.Target = own, copied
	check("a missing mount", job.OpenOptions{}, "it has no owner.json; is its mount missing?", "mount it; if it is new")
	check("a missing mount of the copy", job.OpenOptions{Copy: true}, "it has no owner.json; is its mount missing?", "mount it; or name another")
	claim(false)
	claim(true)
	for name, read := range readers(j) {
		err := read(t.Context())
		if err == nil || !strings.Contains(err.Error(), "there is no set in the backup target "+own+" yet") {
			t.Errorf("%s: %v", name, err)
		}
	}
	check("no set yet", job.OpenOptions{}, "there is no set in the backup target "+own+" yet", "bugspark backup create")
	check("no copy yet", job.OpenOptions{Copy: true}, "nothing was copied to the second backup target "+copied+" yet", "bugspark backup copy")
	empty := targettest.Directory(t)
	check("another directory", job.OpenOptions{Target: empty}, "the target "+empty+" holds no backups", "mount it, or name the directory")
	gone := filepath.Join(empty, "gone")
	check("another directory that is not there", job.OpenOptions{Target: gone}, "the target "+gone+" is not there", "mount it, or correct --target")
	k, err := kit.Own(j.Lookup, j.Dirs, j.Config)
	if err != nil {
		t.Fatal(err)
	}
	j.Config.Backup = config.Backup{}
	k.First.Target = empty
	check("a new machine", job.OpenOptions{Kit: &k}, "the backup target "+empty+" of the recovery kit holds no backups", "mount it, or name it with --target")
	k.First.Target = gone
	check("a new machine without the mount point", job.OpenOptions{Kit: &k}, "the backup target "+gone+" of the recovery kit is not there", "mount it, or name it with --target")
	check("a new machine, another directory", job.OpenOptions{Kit: &k, Target: empty}, "the target "+empty+" holds no backups", "mount it, or name the directory")
}
