package repository

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kopia/kopia/fs"
	"github.com/kopia/kopia/fs/virtualfs"
	"github.com/kopia/kopia/repo"
	"github.com/kopia/kopia/repo/compression"
	"github.com/kopia/kopia/snapshot"
	"github.com/kopia/kopia/snapshot/policy"
	"github.com/kopia/kopia/snapshot/snapshotfs"
	"github.com/kopia/kopia/snapshot/upload"
)

// Chunking of a part, as measured: a database's pages change here and there, so
// small chunks store a fifth of what the default would; a dump changes at its
// end; pictures never change.
type Chunking string

// The chunkings.
const (
	SmallChunks  Chunking = "DYNAMIC-128K-BUZHASH"
	MediumChunks Chunking = "DYNAMIC-1M-BUZHASH"
	LargeChunks  Chunking = "DYNAMIC-4M-BUZHASH"
)

// Writer puts the parts of one set side by side.
type Writer struct {
	r        *Repository
	w        repo.RepositoryWriter
	previous *snapshot.Manifest
	parts    snapshotfs.DirManifestBuilder
	report   func(bytes int64)
	stats    snapshot.Stats
}

// Write saves one set: what fill gives the writer, under a document that
// describes it. The set is there, and on the disk, when Write returns nil, and
// was never there otherwise. report, which may be nil, hears of bytes read.
func (r *Repository) Write(ctx context.Context, describe func() (Document, error), fill func(context.Context, *Writer) error, report func(bytes int64)) (string, error) {
	began := fs.UTCTimestampFromTime(time.Now())
	sets, err := r.manifests(ctx)
	if err != nil {
		return "", err
	}
	var id string
	err = repo.WriteSession(ctx, r.rep, repo.WriteSessionOptions{Purpose: "backup"}, func(ctx context.Context, rw repo.RepositoryWriter) error {
		w := &Writer{r: r, w: rw, report: report}
		if len(sets) > 0 {
			w.previous = sets[0]
		}
		if err := fill(ctx, w); err != nil {
			return err
		}
		document, err := describe()
		if err != nil {
			return err
		}
		if err := w.document(ctx, document); err != nil {
			return err
		}
		saved, err := w.save(ctx, began, document)
		id = saved
		return err
	})
	if err != nil {
		return "", r.failed(fmt.Errorf("saving the set: %w", err))
	}
	// Believe the target, not the session.
	if err := r.rep.Refresh(ctx); err != nil {
		return "", fmt.Errorf("reading the set back: %w", err)
	}
	if _, err := r.Document(ctx, id); err != nil {
		return "", fmt.Errorf("reading the set back: %w", err)
	}
	return id, nil
}

// Document describes a set; its JSON is the file set.json.
type Document struct {
	Kind string          `json:"kind"` // full
	Body json.RawMessage `json:"-"`
}

const documentName = "set.json"

// Stream saves what body gives as one file. An error of its Read fails the set.
func (w *Writer) Stream(ctx context.Context, name string, c Chunking, body io.ReadCloser) error {
	h := &heard{ReadCloser: readAhead(body), report: w.report}
	defer h.Close()
	// kopia takes streams only in directories; the file is lifted out of it.
	entry, err := w.upload(ctx, virtualfs.NewStaticDirectory("part", []fs.Entry{stream{node{e: Entry{Name: name, ModifiedAt: time.Now()}}, h}}), name, c, nil)
	if h.err != nil {
		return fmt.Errorf("saving %s: %w", name, h.err)
	}
	if err != nil {
		return err
	}
	lifted, err := childOf(ctx, w.w, entry, name)
	if err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	w.parts.AddEntry(lifted)
	return nil
}

// Tree saves a directory. Files that the set before has unchanged are not read.
func (w *Writer) Tree(ctx context.Context, e Entry, c Chunking) error {
	entry, err := w.upload(ctx, directory{node{e, w.report}}, e.Name, c, w.before(ctx, e.Name))
	if err != nil {
		return err
	}
	named := entry.Clone()
	named.Name = e.Name
	w.parts.AddEntry(named)
	return nil
}

func (w *Writer) document(ctx context.Context, d Document) error {
	return w.Stream(ctx, documentName, LargeChunks, io.NopCloser(bytes.NewReader(d.Body)))
}

func (w *Writer) upload(ctx context.Context, e fs.Directory, name string, c Chunking, before []*snapshot.Manifest) (*snapshot.DirEntry, error) {
	u := upload.NewUploader(w.w)
	u.FailFast = true
	u.DisableIgnoreRules = true
	u.ParallelUploads = 8
	p := &policy.Policy{
		SplitterPolicy:            policy.SplitterPolicy{Algorithm: string(c)},
		CompressionPolicy:         policy.CompressionPolicy{CompressorName: "zstd-fastest"},
		MetadataCompressionPolicy: policy.MetadataCompressionPolicy{CompressorName: "zstd-fastest"},
	}
	if c == LargeChunks {
		p.CompressionPolicy.NeverCompress = []string{".png", ".jpg", ".webp"}
	}
	m, err := u.Upload(ctx, e, policy.BuildTree(map[string]*policy.Policy{".": p}, p), source(), before...)
	if err != nil {
		return nil, fmt.Errorf("saving %s: %w", name, err)
	}
	// A source that breaks midway is no error to kopia, only an incomplete
	// snapshot or one with errors.
	if sum := m.RootEntry.DirSummary; sum != nil && len(sum.FailedEntries) > 0 {
		return nil, fmt.Errorf("saving %s: %s: %s", name, sum.FailedEntries[0].EntryPath, sum.FailedEntries[0].Error)
	}
	if m.IncompleteReason != "" || m.Stats.ErrorCount > 0 || m.Stats.IgnoredErrorCount > 0 {
		return nil, fmt.Errorf("saving %s ended before its end (%s, %d errors)", name, m.IncompleteReason, m.Stats.ErrorCount)
	}
	w.stats.TotalFileSize += m.Stats.TotalFileSize
	w.stats.TotalFileCount += m.Stats.TotalFileCount
	return m.RootEntry, nil
}

// before is the part of that name in the set before, as a snapshot of its own.
func (w *Writer) before(ctx context.Context, name string) []*snapshot.Manifest {
	if w.previous == nil {
		return nil
	}
	entry, err := childOf(ctx, w.w, w.previous.RootEntry, name)
	if err != nil {
		return nil // a part that set did not have
	}
	m := *w.previous
	m.RootEntry = entry
	return []*snapshot.Manifest{&m}
}

func (w *Writer) save(ctx context.Context, began fs.UTCTimestamp, d Document) (string, error) {
	now := fs.UTCTimestampFromTime(time.Now())
	dir := w.parts.Build(now, "")
	oid, err := snapshotfs.WriteDirManifest(ctx, w.w, ".", dir, compression.Name("zstd-fastest"))
	if err != nil {
		return "", fmt.Errorf("writing the set's directory: %w", err)
	}
	id, err := snapshot.SaveSnapshot(ctx, w.w, &snapshot.Manifest{
		Source: source(), Description: d.Kind, StartTime: began, EndTime: now, Stats: w.stats,
		RootEntry: &snapshot.DirEntry{Name: "set", Type: snapshot.EntryTypeDirectory, Permissions: 0o700, ModTime: now, ObjectID: oid, DirSummary: dir.Summary},
	})
	if err != nil {
		return "", fmt.Errorf("writing the set's manifest: %w", err)
	}
	return string(id), nil
}

// heard reports what is read, and keeps the error a stream ended with.
type heard struct {
	io.ReadCloser
	report func(int64)
	err    error
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if h.report != nil && n > 0 {
		h.report(int64(n))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		h.err = err
	}
	return n, err
}
