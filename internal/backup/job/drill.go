package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// DrillOptions say where to hold a drill.
type DrillOptions struct {
	Scratch string            // an empty directory; empty is one of ours below STATE/backup
	Copy    bool              // from the second target
	Waiting func(what string) // hears what the drill waits for; may be nil
}

// Drill restores the newest state into a scratch directory, proves that it is
// whole, and keeps the signed report. A drill that was not passed is no error.
func (j *Jobs) Drill(ctx context.Context, o DrillOptions, report func(backup.Progress)) (out backup.DrillReport, err error) {
	s, err := j.connect(ctx, OpenOptions{Copy: o.Copy})
	if err != nil {
		return out, err
	}
	defer s.Close()
	secret, err := config.ReadCredential(j.Lookup, j.Dirs, "secret-key")
	if errors.Is(err, fs.ErrPermission) {
		secret, err = "", nil // root has stepped down; only its presence is compared
	}
	if err != nil {
		return out, err
	}
	unlock, err := j.Lock(ctx, true, o.Waiting)
	if err != nil {
		return out, err
	}
	defer unlock()
	scratch := o.Scratch
	if scratch == "" {
		scratch = history.File(j.Dirs, "scratch")
		// A drill that was killed may have left it; nothing else is ever in there.
		if err := errors.Join(os.RemoveAll(scratch), os.Mkdir(scratch, 0o700)); err != nil {
			return out, fault.Wrap(fault.Failed, err, "run it as root", "making the scratch directory")
		}
		defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	}
	out = s.drill(ctx, scratch, secret, report)
	if err := out.Sign(s.BackupKey); err != nil {
		return out, err
	}
	return out, s.keepReport(out)
}

// drill holds a drill. Whatever keeps it from beginning is a drill that failed.
func (s *Session) drill(ctx context.Context, scratch, secret string, report func(backup.Progress)) backup.DrillReport {
	failed := func(err error) backup.DrillReport {
		return backup.DrillReport{At: time.Now().UTC(), Failures: []string{err.Error()}, Checks: []string{}}
	}
	if _, err := s.Target.Dir(ctx, ""); err != nil {
		return failed(err)
	}
	o := s.repositoryOptions()
	o.Cache = filepath.Join(scratch, "cache")
	r, err := repository.Open(ctx, o)
	if err != nil {
		return failed(err)
	}
	defer r.Close(context.WithoutCancel(ctx))
	a, err := s.Archive()
	if err != nil {
		return failed(err)
	}
	d := &backup.Drill{
		Repository: r, Archive: a, Product: s.Jobs.Product, Cluster: s.Jobs.Programs, Scratch: scratch, Now: time.Now, Report: report, Fetch: s.Jobs.Fetch,
		Secrets: func(files map[string][]byte) error { return usable(files, secret) },
		Probe:   s.Jobs.Probe,
	}
	return d.Run(ctx)
}

// usable proves the secrets of a set: the configuration can be read, and what
// signs sessions is what signs them today, where that is known.
func usable(files map[string][]byte, secret string) error {
	if _, err := config.Parse("bugspark.yaml of the set", files[backup.ConfigFile], func(string) (string, bool) { return "", false }); err != nil {
		return err
	}
	saved := bytes.TrimRight(files[backup.CredentialsDir+"secret-key"], "\n")
	switch {
	case len(saved) < 32:
		return fmt.Errorf("the credential secret-key of the set has %d characters, and 32 are needed", len(saved))
	case secret != "" && string(saved) != secret:
		return errors.New("the credential secret-key of the set is not the one in use")
	}
	return nil
}

// reportsKept is two years of weekly drills.
const reportsKept = 104

// keepReport stores a report as JSON and as a page, and remembers it.
func (s *Session) keepReport(r backup.DrillReport) error {
	d := s.Jobs.Dirs
	dir := history.File(d, "drills")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	name := filepath.Join("drills", r.At.Format("20060102T150405Z"))
	if err := history.Write(d, name+".json", r); err != nil {
		return err
	}
	if err := durable.WriteFile(history.File(d, name+".txt"), []byte(r.Text()), 0o644); err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		return err
	}
	for len(old) > 2*reportsKept {
		if err := os.Remove(old[0]); err != nil {
			return err
		}
		old = old[1:]
	}
	if s.Endpoint.Copy {
		return nil // what is judged every day is the first target
	}
	return history.Write(d, history.DrillFile, r)
}

// CheckSignature reads a report and fails unless it was signed with what derives
// from this machine's backup key. It needs no configuration.
func (j *Jobs) CheckSignature(file string) (backup.DrillReport, error) {
	data, err := os.ReadFile(file)
	var r backup.DrillReport
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return r, fault.Wrap(fault.Usage, err, "name the .json file of a drill, such as /var/lib/bugspark/backup/last-drill.json", "reading the report")
	}
	key, _, err := kit.Keys(j.Lookup, j.Dirs)
	if err != nil {
		return r, err
	}
	if !r.Signed(key) {
		return r, fault.New(fault.Failed, "hold a drill of your own: bugspark backup drill", "%s is not what a drill with this backup key has signed", file)
	}
	return r, nil
}
