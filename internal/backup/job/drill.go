package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/backup/scratch"
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
func (j *Jobs) Drill(ctx context.Context, o DrillOptions, report func(backup.Progress)) (backup.DrillReport, error) {
	out, err := j.holdDrill(ctx, o, report)
	if o.Copy {
		return out, j.ended(ctx, history.CopyDrill, err)
	}
	return out, j.ended(ctx, history.Drill, err)
}

func (j *Jobs) holdDrill(ctx context.Context, o DrillOptions, report func(backup.Progress)) (out backup.DrillReport, err error) {
	if err := j.checkScratch(o.Scratch); err != nil {
		return out, err
	}
	s, err := j.connect(ctx, OpenOptions{Copy: o.Copy})
	if err != nil {
		return out, err
	}
	defer s.Close()
	if err := mayWrite(o.Scratch); err != nil {
		return out, err
	}
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
	dir := o.Scratch
	if dir == "" {
		dir = history.File(j.Dirs, "scratch")
		// A drill that was killed may have left it; nothing else is ever in there.
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
			return out, fault.Wrap(fault.Failed, err, "run it as root", "making the scratch directory")
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	var stopped error
	out = s.drill(ctx, dir, secret, report, func(ctx context.Context) (*scratch.Client, error) {
		c, err := j.Restored(ctx, dir)
		if fault.Status(err) == int(fault.Interrupted) {
			stopped = err
		}
		return c, err
	})
	if ctx.Err() != nil {
		return out, fmt.Errorf("the drill was interrupted and says nothing of the backups: %w", context.Cause(ctx))
	}
	if stopped != nil {
		return out, stopped
	}
	if err := j.ofOtherData(&out); err != nil {
		return out, err
	}
	if out.Place = j.Config.Backup.Place(); o.Copy {
		out.Place = j.Config.Backup.Copy.Place()
	}
	if err := out.Sign(s.BackupKey); err != nil {
		return out, err
	}
	return out, s.keepReport(out)
}

// ofOtherData fails a drill of a set from before other data came into use: it proves
// nothing of that. The sign of life in a set that was taken afterwards may still be older,
// as the database writes one each minute.
func (j *Jobs) ofOtherData(out *backup.DrillReport) error {
	h, err := history.Read(j.Dirs)
	if err != nil {
		return err
	}
	if since := h.Data.Since; out.Passed && out.Point.Before(since) && out.Document.CreatedAt.Before(since) {
		out.Passed = false
		out.Failures = append(out.Failures, fmt.Sprintf("set %s is of before %s, when another database or other pictures came into use ('bugspark apply --start-empty'): it proves nothing of them; 'bugspark backup create' takes a set of what is in use",
			out.Set, since.Local().Format(time.DateTime)))
	}
	return nil
}

// How old the newest state may be that a drill brings back. What is written reaches
// the archive within seconds, and the second target with the next copy.
const (
	maxLost       = 15 * time.Minute
	maxLostOfCopy = 26 * time.Hour
)

// drill holds a drill. Whatever keeps it from beginning is a drill that failed.
func (s *Session) drill(ctx context.Context, dir, secret string, report func(backup.Progress), restored func(context.Context) (*scratch.Client, error)) backup.DrillReport {
	failed := func(err error) backup.DrillReport {
		return backup.DrillReport{At: time.Now().UTC(), Copy: s.Endpoint.Copy, Failures: []string{err.Error()}, Checks: []string{}}
	}
	o := s.repositoryOptions()
	o.Cache = filepath.Join(dir, "cache")
	r, err := s.open(ctx, o)
	if err != nil {
		return failed(err)
	}
	defer r.Close(context.WithoutCancel(ctx))
	a, err := s.Archive(ctx)
	if err != nil {
		return failed(err)
	}
	d := &backup.Drill{
		Repository: r, Archive: a, Product: s.Jobs.Product, Cluster: s.Jobs.Programs, Now: time.Now, Report: report,
		Data: s.Jobs.RestoredData, Restored: restored,
		Secrets: func(files map[string][]byte) error { return usable(files, secret) },
		Probe:   s.Jobs.Probe,
		Copy:    s.Endpoint.Copy,
	}
	if d.Data == "" {
		d.Data = filepath.Join(dir, "data")
	}
	d.MaxLost = maxLostOfCopy
	if !s.Endpoint.Copy {
		d.MaxLost = maxLost
		h, err := history.Read(s.Jobs.Dirs)
		if err != nil {
			return failed(err)
		}
		for _, k := range h.KeptOn(s.Jobs.Config.Backup.Place()).Sets {
			d.Kept = append(d.Kept, k.ID)
		}
		if s.Jobs.Config.Streams() {
			d.Shipped = h.WAL
		}
	}
	out := d.Run(ctx)
	changed, err := rescue.Compare(ctx, s.Target, s.rescueDir())
	if err != nil {
		changed = append(changed, err.Error())
	}
	if out.Failures = append(out.Failures, changed...); len(changed) > 0 {
		out.Passed = false
	}
	return out
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

// reportsKept is two years of weekly drills, of each target.
const reportsKept = 104

// keepReport stores a report as JSON and as a page, and remembers it.
func (s *Session) keepReport(r backup.DrillReport) error {
	d := s.Jobs.Dirs
	dir := history.File(d, "drills")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	const stamp = "20060102T150405Z"
	place, suffix := "*Z", ""
	if s.Endpoint.Copy {
		place, suffix = "*Z-copy", "-copy"
	}
	name := filepath.Join("drills", r.At.UTC().Format(stamp)+suffix)
	if err := history.Write(d, name+".json", r); err != nil {
		return err
	}
	if err := durable.WriteFile(history.File(d, name+".txt"), []byte(r.Text()), 0o644); err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, place+".*"))
	if err != nil {
		return err
	}
	for len(old) > 2*reportsKept {
		if err := os.Remove(old[0]); err != nil {
			return err
		}
		old = old[1:]
	}
	last, proven := history.DrillFile, history.ProvenFile
	if s.Endpoint.Copy {
		last, proven = history.CopyDrillFile, history.CopyProvenFile
	}
	if r.Passed {
		if err := history.Write(d, proven, history.ProofOf(r)); err != nil {
			return err
		}
	}
	if err := history.Write(d, last, r); err != nil || s.Endpoint.Copy {
		return err
	}
	return history.Drilled(d)
}

// CheckSignature reads a report and fails unless it was signed with what derives
// from this machine's backup key. It needs no configuration.
func (j *Jobs) CheckSignature(file string) (backup.DrillReport, error) {
	var r backup.DrillReport
	// The reports are in a directory of the account's, which may put a FIFO there.
	found, err := durable.ReadJSON(file, &r)
	if err == nil && !found {
		err = fs.ErrNotExist
	}
	if err != nil {
		return r, fault.Wrap(fault.Usage, err, "name the .json file of a drill, such as /var/lib/bugspark/backup/last-drill.json", "reading the report")
	}
	key, _, err := kit.Keys(j.Lookup, j.Dirs)
	if err != nil {
		return r, err
	}
	if !r.Signed(key) {
		return r, fault.New(fault.Failed, "bugspark backup drill holds a drill of your own", "%s is not what a drill with this backup key has signed", file)
	}
	return r, nil
}
