package exchange

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// Replacer does for a customer's database, whose files are not ours to move, what
// an Exchanger does for our own: what it holds is kept as a logical copy, and the
// step that counts is one transaction.
type Replacer struct {
	Units Units
	// Users are the units that write to the database, in the order of their start,
	// and the sockets that would start them again.
	Users []string
	Dir   string // root's, for what is kept
	// Place names the database and the kind of its tables: what was kept of one must
	// not replace what another holds.
	Place   string
	Healthy func(context.Context) error
	Report  func(what string)
	// Dump streams what the database holds. Load replaces it by such a stream and marks
	// it, all of that or nothing; an empty mark takes the mark away. Mark asks for it,
	// once no Load is at work any more.
	Dump func(context.Context) (io.ReadCloser, error)
	Load func(ctx context.Context, dump io.Reader, mark string) error
	Mark func(context.Context) (string, error)
}

func (r *Replacer) copy() string   { return filepath.Join(r.Dir, "before-restore.dump") }
func (r *Replacer) memory() string { return filepath.Join(r.Dir, "replaced.json") }

// Pending returns the replacement that waits to be confirmed or undone. What is
// remembered was only about to be made; the database tells whether it was.
func (r *Replacer) Pending(ctx context.Context) (Record, bool, error) {
	d, there, err := r.remembered()
	if err != nil || !there {
		return d, false, err
	}
	mark, err := r.Mark(ctx)
	if err != nil {
		return d, false, fault.Wrap(fault.Preflight, err, "let the database answer, and run the same command again",
			"whether the restore of %s (%s) was made, only the database knows", d.At.Local().Format(time.DateTime), d.What)
	}
	// Another database, or a record without a mark, says nothing about it.
	return d, mark == d.Mark || d.Mark == "" || d.Place != r.Place, nil
}

func (r *Replacer) remembered() (d Record, there bool, err error) {
	data, err := os.ReadFile(r.memory())
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		return d, false, fmt.Errorf("reading what was restored: %w", err)
	}
	return d, true, nil
}

// Ready refuses while an earlier replacement waits.
func (r *Replacer) Ready(ctx context.Context) error {
	d, pending, err := r.Pending(ctx)
	if err == nil && pending {
		err = waits(d)
	}
	return err
}

// Clear gives up what was kept for a replacement that was never made. The caller keeps
// others from making one meanwhile.
func (r *Replacer) Clear(ctx context.Context) error {
	if err := r.Ready(ctx); err != nil {
		return err
	}
	if d, there, err := r.remembered(); err == nil && there {
		r.Report(fmt.Sprintf("give up what was kept for the restore of %s (%s): the database does not hold it", d.At.Local().Format(time.DateTime), d.What))
	}
	return r.forget()
}

// Replace puts what dump brings into the place of what the database holds. When
// the stack is not healthy with it, the old data comes back.
func (r *Replacer) Replace(ctx context.Context, dump io.Reader, what string) error {
	if err := r.Clear(ctx); err != nil {
		return err
	}
	r.Report("stop what uses the database")
	if err := stopAll(ctx, r.Units, r.Users); err != nil {
		return errors.Join(err, r.start(context.WithoutCancel(ctx)))
	}
	r.Report("keep what the database holds")
	mark := rand.Text()
	if err := r.keep(ctx, Record{At: time.Now().UTC(), What: what, Place: r.Place, Mark: mark}); err != nil {
		err = fault.Wrap(fault.Failed, err, "correct the cause and run the same command again", "keeping what the database holds; it was not touched")
		return errors.Join(err, r.start(context.WithoutCancel(ctx)))
	}
	r.Report("replace it")
	if err := r.Load(ctx, dump, mark); err != nil {
		return errors.Join(r.failed(context.WithoutCancel(ctx), err), r.start(context.WithoutCancel(ctx)))
	}
	r.Report("start with the restored data")
	return settle(ctx, r.start, r.Healthy, r.Undo)
}

func (r *Replacer) start(ctx context.Context) error { return r.Units.Start(ctx, r.Users...) }

// failed finds out what a Load has left that ended with an error: a connection can
// break after the commit.
func (r *Replacer) failed(ctx context.Context, err error) error {
	_, pending, asked := r.Pending(ctx)
	switch {
	case asked != nil:
		return errors.Join(fault.Wrap(fault.Failed, err, "let the database answer, then: bugspark restore undo, which brings the old data back if it was replaced", "replacing the data"), asked)
	case pending:
		return fault.Wrap(fault.Failed, err, "bugspark restore undo, which brings the old data back, or bugspark restore confirm", "the data was replaced, but not without an error")
	}
	return errors.Join(fault.Wrap(fault.Failed, err, "correct the cause and run the same command again", "replacing the data; the database holds what it held"), r.forget())
}

// keep writes what the database holds into a file, and remembers it once the
// file is whole and on the disk.
func (r *Replacer) keep(ctx context.Context, d Record) error {
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return err
	}
	dump, err := r.Dump(ctx)
	if err != nil {
		return err
	}
	defer dump.Close()
	// It is on the disk, with its name, before it is remembered.
	if err := durable.WriteStream(r.copy(), dump, 0o600); err != nil {
		return fmt.Errorf("keeping the old data: %w", err)
	}
	return remember(r.memory(), d)
}

// Undo brings the old data back; what was restored goes.
func (r *Replacer) Undo(ctx context.Context) error {
	d, pending, err := r.Pending(ctx)
	if err != nil {
		return err
	}
	if !pending {
		return errors.Join(r.Clear(ctx), ErrNothingPending())
	}
	if d.Place != r.Place {
		return fault.New(fault.Preflight, "let database-dsn lead there again; or 'bugspark restore confirm', which gives it up",
			"what was kept is of %s, and this is %s", d.Place, r.Place)
	}
	f, err := os.Open(r.copy())
	if err != nil {
		return fmt.Errorf("opening the old data: %w", err)
	}
	defer f.Close()
	r.Report("stop what uses the database")
	if err := stopAll(ctx, r.Units, r.Users); err != nil {
		return errors.Join(err, r.start(context.WithoutCancel(ctx)))
	}
	r.Report("bring the old data back")
	// Its transaction takes the mark away, so that it is not done twice.
	err = r.Load(ctx, f, "")
	if err == nil {
		err = r.forget()
	} else {
		err = fault.Wrap(fault.Failed, err, "correct the cause, then: bugspark restore undo", "bringing the old data back, all of it or nothing")
	}
	return errors.Join(err, r.start(context.WithoutCancel(ctx)))
}

// Confirm gives the old data up.
func (r *Replacer) Confirm(ctx context.Context) error {
	if _, pending, err := r.Pending(ctx); err != nil {
		return err
	} else if !pending {
		return errors.Join(r.Clear(ctx), ErrNothingPending())
	}
	return r.forget()
}

func (r *Replacer) forget() error {
	// What waits is forgotten on the disk before it goes.
	for _, path := range []string{r.memory(), r.copy()} {
		if err := durable.Remove(path); err != nil {
			return fmt.Errorf("giving the old data up: %w", err)
		}
	}
	return nil
}
