package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Mirror brings a second target up to date with a first, without following its
// accidents: what the first target loses, or has in another size than before, stays on
// the copy as it was.
type Mirror struct {
	From, To Store
	// Journal is what may go from the copy, LetGoDelay after it was written there.
	Journal *Journal
	// Delete is off while nothing may go at all.
	Delete bool
	// Accept writes what the first target has lost into the journal, as somebody has
	// decided who knows that nobody needs it.
	Accept bool
	// DryRun only counts.
	DryRun bool
	Now    func() time.Time
	// Report is called with the bytes copied so far and in all.
	Report func(done, total int64)
}

const (
	// LetGoDelay is how long the copy keeps what the product has let go on the first
	// target: long enough for somebody to notice that it should not have.
	LetGoDelay = 7 * 24 * time.Hour
	// maxDeleted files go from the copy in one run. The rest follows in the next ones.
	maxDeleted = 5000
	// maxRounds of one run follow what changes on the first target meanwhile.
	maxRounds = 5
	// maxExamples are the names that a result tells of many.
	maxExamples = 5
)

// ErrOtherRepository says that the sets of the two targets do not belong together.
var ErrOtherRepository = errors.New("the first target has lost its repository, or has another one than the copy")

// Mirrored is the result of a Mirror.
type Mirrored struct {
	Copied  int   `json:"copied_files"`
	Bytes   int64 `json:"copied_bytes"`
	Deleted int   `json:"deleted_files"`
	Waiting int   `json:"waiting_files"` // that go later, since the delay is not over or too many went
	Files   int   `json:"files"`         // that the copy has now
	Total   int64 `json:"bytes"`
	// Lost files are missing or empty on the first target without the product's doing.
	Lost int `json:"lost_files,omitempty"`
	// Changed files never change, but have another size on the first target than on the copy.
	Changed  int      `json:"changed_files,omitempty"`
	Examples []string `json:"examples,omitempty"` // of both
}

// Run copies what the second target lacks, and then deletes what the first one let go. It
// copies a file after those that it names, and deletes it before them, so that an
// interruption leaves the copy intact.
func (m *Mirror) Run(ctx context.Context) (Mirrored, error) {
	var out Mirrored
	began := m.Now()
	for round := 1; ; round++ {
		c, err := m.compare(ctx)
		if err != nil {
			return out, err
		}
		vanished := 0
		// An index tells what those before it say wrongly by now, such as that something
		// is in a pack that is gone. So the newest comes first, and one after the other.
		slices.SortStableFunc(c.coming[stageIndex], func(a, b File) int { return b.ModifiedAt.Compare(a.ModifiedAt) })
		for at, files := range c.coming {
			n, err := m.copyAll(ctx, c, files, map[bool]int{true: 1, false: 4}[at == stageIndex], &out)
			if err != nil {
				return out, err
			}
			vanished += n
		}
		// What vanished was compacted into something that the listing did not have yet.
		switch {
		case vanished == 0:
			return out, m.letGo(ctx, c, began, &out)
		case round == maxRounds:
			return out, fmt.Errorf("%s changes faster than it is copied: %d files vanished", m.From, vanished)
		}
	}
}

// comparison is what a run finds.
type comparison struct {
	from    map[string]File
	to      map[string]File // with what was copied since
	coming  [stages][]File
	total   int64 // bytes to copy
	decided map[string]time.Time
	lost    []string
	changed []string
}

func (m *Mirror) compare(ctx context.Context) (*comparison, error) {
	from, err := m.list(ctx, m.From)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", m.From, err)
	}
	// After the listing: what is missing there for the product's sake is in the journal.
	decided, err := m.Journal.Decisions()
	if err != nil {
		return nil, err
	}
	anew, err := m.Journal.Anew()
	if err != nil {
		return nil, err
	}
	to, err := m.list(ctx, m.To)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", m.To, err)
	}
	c := &comparison{from: from, to: to, decided: decided}
	if err := m.sameRepository(ctx, c); err != nil {
		return nil, err
	}
	lost := func(name string) {
		_, letGo := decided[name]
		if _, isPiece := parsePiece(name); !letGo && !isPiece && immutable(name) {
			c.lost = append(c.lost, name)
		}
	}
	for name, f := range from {
		have, ok := to[name]
		switch {
		case f.Size == 0: // nothing of ours is empty
			if delete(from, name); !ok {
				lost(name)
			}
		case ok && ofTimeline.MatchString(name) && !anew[name].IsZero():
			c.coming[stage(name)] = append(c.coming[stage(name)], f)
			c.total += f.Size
		case ok && immutable(name) && f.Size != have.Size && have.Size > 0:
			c.changed = append(c.changed, name)
		case ok && copied(f, have):
		default:
			c.coming[stage(name)] = append(c.coming[stage(name)], f)
			c.total += f.Size
		}
	}
	for name := range to {
		if _, there := from[name]; !there {
			lost(name)
		}
	}
	return c, nil
}

// sameRepository fails where files of two repositories would be mixed, which nobody
// could read: after the first target was wiped, filled with something else, or replaced.
func (m *Mirror) sameRepository(ctx context.Context, c *comparison) error {
	if _, ok := c.to[formatFile]; !ok {
		return nil
	}
	var text [2][]byte
	for i, s := range []Store{m.From, m.To} {
		data, err := ReadFile(ctx, s, formatFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading %s of %s: %w", formatFile, s, err)
		}
		text[i] = data
	}
	if !bytes.Equal(text[0], text[1]) {
		return ErrOtherRepository
	}
	return nil
}

// letGo deletes what may go, and tells what was found.
func (m *Mirror) letGo(ctx context.Context, c *comparison, began time.Time, out *Mirrored) error {
	slices.Sort(c.lost)
	slices.Sort(c.changed)
	out.Lost, out.Changed = len(c.lost), len(c.changed)
	examples := slices.Concat(c.changed, c.lost)
	out.Examples = examples[:min(len(examples), maxExamples)]
	if m.Accept && !m.DryRun {
		if err := m.Journal.LetGo(ctx, c.lost...); err != nil {
			return err
		}
		out.Lost, out.Examples = 0, c.changed[:min(len(c.changed), maxExamples)]
	}
	going, waiting := c.due(m.Now())
	if m.Accept && !m.DryRun {
		waiting += len(c.lost)
	}
	// While the first target is damaged the copy may be all there is.
	if !m.Delete || out.Lost+out.Changed > 0 {
		going, waiting = nil, waiting+len(going)
	}
	left := max(0, len(going)-maxDeleted)
	going, out.Waiting = going[:len(going)-left], waiting+left
	for _, name := range going {
		if !m.DryRun {
			if err := m.To.Delete(ctx, name); err != nil {
				return fmt.Errorf("deleting %s from %s: %w", name, m.To, err)
			}
		}
		delete(c.to, name)
		out.Deleted++
	}
	out.Files, out.Total = len(c.to), 0
	for _, f := range c.to {
		out.Total += f.Size
	}
	if m.DryRun {
		return nil
	}
	pieces := map[string]bool{} // the segments of which the copy has pieces
	for name := range c.to {
		if p, ok := parsePiece(name); ok {
			pieces[p.segment] = true
		}
	}
	return m.Journal.Forget(ctx, began, func(name string, at time.Time) bool {
		_, onFirst := c.from[name] // it was never deleted, and will be decided about again
		_, onCopy := c.to[name]
		segment := name
		if p, ok := parsePiece(name); ok {
			segment = p.segment
		}
		return over(at, m.Now()) && (onFirst || !onCopy && !pieces[segment])
	})
}

// over tells whether the delay after a decision is over.
func over(at, now time.Time) bool { return now.Sub(at) >= LetGoDelay }

// due are the files that may go from the copy, in the order of deleting, and how many
// may later.
func (c *comparison) due(now time.Time) (going []string, waiting int) {
	wal := maps.Clone(c.to) // and what it had before it was let go, with the pieces of it
	for name, at := range c.decided {
		if over(at, now) && strings.HasPrefix(name, walDir) {
			wal[name] = File{Name: name, Size: 1}
		}
		_, onFirst := c.from[name]
		_, onCopy := c.to[name]
		switch {
		case onFirst || !onCopy:
		case over(at, now):
			going = append(going, name)
		default:
			waiting++
		}
	}
	for _, name := range replaced(wal) {
		_, onFirst := c.from[name]
		_, onCopy := c.to[name]
		if onCopy && !onFirst {
			going = append(going, name)
		}
	}
	slices.Sort(going)
	going = slices.Compact(going)
	slices.SortStableFunc(going, func(a, b string) int {
		if d := stage(b) - stage(a); d != 0 {
			return d
		}
		return c.to[a].ModifiedAt.Compare(c.to[b].ModifiedAt) // of indexes the oldest first
	})
	return going, waiting
}

// list lists a target. Files come before those that they name: what is added meanwhile
// is then never seen without them. In the repository indexes come before packs, and in
// the archive WAL before pictures.
func (m *Mirror) list(ctx context.Context, s Store) (map[string]File, error) {
	out := map[string]File{}
	shards, err := s.Dir(ctx, "sets")
	if err != nil {
		return nil, err
	}
	dirs := []string{"archive/wal", "archive/pictures"}
	for _, f := range shards {
		if f.IsDir && f.Name != "p" && f.Name != "q" {
			dirs = append(dirs, setsDir+f.Name)
		} else if !f.IsDir {
			if f.Name = setsDir + f.Name; hasForm(f.Name) {
				out[f.Name] = f
			}
		}
	}
	for _, dir := range append(dirs, "sets/p", "sets/q", "rescue") {
		files, err := s.Walk(ctx, dir)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if hasForm(f.Name) {
				out[f.Name] = f
			}
		}
	}
	top, err := s.Dir(ctx, "")
	for _, f := range top {
		if !f.IsDir && f.Name != OwnerFile && f.Name != ballastFile {
			out[f.Name] = f
		}
	}
	return out, err
}

// copyAll copies files, and counts those that vanished from the first target meanwhile.
func (m *Mirror) copyAll(ctx context.Context, c *comparison, files []File, atOnce int, out *Mirrored) (vanished int, err error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, f := range files {
		group.Go(func() error {
			gone, err := false, ctx.Err()
			if !m.DryRun && err == nil {
				gone, err = m.copy(ctx, f)
			}
			mu.Lock()
			defer mu.Unlock()
			switch _, isPiece := parsePiece(f.Name); {
			case err != nil:
				return err
			case gone && isPiece:
				return nil // it was replaced
			case gone:
				vanished++
				return nil
			}
			c.to[f.Name] = f
			out.Copied, out.Bytes = out.Copied+1, out.Bytes+f.Size
			if m.Report != nil {
				m.Report(out.Bytes, c.total)
			}
			return nil
		})
	}
	return vanished, group.Wait()
}

// copy copies a file, unless it is gone from the first target.
func (m *Mirror) copy(ctx context.Context, f File) (gone bool, err error) {
	at := f.ModifiedAt
	if strings.HasPrefix(f.Name, walDir) {
		exact, err := m.From.Stat(ctx, f.Name)
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading %s of %s: %w", f.Name, m.From, err)
		}
		at = exact.ModifiedAt
	}
	body, err := m.From.Open(ctx, f.Name, 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s of %s: %w", f.Name, m.From, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	var reader io.Reader = body
	if immutable(f.Name) {
		reader = &exact{body, f.Size}
	} else {
		at = time.Time{}
	}
	if err := m.To.Put(ctx, f.Name, reader, at); err != nil {
		return false, fmt.Errorf("copying %s to %s: %w", f.Name, m.To, err)
	}
	return false, nil
}

// exact fails when a file is not as long as it was listed: what the copy has once it
// keeps.
type exact struct {
	io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if e.left -= int64(n); e.left < 0 || errors.Is(err, io.EOF) && e.left != 0 {
		return n, errors.New("its size changed meanwhile")
	}
	return n, err
}
