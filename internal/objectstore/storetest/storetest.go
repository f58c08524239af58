// Package storetest is the conformance suite of objectstore.Store: every engine
// passes it, also through the storage gate.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bugspark/bugspark/internal/objectstore"
)

// Run proves the contract on stores made by open: each call returns a prepared
// store that no other test uses.
func Run(t *testing.T, open func(t *testing.T) objectstore.Store) {
	for name, test := range map[string]func(*testing.T, objectstore.Store){
		"malformed keys":       malformedKeys,
		"wrong size":           wrongSize,
		"broken body":          brokenBody,
		"cancelled":            cancelled,
		"not found":            notFound,
		"round trip":           roundTrip,
		"longest key":          longestKey,
		"object beside prefix": objectBesidePrefix,
		"replace":              replace,
		"delete":               remove,
		"list":                 list,
		"list by prefix":       listPrefix,
		"list pages":           listPages,
		"list stops":           listStops,
		"concurrent puts":      concurrentPuts,
		"put against delete":   putAgainstDelete,
		"large object":         largeObject,
		"prepare again":        prepareAgain,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func malformedKeys(t *testing.T, s objectstore.Store) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "../a", "a\\b", "a b", "a%2eb", "a\x00b", "ä", "a?b", "a,v1", "~",
		strings.Repeat("a", objectstore.MaxPart+1), strings.Repeat("a/", objectstore.MaxKey/2) + "a",
	} {
		ctx := t.Context()
		check := func(method string, err error) {
			if !errors.Is(err, objectstore.ErrKey) {
				t.Errorf("%s(%q): want ErrKey, got %v", method, key, err)
			}
		}
		check("Put", s.Put(ctx, key, "text/plain", strings.NewReader("x"), 1))
		_, _, err := s.Get(ctx, key)
		check("Get", err)
		_, err = s.Stat(ctx, key)
		check("Stat", err)
		check("Delete", s.Delete(ctx, key))
	}
	for _, prefix := range []string{"/", "a//", "../", "a/..", ".", "a/../b", " ", "ä", "%"} {
		for _, err := range s.List(t.Context(), prefix) {
			if !errors.Is(err, objectstore.ErrKey) {
				t.Errorf("List(%q): want ErrKey, got %v", prefix, err)
			}
		}
	}
	empty(t, s)
}

func wrongSize(t *testing.T, s objectstore.Store) {
	for name, size := range map[string]int64{"short body": 11, "long body": 9, "negative size": -1} {
		for kind, body := range map[string]io.Reader{
			"seekable": strings.NewReader("0123456789"),
			"stream":   iotest.OneByteReader(strings.NewReader("0123456789")),
		} {
			if err := s.Put(t.Context(), "a", "text/plain", body, size); !errors.Is(err, objectstore.ErrSize) {
				t.Errorf("%s, %s: want ErrSize, got %v", name, kind, err)
			}
		}
	}
	empty(t, s)

	put(t, s, "kept", "old")
	if err := s.Put(t.Context(), "kept", "text/plain", strings.NewReader("new"), 4); err == nil {
		t.Error("a short body replaced an object")
	}
	holds(t, s, "kept", "old")
}

func brokenBody(t *testing.T, s objectstore.Store) {
	broken := errors.New("the client went away")
	body := io.MultiReader(strings.NewReader("01234"), iotest.ErrReader(broken))
	if err := s.Put(t.Context(), "a", "text/plain", body, 10); !errors.Is(err, broken) {
		t.Errorf("want the body's error, got %v", err)
	}
	empty(t, s)
}

func cancelled(t *testing.T, s objectstore.Store) {
	put(t, s, "kept", "old")
	ctx, cancel := context.WithCancel(t.Context())
	// The context ends while the body is read, not before.
	body := io.MultiReader(strings.NewReader("01234"), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, nil
	}), strings.NewReader("56789"))
	if err := s.Put(ctx, "a", "text/plain", body, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: want context.Canceled, got %v", err)
	}
	check := func(method string, err error) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: want context.Canceled, got %v", method, err)
		}
	}
	check("Put", s.Put(ctx, "b", "text/plain", strings.NewReader("x"), 1))
	_, _, err := s.Get(ctx, "kept")
	check("Get", err)
	_, err = s.Stat(ctx, "kept")
	check("Stat", err)
	check("Delete", s.Delete(ctx, "kept"))
	var last error
	for _, last = range s.List(ctx, "") {
	}
	check("List", last)
	holds(t, s, "kept", "old")
	if got := keys(t, s, ""); fmt.Sprint(got) != "[kept]" {
		t.Errorf("objects after cancelled puts: %q", got)
	}
}

func notFound(t *testing.T, s objectstore.Store) {
	put(t, s, "a/b", "x")
	for _, key := range []string{"nothing", "a", "a/b/c", "a/c", "b/c/d"} {
		gone(t, s, key)
	}
}

func roundTrip(t *testing.T, s objectstore.Store) {
	before := time.Now().Add(-time.Minute)
	for key, content := range map[string]string{
		"empty":                 "",
		"one":                   "x",
		"A-Z/a_z/0.9/..x/x../-": "bytes \x00\xff\r\n",
		"zeros":                 strings.Repeat("\x00", 1<<16+1),
	} {
		for _, body := range []io.Reader{strings.NewReader(content), iotest.HalfReader(strings.NewReader(content))} {
			if err := s.Put(t.Context(), key, "image/png", body, int64(len(content))); err != nil {
				t.Fatalf("Put(%q): %v", key, err)
			}
			holds(t, s, key, content)
		}
		got, err := s.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if got.Key != key || got.Size != int64(len(content)) || got.ContentType != "image/png" {
			t.Errorf("Stat(%q) = %+v", key, got)
		}
		if got.ModifiedAt.Before(before) || got.ModifiedAt.After(time.Now().Add(time.Minute)) {
			t.Errorf("Stat(%q): modified at %v", key, got.ModifiedAt)
		}
	}
}

func longestKey(t *testing.T, s objectstore.Store) {
	part := strings.Repeat("a", objectstore.MaxPart)
	key := part + "/" + part + "/" + strings.Repeat("b", objectstore.MaxKey-2*len(part)-2)
	put(t, s, key, "x")
	holds(t, s, key, "x")
	if got := keys(t, s, key); len(got) != 1 || got[0] != key {
		t.Errorf("List of the longest key: %q", got)
	}
}

func objectBesidePrefix(t *testing.T, s objectstore.Store) {
	put(t, s, "a/b/c", "3")
	put(t, s, "a/b.c", "2")
	put(t, s, "a/d", "1")
	holds(t, s, "a/b/c", "3")
	holds(t, s, "a/b.c", "2")
}

func replace(t *testing.T, s objectstore.Store) {
	put(t, s, "a", "a long first version")
	if err := s.Put(t.Context(), "a", "image/webp", strings.NewReader("second"), 6); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "a", "second")
	if got, err := s.Stat(t.Context(), "a"); err != nil || got.ContentType != "image/webp" {
		t.Errorf("Stat = %+v, %v", got, err)
	}

	// A reader of the old object is not given a mixture.
	body, _, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", "third!")
	if got, err := io.ReadAll(body); err != nil || (string(got) != "second" && string(got) != "third!") {
		t.Errorf("open reader got %q, %v", got, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}

func remove(t *testing.T, s objectstore.Store) {
	put(t, s, "a/b/c", "x")
	put(t, s, "a/d", "y")
	for range 2 {
		if err := s.Delete(t.Context(), "a/b/c"); err != nil {
			t.Fatal(err)
		}
		gone(t, s, "a/b/c")
	}
	if err := s.Delete(t.Context(), "never/was"); err != nil {
		t.Error(err)
	}
	holds(t, s, "a/d", "y")
	put(t, s, "a/b/c", "again")
	holds(t, s, "a/b/c", "again")
}

func prepareAgain(t *testing.T, s objectstore.Store) {
	put(t, s, "a", "x")
	for range 2 {
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "a", "x")
}

func concurrentPuts(t *testing.T, s objectstore.Store) {
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			content := strings.Repeat(string(rune('a'+i%26)), 10_000+i)
			if err := s.Put(t.Context(), fmt.Sprintf("own/%02d", i), "text/plain", strings.NewReader(content), int64(len(content))); err != nil {
				t.Error(err)
			}
			if err := s.Put(t.Context(), "shared", "text/plain", strings.NewReader(content), int64(len(content))); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := keys(t, s, "own/"); len(got) != 32 {
		t.Errorf("%d objects of 32: %q", len(got), got)
	}
	// The shared object is one of those written, whole.
	got := read(t, s, "shared")
	if n := len(got); n < 10_000 || n > 10_031 || strings.Trim(got, got[:1]) != "" {
		t.Errorf("the shared object is a mixture of %d bytes", n)
	}
}

// putAgainstDelete lets the last object of a directory go while others come.
func putAgainstDelete(t *testing.T, s objectstore.Store) {
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 10 {
				key := fmt.Sprintf("p/q/%d", i)
				if err := s.Put(t.Context(), key, "text/plain", strings.NewReader("x"), 1); err != nil {
					t.Error(err)
				}
				if err := s.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	empty(t, s)
}

func largeObject(t *testing.T, s objectstore.Store) {
	content := make([]byte, 20<<20+7)
	random := rand.NewChaCha8([32]byte{})
	random.Read(content)
	if err := s.Put(t.Context(), "large", "application/octet-stream", iotest.HalfReader(bytes.NewReader(content)), int64(len(content))); err != nil {
		t.Fatal(err)
	}
	if read(t, s, "large") != string(content) {
		t.Error("a large object came back changed")
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
