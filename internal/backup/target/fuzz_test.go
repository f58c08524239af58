package target

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
)

func FuzzNames(f *testing.F) {
	for _, name := range []string{"sets/kopia.repository.f", "sets/p/abc/0123456789abcdef0123456789abc-s1.f", "archive/wal/7/000000010000000000000001.00000000-00000100.zst.age", "archive/pictures/a/b.png.zst.age", "../x", "a//b", "/", "", "a\x00b", "archive/wal/../x"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if named(name) == nil != ours(name) {
			t.Errorf("%q", name)
		}
		if ours(name) && (!fs.ValidPath(name) || strings.ContainsFunc(name, unicode.IsControl) || len(name) > longestName) {
			t.Errorf("%q is one of ours", name)
		}
		if p, ok := parsePiece(name); ok && (p.from < 0 || p.behind < p.from || !strings.HasPrefix(name, walDir)) {
			t.Errorf("%q: %+v", name, p)
		}
		if at := stage(name); at < 0 || at >= stages {
			t.Errorf("%q: stage %d", name, at)
		}
		if hasForm(name) && strings.HasPrefix(name, walDir) && strings.Contains(name, "..") {
			t.Errorf("%q has a form", name)
		}
	})
}

func FuzzOwner(f *testing.F) {
	f.Add([]byte(`{"machine_id": "m", "host": "bugs", "since": "2026-11-26T12:00:00Z", "mark": "1"}`))
	f.Add([]byte(`{"host": "\u001b[2J"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseOwner(data)
		if err == nil && strings.ContainsFunc(o.Host+o.Machine+o.Mark, unicode.IsControl) {
			t.Errorf("%+v", o)
		}
	})
}

// FuzzListing lets a service answer with any text to a question for a list.
func FuzzListing(f *testing.F) {
	var answer atomic.Pointer[[]byte]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*answer.Load()) }))
	f.Cleanup(server.Close)
	s, err := NewS3(S3Options{Endpoint: server.URL, Region: "us-east-1", Bucket: "backups", Prefix: "bank", AccessKey: "a", SecretKey: "s", Silence: 5 * time.Second})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	const contents = `<Contents><Key>bank/archive/a</Key><LastModified>2026-11-26T12:00:00.000Z</LastModified><Size>3</Size></Contents>`
	for _, text := range []string{`<ListBucketResult>` + contents + `</ListBucketResult>`, `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>bank/%2e%2e/x</Key><Size>-1</Size></Contents></ListBucketResult>`,
		`<ListBucketResult><CommonPrefixes><Prefix>bank/../</Prefix></CommonPrefixes></ListBucketResult>`, `<Error><Code>NoSuchBucket</Code></Error>`, `<a><b>`, ``} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		answer.Store(&data)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		for _, list := range []func(context.Context, string) ([]File, error){s.Walk, s.Dir} {
			files, _ := list(ctx, "")
			for _, file := range files {
				if !ours(file.Name) || file.Size < 0 {
					t.Errorf("%+v", file)
				}
			}
		}
	})
}
