package target

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
)

// Journal is what the product itself has decided to delete from the first target. It is
// a file of this machine, and the only reason for which a name goes from the copy: what
// the first target lost in any other way stays there.
type Journal struct {
	Path string
	Now  func() time.Time
}

// decision is a line of the journal. The last one of a name counts.
type decision struct {
	At   time.Time `json:"at"`
	Name string    `json:"name"`
	Kept bool      `json:"kept,omitempty"` // the name was written again
	Anew bool      `json:"anew,omitempty"` // with Kept: over a file that was there
}

// journalLimit bounds the journal in bytes, about 400,000 names. A copy that is away for
// months would let it grow; the oldest half is then forgotten, and stays on the copy.
const journalLimit = 64 << 20

// LetGo writes names down before they are deleted, and returns when that is durable.
func (j *Journal) LetGo(ctx context.Context, names ...string) error {
	lines := make([]decision, len(names))
	for i, name := range names {
		lines[i] = decision{At: j.Now().UTC(), Name: name}
	}
	return j.add(ctx, lines)
}

// Keep takes the decision about a name back, if there is one: it is written again.
func (j *Journal) Keep(ctx context.Context, name string) error {
	gone, err := j.Decisions()
	if err != nil {
		return err
	}
	if _, ok := gone[name]; !ok {
		return nil
	}
	return j.add(ctx, []decision{{At: j.Now().UTC(), Name: name, Kept: true}})
}

// Decisions are the names that the product let go, with the time of the decision.
func (j *Journal) Decisions() (map[string]time.Time, error) {
	lines, err := j.read()
	out := map[string]time.Time{}
	for _, d := range lines {
		if d.Kept {
			delete(out, d.Name)
		} else {
			out[d.Name] = d.At
		}
	}
	return out, err
}

// Anew are the names that the product has written over a file that was there.
func (j *Journal) Anew() (map[string]time.Time, error) {
	lines, err := j.read()
	out := map[string]time.Time{}
	for _, d := range lines {
		if d.Anew {
			out[d.Name] = d.At
		}
	}
	return out, err
}

// Forget removes the decisions that are of no use any more. What was written anew before
// copied was copied since.
func (j *Journal) Forget(ctx context.Context, copied time.Time, useless func(name string, at time.Time) bool) error {
	unlock, err := j.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	gone, err := j.Decisions()
	if err != nil {
		return err
	}
	lines := make([]decision, 0, len(gone))
	for name, at := range gone {
		if !useless(name, at) {
			lines = append(lines, decision{At: at, Name: name})
		}
	}
	anew, err := j.Anew()
	if err != nil {
		return err
	}
	for name, at := range anew {
		if _, letGo := gone[name]; !letGo && !at.Before(copied) {
			lines = append(lines, decision{At: at, Name: name, Kept: true, Anew: true})
		}
	}
	return j.replace(lines)
}

func (j *Journal) lock(ctx context.Context) (unlock func(), err error) {
	unlock, err = durable.LockWithin(ctx, j.Path+".lock", longestMark)
	return unlock, held(err, "using the journal of deletions")
}

// add appends, after the last whole line: what a power cut has left of another is the
// rest of a decision after which nothing was deleted.
func (j *Journal) add(ctx context.Context, lines []decision) (err error) {
	unlock, err := j.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	var text bytes.Buffer
	for _, d := range lines {
		if err := json.NewEncoder(&text).Encode(d); err != nil {
			return fmt.Errorf("writing the journal of deletions: %w", err)
		}
	}
	size, err := j.whole()
	if err == nil && size+int64(text.Len()) > journalLimit {
		if err = j.halve(); err == nil {
			size, err = j.whole()
		}
	}
	if err == nil {
		err = appendAt(j.Path, size, text.Bytes())
	}
	if err != nil {
		return fmt.Errorf("writing the journal of deletions: %w", err)
	}
	return nil
}

// whole is where the last whole line ends.
func (j *Journal) whole() (int64, error) {
	f, err := os.Open(j.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	for at := int64(0); err == nil && end > 0; end = at {
		at = max(0, end-64<<10)
		buf := make([]byte, end-at)
		if _, err = f.ReadAt(buf, at); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf, '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
	}
	return 0, err
}

func appendAt(path string, at int64, data []byte) (err error) {
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err = f.Truncate(at); err == nil {
		_, err = f.WriteAt(data, at)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil && missing != nil {
		err = durable.SyncDir(filepath.Dir(path))
	}
	return err
}

func (j *Journal) halve() error {
	gone, err := j.Decisions()
	if err != nil {
		return err
	}
	lines := make([]decision, 0, len(gone))
	for name, at := range gone {
		lines = append(lines, decision{At: at, Name: name})
	}
	slices.SortFunc(lines, func(a, b decision) int { return a.At.Compare(b.At) })
	return j.replace(lines[len(lines)/2:])
}

func (j *Journal) replace(lines []decision) error {
	slices.SortFunc(lines, func(a, b decision) int { return a.At.Compare(b.At) })
	var text bytes.Buffer
	for _, d := range lines {
		if err := json.NewEncoder(&text).Encode(d); err != nil {
			return err
		}
	}
	if err := durable.WriteFile(j.Path, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("shortening the journal of deletions: %w", err)
	}
	return nil
}

// read reads every whole line. One that cannot be read decides nothing.
func (j *Journal) read() ([]decision, error) {
	data, err := os.ReadFile(j.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the journal of deletions: %w", err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	var out []decision
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d decision
		if json.Unmarshal(lines.Bytes(), &d) == nil && d.Name != "" && !d.At.IsZero() {
			out = append(out, d)
		}
	}
	return out, lines.Err()
}

// Journaled is the first target to whoever deletes from it because the product let
// something go.
type Journaled struct {
	Store
	Journal *Journal
	// Pieces of WAL are deleted without a word, because others replace them. The mirror
	// knows such pieces by what the copy has in their place.
	Replaces bool
}

// Delete writes the name down first.
func (s Journaled) Delete(ctx context.Context, name string) error {
	if _, isPiece := parsePiece(name); immutable(name) && !(isPiece && s.Replaces) {
		if err := s.Journal.LetGo(ctx, name); err != nil {
			return err
		}
	}
	return s.Store.Delete(ctx, name)
}

// Put takes back what was decided about the name: a picture may come again. Names in the
// repository never do. Of what tells of a timeline it is noted that it was written anew.
func (s Journaled) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if _, isPiece := parsePiece(name); strings.HasPrefix(name, archiveDir) && !isPiece {
		if err := s.Journal.Keep(ctx, name); err != nil {
			return err
		}
	}
	if !ofTimeline.MatchString(name) {
		return s.Store.Put(ctx, name, body, at)
	}
	// It is small, written once for each timeline, and again once the key that signs it has
	// changed. It is written down twice, since a copy may run between the two, and this
	// program may end there.
	_, err := s.Stat(ctx, name)
	again := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if again {
		if err := s.Journal.anew(ctx, name); err != nil {
			return err
		}
	}
	if err := s.Store.Put(ctx, name, body, at); err != nil || !again {
		return err
	}
	return s.Journal.anew(ctx, name)
}

func (j *Journal) anew(ctx context.Context, name string) error {
	return j.add(ctx, []decision{{At: j.Now().UTC(), Name: name, Kept: true, Anew: true}})
}
