package repository

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"github.com/kopia/kopia/repo"
	"github.com/kopia/kopia/repo/content"
	"github.com/kopia/kopia/repo/format"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// Repositories that were made before, with other hashes and older formats of
// kopia's, are read and written as they are.
func TestOlderRepositoriesAreUsed(t *testing.T) {
	for name, old := range map[string]format.ContentFormat{
		"the hash of our first versions": {},
		"format 2":                       {MutableParameters: format.MutableParameters{Version: format.FormatVersion2, MaxPackSize: 20 << 20, IndexVersion: content.DefaultIndexVersion}},
		"format 1":                       {MutableParameters: format.MutableParameters{Version: format.FormatVersion1, MaxPackSize: 20 << 20, IndexVersion: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			o := Options{Target: target.Directory(t.TempDir()), Cache: t.TempDir(), Password: "a key", Log: slog.New(slog.DiscardHandler)}
			if err := repo.Initialize(ctx, newFiles(o.Target), &repo.NewRepositoryOptions{BlockFormat: old}, o.Password); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				r, err := Open(ctx, o)
				if err != nil {
					t.Fatal(err)
				}
				body := bytes.Repeat([]byte("database"), 100_000*(i+1))
				id, err := r.Write(ctx, func() (Document, error) { return Document{Kind: "full", Body: json.RawMessage(`{}`)}, nil },
					func(ctx context.Context, w *Writer) error {
						return w.Stream(ctx, "base.tar", SmallChunks, io.NopCloser(bytes.NewReader(body)))
					}, nil)
				if err != nil {
					t.Fatal(err)
				}
				verdicts, err := r.Verify(ctx, []string{id}, 100)
				if err != nil || len(verdicts[0].Damages) > 0 {
					t.Errorf("%+v %v", verdicts, err)
				}
				if err := r.Reclaim(ctx, true); err != nil {
					t.Error(err)
				}
				if err := r.Close(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
