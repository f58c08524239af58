package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/objectstore"
)

// objects is the whole store as a tree: slashes in keys are directories. Each
// level lists the store anew rather than hold millions of keys in memory.
func objects(store objectstore.Store, t *tally) repository.Entry {
	return repository.Entry{Name: objectsPart, ModifiedAt: time.Now(), Entries: level(store, "", t)}
}

func level(store objectstore.Store, prefix string, t *tally) func(context.Context) iter.Seq2[repository.Entry, error] {
	return func(ctx context.Context) iter.Seq2[repository.Entry, error] {
		return func(yield func(repository.Entry, error) bool) {
			last := ""
			for o, err := range store.List(ctx, prefix) {
				if err != nil {
					yield(repository.Entry{}, fmt.Errorf("listing objects: %w", err))
					return
				}
				name, _, isDir := strings.Cut(strings.TrimPrefix(o.Key, prefix), "/")
				if isDir && name == last {
					continue
				}
				e := repository.Entry{Name: name, Size: o.Size, ModifiedAt: o.ModifiedAt}
				if isDir {
					last = name
					e = repository.Entry{Name: name, ModifiedAt: o.ModifiedAt, Entries: level(store, prefix+name+"/", t)}
				} else {
					t.add(o.Key, o.Size)
					e.Open = opener(store, o)
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// opener refuses an object whose size differs from the listing. Keys are never used
// twice, so a change means that another program writes to the bucket.
func opener(store objectstore.Store, listed objectstore.Object) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		body, o, err := store.Get(ctx, listed.Key)
		if err != nil {
			return nil, err
		}
		if o.Size != listed.Size {
			body.Close()
			return nil, fmt.Errorf("object %s changed while it was saved: %d bytes became %d", listed.Key, listed.Size, o.Size)
		}
		return body, nil
	}
}

// tally sums objects up, in whatever order they come.
type tally struct {
	mu    sync.Mutex
	count int64
	bytes int64
	all   [sha256.Size]byte
}

func (t *tally) add(key string, size int64) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, size))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	t.bytes += size
	for i := range t.all {
		t.all[i] ^= sum[i]
	}
}

func (t *tally) sum() ObjectFacts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return ObjectFacts{Count: t.count, Bytes: t.bytes, Fingerprint: hex.EncodeToString(t.all[:])}
}
