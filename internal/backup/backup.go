// Package backup takes database, objects, configuration and secrets as one
// consistent set, and brings them back.
//
// Create copies the database first, and the objects after the point at which the
// copy is consistent. The product writes an object before the row that names it and
// never changes one, so every object that the restored database names is in the set.
package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Database is what a set needs of PostgreSQL.
type Database interface {
	// Facts are read before the copy begins.
	Facts(context.Context) (DatabaseFacts, error)
	// Copy streams a physical copy of the whole server; nil when the role may not.
	Copy(context.Context) (DatabaseCopy, error)
	// Dump streams a logical copy, which other versions of the server can read.
	Dump(context.Context) (io.ReadCloser, error)
}

// DatabaseCopy is a tar stream; its extent is known at the end.
type DatabaseCopy interface {
	io.ReadCloser
	Extent() (pgcluster.Extent, error)
}

// Sources is what one set is made of.
type Sources struct {
	Database Database
	Objects  objectstore.Store
	// Files are the contents of the set's directory config, by their path in it.
	Files map[string][]byte
	// Logical adds a logical copy to the set: it survives a change of the server's
	// major version, of the operating system's collations, and damage to files.
	Logical bool
	Version string // of this program
	Host    string
	Now     func() time.Time
}

// Progress is how much of one part of a set is read.
type Progress struct {
	Part  string // database, logical copy, objects, config
	Bytes int64  // read so far
	Total int64  // expected; 0 when unknown
}

// Names of the parts of a set.
const (
	databasePart = "base.tar"
	logicalPart  = "database.dump"
	objectsPart  = "objects"
	configPart   = "config"
)

// Create saves one set and returns its id and description. Nothing is saved when
// it returns an error.
func Create(ctx context.Context, r *repository.Repository, s Sources, report func(Progress)) (string, Document, error) {
	d := Document{Format: format, CreatedAt: s.Now().UTC(), Host: s.Host, Version: s.Version}
	var err error
	if d.Database.DatabaseFacts, err = s.Database.Facts(ctx); err != nil {
		return "", d, fmt.Errorf("asking the database about itself: %w", err)
	}
	progress, mu := Progress{}, sync.Mutex{} // objects are read several at once
	step := func(part string, total int64) {
		mu.Lock()
		defer mu.Unlock()
		progress = Progress{Part: part, Total: total}
		report(progress)
	}
	heard := func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		progress.Bytes += n
		report(progress)
	}
	read := func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return progress.Bytes
	}
	describe := func() (repository.Document, error) {
		body, err := json.MarshalIndent(d, "", "  ")
		return repository.Document{Kind: "full", Body: body}, err
	}
	id, err := r.Write(ctx, describe, func(ctx context.Context, w *repository.Writer) error {
		step("database", d.Database.Bytes)
		copying, err := s.Database.Copy(ctx)
		if err != nil {
			return err
		}
		if copying != nil {
			if err := w.Stream(ctx, databasePart, repository.SmallChunks, copying); err != nil {
				return err
			}
			if d.Database.Extent, err = copying.Extent(); err != nil {
				return err
			}
			// A customer's server may hold more than our role can see.
			d.Database.Bytes = max(d.Database.Bytes, read())
		}
		if s.Logical || copying == nil {
			step("logical", d.Database.Bytes)
			dump, err := s.Database.Dump(ctx)
			if err != nil {
				return err
			}
			if err := w.Stream(ctx, logicalPart, repository.MediumChunks, dump); err != nil {
				return err
			}
			d.Logical = true
		}
		step("objects", 0)
		var tally tally
		if err := w.Tree(ctx, objects(s.Objects, &tally), repository.LargeChunks); err != nil {
			return err
		}
		d.Objects = tally.sum()
		step("config", 0)
		d.Files = len(s.Files)
		return w.Tree(ctx, files(s.Files, d.CreatedAt), repository.LargeChunks)
	}, heard)
	return id, d, err
}

// files is the directory of configuration and secrets.
func files(contents map[string][]byte, at time.Time) repository.Entry {
	root := newFolder(configPart)
	for inside, data := range contents {
		root.add(inside, repository.Entry{
			Name: path.Base(inside), Size: int64(len(data)), ModifiedAt: at,
			Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		})
	}
	return root.entry()
}
