package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/sync/errgroup"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/fault"
)

// Plan is what restoring a set needs.
type Plan struct {
	Set      string   `json:"set"`
	Document Document `json:"document"`
	Into     string   `json:"into"`
	Bytes    int64    `json:"bytes"` // that will be written there
	Free     int64    `json:"free"`  // on the file system of Into

	databaseOnly bool
	reserve      int64 // stays free there; see Guard
}

// Prepare checks whether a set can be restored into a directory, beside a live
// database whose volume must not fill; live is a directory on it, and empty where
// there is none. It changes nothing.
func Prepare(ctx context.Context, r *repository.Repository, id, into, live string) (Plan, error) {
	return prepare(ctx, r, Plan{Set: id, Into: into}, live, nil)
}

// PrepareDatabase is Prepare for the database of a restore point alone, with the WAL
// that is replayed in it. more is what else will be written.
func PrepareDatabase(ctx context.Context, r *repository.Repository, c RestorePoint, into, live string, more ...Need) (Plan, error) {
	if wal := c.walBytes(); wal > 0 {
		more = append([]Need{{"replayed WAL", into, wal}}, more...)
	}
	return prepare(ctx, r, Plan{Set: c.Set, Into: into, databaseOnly: true}, live, more)
}

func prepare(ctx context.Context, r *repository.Repository, p Plan, live string, more []Need) (Plan, error) {
	into := p.Into
	var err error
	if p.Document, err = Read(ctx, r, p.Set); err != nil {
		return p, err
	}
	entries, err := os.ReadDir(into)
	switch {
	case err == nil && len(entries) > 0:
		return p, fault.New(fault.Preflight, "name a new or empty directory", "%s is not empty, and a restore never writes over anything", into)
	case p.databaseOnly && errors.Is(err, os.ErrPermission):
		// It is another account's, whose process makes the data directory anew.
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return p, fault.Wrap(fault.Preflight, err, "name a new or empty directory", "looking at %s", into)
	}
	database := p.Document.Database.Bytes + slack
	if p.databaseOnly && p.Document.OfCustomer() {
		database += p.Document.Database.Bytes // our tables are copied out of the server's
	}
	needs := []Need{{"database", into, database}}
	if !p.databaseOnly {
		needs = append(needs, Need{"pictures", into, p.Document.Objects.Bytes + p.Document.Objects.Count*perPicture})
	}
	room, err := checkRoom(live, append(needs, more...))
	p.Bytes, p.Free, p.reserve = room.bytes(), room.Space.Bytes, room.reserve
	return p, err
}

// Restore writes a set below the plan's directory: the cluster's data directory
// as database, every object under its key in objects, and config. It is checked
// against the set's description, and on the disk when Restore returns nil. What
// an error leaves is marked by the absence of set.json.
func Restore(ctx context.Context, r *repository.Repository, p Plan, report func(Progress)) error {
	if err := os.MkdirAll(p.Into, 0o700); err != nil {
		return fmt.Errorf("making %s: %w", p.Into, err)
	}
	root, err := os.OpenRoot(p.Into)
	if err != nil {
		return fmt.Errorf("opening %s: %w", p.Into, err)
	}
	defer root.Close()
	w := writer{ctx: ctx, root: root, report: report}
	if p.Document.Physical() {
		if err := w.database(r, p); err != nil {
			return fmt.Errorf("restoring the database: %w", err)
		}
	} else if err := w.dump(r, p); err != nil {
		return fmt.Errorf("restoring the logical copy of the database: %w", err)
	}
	if err := w.tree(r, p.Set, objectsPart, p.Document.Objects.Bytes, &w.objects); err != nil {
		return err
	}
	if got := w.objects.sum(); got != p.Document.Objects {
		return fmt.Errorf("the objects that were restored are not those that were saved: %+v instead of %+v", got, p.Document.Objects)
	}
	if err := w.tree(r, p.Set, configPart, 0, &tally{}); err != nil {
		return err
	}
	if err := syncAll(p.Into); err != nil {
		return err
	}
	// Last, so that a directory with it is whole.
	data, err := json.MarshalIndent(p.Document, "", "  ")
	if err != nil {
		return err
	}
	if err := root.WriteFile("set.json", data, 0o600); err != nil {
		return fmt.Errorf("marking the restore as whole: %w", err)
	}
	return syncAll(p.Into)
}

// writer writes below a root that no path of a set can leave.
type writer struct {
	ctx      context.Context
	root     *os.Root
	report   func(Progress)
	mu       sync.Mutex // of progress
	progress Progress
	objects  tally
}

func (w *writer) database(r *repository.Repository, p Plan) error {
	w.progress = Progress{Part: "database", Total: p.Document.Database.Bytes}
	body, err := r.Open(w.ctx, p.Set, databasePart)
	if err != nil {
		return err
	}
	defer body.Close()
	return scratch.Unpack(w.root, "database", body, w.wrote)
}

// RestoreDatabase gives the copy of the cluster in a set to the process that will run a
// server on it.
func RestoreDatabase(ctx context.Context, r *repository.Repository, p Plan, to *scratch.Client, report func(Progress)) error {
	body, err := r.Open(ctx, p.Set, databasePart)
	if err != nil {
		return fmt.Errorf("restoring the database: %w", err)
	}
	defer body.Close()
	progress := Progress{Part: "database", Total: p.Document.Database.Bytes}
	to.Bytes = p.Document.Database.Bytes
	err = to.Unpack(ctx, readerFunc(func(b []byte) (int, error) {
		n, err := body.Read(b)
		progress.Bytes += int64(n)
		report(progress)
		return n, err
	}))
	if err != nil {
		return fmt.Errorf("restoring the database: %w", err)
	}
	return nil
}

// dump writes the logical copy as a file for pg_restore.
func (w *writer) dump(r *repository.Repository, p Plan) error {
	body, err := r.Open(w.ctx, p.Set, logicalPart)
	if err != nil {
		return err
	}
	defer body.Close()
	return w.file(logicalPart, body, -1)
}

func (w *writer) tree(r *repository.Repository, id, part string, total int64, t *tally) error {
	w.progress = Progress{Part: part, Total: total}
	if err := w.root.MkdirAll(part, 0o700); err != nil {
		return err
	}
	// One small file waits for the disk and the target in turn; several at once keep
	// both busy.
	group, ctx := errgroup.WithContext(w.ctx)
	group.SetLimit(8)
	last := ""
	err := r.Walk(ctx, id, part, func(name string, size int64, open func() (io.ReadCloser, error)) error {
		inside := path.Join(part, name)
		if dir := path.Dir(inside); dir != last {
			if err := w.root.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			last = dir
		}
		t.add(name, size)
		group.Go(func() error {
			body, err := open()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			defer body.Close()
			return w.file(inside, body, size)
		})
		return ctx.Err()
	})
	if err := errors.Join(group.Wait(), err); err != nil {
		return fmt.Errorf("restoring %s: %w", part, err)
	}
	return nil
}

func (w *writer) file(name string, body io.Reader, size int64) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	f, err := w.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, body)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil && size >= 0 && n != size {
		err = fmt.Errorf("%d bytes came instead of %d", n, size)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return w.wrote(n)
}

func (w *writer) wrote(bytes int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress.Bytes += bytes
	w.report(w.progress)
	return w.ctx.Err()
}

// Bounds of the configuration of a set, which is read into memory: a machine has about
// thirty files of some kilobytes.
const (
	configFilesLimit = 1000
	configNameLimit  = 255
	configLimit      = 16 << 20
)

// ConfigFiles reads the configuration and the secrets of a set, by their path in
// its directory config.
func ConfigFiles(ctx context.Context, r *repository.Repository, id string) (map[string][]byte, error) {
	files, left := map[string][]byte{}, int64(configLimit)
	err := r.Walk(ctx, id, configPart, func(name string, _ int64, open func() (io.ReadCloser, error)) error {
		if len(files) >= configFilesLimit {
			return fmt.Errorf("it has more than %d files", configFilesLimit)
		}
		if !fs.ValidPath(name) || len(name) > configNameLimit || strings.ContainsFunc(name, unicode.IsControl) {
			return fmt.Errorf("%.100q is no name of a file", name)
		}
		body, err := open()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(io.LimitReader(body, left+1))
		if left -= int64(len(data)); err == nil && left < 0 {
			err = fmt.Errorf("it has more than %d bytes", configLimit)
		}
		files[name] = data
		return errors.Join(err, body.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of set %s: %w", id, err)
	}
	return files, nil
}
