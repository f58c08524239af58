package backup

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
)

// folder is a small directory tree in memory.
type folder struct {
	name    string
	folders map[string]*folder
	files   map[string]repository.Entry
}

func newFolder(name string) *folder {
	return &folder{name, map[string]*folder{}, map[string]repository.Entry{}}
}

// add puts a file at a path with slashes.
func (f *folder) add(path string, e repository.Entry) {
	name, rest, deeper := strings.Cut(path, "/")
	if !deeper {
		f.files[name] = e
		return
	}
	if f.folders[name] == nil {
		f.folders[name] = newFolder(name)
	}
	f.folders[name].add(rest, e)
}

func (f *folder) entry() repository.Entry {
	return repository.Entry{Name: f.name, ModifiedAt: time.Now(), Entries: func(context.Context) iter.Seq2[repository.Entry, error] {
		return func(yield func(repository.Entry, error) bool) {
			for _, name := range slices.Sorted(maps.Keys(f.folders)) {
				if !yield(f.folders[name].entry(), nil) {
					return
				}
			}
			for _, name := range slices.Sorted(maps.Keys(f.files)) {
				if !yield(f.files[name], nil) {
					return
				}
			}
		}
	}}
}
