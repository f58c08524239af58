package storetest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bugspark/bugspark/internal/objectstore"
)

func list(t *testing.T, s objectstore.Store) {
	empty(t, s)
	want := []string{"a-b", "a.b/c", "a/b", "a/b-c", "a/b.d/e", "a0", "aa/z", "b", "Z"}
	for _, key := range want {
		put(t, s, key, key)
	}
	slices.Sort(want)
	if got := keys(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("List:\n got %q\nwant %q", got, want)
	}
	for object, err := range s.List(t.Context(), "a/b.d/") {
		if err != nil {
			t.Fatal(err)
		}
		if object.Size != int64(len("a/b.d/e")) || object.ModifiedAt.IsZero() {
			t.Errorf("listed %+v", object)
		}
	}
}

func listPrefix(t *testing.T, s objectstore.Store) {
	for _, key := range []string{"p/1/a", "p/1/b", "p/10/a", "p/2/a", "q/1", "..hidden/x"} {
		put(t, s, key, "x")
	}
	for prefix, want := range map[string][]string{
		"p/1":     {"p/1/a", "p/1/b", "p/10/a"},
		"p/1/":    {"p/1/a", "p/1/b"},
		"p/1/b":   {"p/1/b"},
		"p":       {"p/1/a", "p/1/b", "p/10/a", "p/2/a"},
		"p/1/b/":  nil,
		"nothing": nil,
		"x/y/z":   nil,
		"..h":     {"..hidden/x"},
		"q/1":     {"q/1"},
	} {
		if got := keys(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
}

// listPages lists more than the thousand objects that one page of S3 holds.
func listPages(t *testing.T, s objectstore.Store) {
	const n = 1100
	work := make(chan int)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for i := range work {
				if err := s.Put(t.Context(), fmt.Sprintf("page/%04d", i), "text/plain", strings.NewReader("x"), 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	group.Wait()
	got := keys(t, s, "page/")
	if len(got) != n || !slices.IsSorted(got) {
		t.Errorf("listed %d of %d objects, sorted: %v", len(got), n, slices.IsSorted(got))
	}
}

func listStops(t *testing.T, s objectstore.Store) {
	for _, key := range []string{"a/1", "a/2", "b"} {
		put(t, s, key, "x")
	}
	seen := 0
	for range s.List(t.Context(), "") {
		seen++
		break
	}
	if seen != 1 {
		t.Errorf("the loop ran %d times after its break", seen)
	}
}

func put(t *testing.T, s objectstore.Store, key, content string) {
	t.Helper()
	if err := s.Put(t.Context(), key, "text/plain", strings.NewReader(content), int64(len(content))); err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
}

func read(t *testing.T, s objectstore.Store, key string) string {
	t.Helper()
	body, object, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	got, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatalf("reading %q: %v", key, err)
	}
	if object.Key != key || object.Size != int64(len(got)) || object.ContentType == "" {
		t.Errorf("Get(%q) of %d bytes described %+v", key, len(got), object)
	}
	return string(got)
}

func holds(t *testing.T, s objectstore.Store, key, want string) {
	t.Helper()
	if got := read(t, s, key); got != want {
		t.Errorf("object %q: got %d bytes, want %d: %.40q, %.40q", key, len(got), len(want), got, want)
	}
}

func gone(t *testing.T, s objectstore.Store, key string) {
	t.Helper()
	if body, _, err := s.Get(t.Context(), key); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("Get(%q): want ErrNotFound, got %v, %v", key, body, err)
	}
	if object, err := s.Stat(t.Context(), key); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("Stat(%q): want ErrNotFound, got %+v, %v", key, object, err)
	}
}

func keys(t *testing.T, s objectstore.Store, prefix string) []string {
	t.Helper()
	var out []string
	for object, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		out = append(out, object.Key)
	}
	return out
}

func empty(t *testing.T, s objectstore.Store) {
	t.Helper()
	if got := keys(t, s, ""); len(got) != 0 {
		t.Errorf("the store holds %q, want nothing", got)
	}
}
