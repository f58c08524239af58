package target_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

func put(t *testing.T, s target.Store, name, body string, at time.Time) {
	t.Helper()
	if err := s.Put(t.Context(), name, strings.NewReader(body), at); err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

func names(files []target.File) string {
	var out []string
	for _, f := range files {
		name := f.Name
		if f.IsDir {
			name += "/"
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestEveryStoreKeepsFiles(t *testing.T) {
	targettest.Stores(t, func(t *testing.T, s target.Store) {
		ctx := t.Context()
		written := time.Date(2026, 11, 24, 3, 4, 5, 0, time.UTC)
		put(t, s, "archive/wal/7/a.zst.age", "0123456789", written)
		put(t, s, "archive/wal/7/b", "", time.Time{})
		put(t, s, "sets/p/abc/d.f", "pack", time.Time{})
		put(t, s, "owner.json", "{}", time.Time{})
		put(t, s, "owner.json", "{ }", time.Time{}) // replaced

		if f, err := s.Stat(ctx, "archive/wal/7/a.zst.age"); err != nil || f.Size != 10 || !f.ModifiedAt.Equal(written) {
			t.Errorf("stat: %+v %v", f, err)
		}
		for _, r := range []struct {
			from, length int64
			want         string
		}{{0, -1, "0123456789"}, {3, 4, "3456"}, {9, 1, "9"}, {4, -1, "456789"}, {0, 1, "0"}, {0, 0, ""}} {
			body, err := s.Open(ctx, "archive/wal/7/a.zst.age", r.from, r.length)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(body); err != nil || string(got) != r.want {
				t.Errorf("%d+%d: %q %v", r.from, r.length, got, err)
			}
			body.Close()
		}
		for dir, want := range map[string]string{"": "archive/ owner.json sets/", "archive": "wal/", "archive/wal/7": "a.zst.age b", "nothing": ""} {
			if files, err := s.Dir(ctx, dir); err != nil || names(files) != want {
				t.Errorf("dir %q: %q %v", dir, names(files), err)
			}
		}
		if files, err := s.Walk(ctx, "archive"); err != nil || names(files) != "archive/wal/7/a.zst.age archive/wal/7/b" {
			t.Errorf("walk: %q %v", names(files), err)
		}
		if data, err := target.ReadFile(ctx, s, "owner.json"); err != nil || string(data) != "{ }" {
			t.Errorf("replaced: %q %v", data, err)
		}
		for range 2 { // the second time there is none
			if err := s.Delete(ctx, "archive/wal/7/a.zst.age"); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Open(ctx, "archive/wal/7/a.zst.age", 0, -1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open what was deleted: %v", err)
		}
		if _, err := s.Stat(ctx, "sets/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat of nothing: %v", err)
		}
		if free, err := s.Free(ctx); !(errors.Is(err, target.ErrSpaceUnknown) || err == nil && free > 1<<20) {
			t.Errorf("free: %d %v", free, err)
		}
	})
}

// broken fails in the middle.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("the source broke")
	}
	return n, err
}

func TestABrokenPutLeavesWhatWasThere(t *testing.T) {
	targettest.Stores(t, func(t *testing.T, s target.Store) {
		put(t, s, "sets/x", "old", time.Time{})
		err := s.Put(t.Context(), "sets/x", broken{bytes.NewReader(make([]byte, 3<<20))}, time.Time{})
		if err == nil || !strings.Contains(err.Error(), "the source broke") {
			t.Errorf("%v", err)
		}
		if data, err := target.ReadFile(t.Context(), s, "sets/x"); err != nil || string(data) != "old" {
			t.Errorf("%q %v", data, err)
		}
		if files, err := s.Walk(t.Context(), ""); err != nil || names(files) != "sets/x" {
			t.Errorf("left behind: %q %v", names(files), err)
		}
	})
}

func TestWhatInterruptedWritesLeftIsSwept(t *testing.T) {
	dir := t.TempDir()
	sftp, err := target.NewSFTP(targettest.StartSFTP(t, dir).Options)
	if err != nil {
		t.Fatal(err)
	}
	defer sftp.Close()
	for _, s := range []target.Store{target.Directory(dir), sftp} {
		put(t, s, "sets/p/abc/1.f", "pack", time.Time{})
		put(t, s, "archive/wal/7/.incoming-1", "rest", time.Now().Add(-48*time.Hour))
		put(t, s, "archive/wal/8/.incoming-2", "under way", time.Now())
		if err := target.Sweep(t.Context(), s, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stat(t.Context(), "archive/wal/7/.incoming-1"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", s, err)
		}
		for _, name := range []string{"archive/wal/8/.incoming-2", "sets/p/abc/1.f"} {
			if _, err := s.Stat(t.Context(), name); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		}
	}
}

func TestTheOwnerIsKnownOnEveryKindOfTarget(t *testing.T) {
	targettest.Stores(t, func(t *testing.T, s target.Store) {
		a, b := newMachine(t, "", "a"), newMachine(t, "", "b")
		a.Store, b.Store = s, s
		if err := a.Renew(t.Context()); !errors.Is(err, target.ErrAway) {
			t.Errorf("unclaimed: %v", err)
		}
		if err := a.Claim(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.beat(t)
		if err := b.Renew(t.Context()); !errors.Is(err, target.ErrOwnedElsewhere) {
			t.Errorf("another machine: %v", err)
		}
	})
}

func TestAnSFTPConnectionThatBreaksIsMadeAgain(t *testing.T) {
	server := targettest.StartSFTP(t, t.TempDir())
	s, err := target.NewSFTP(server.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put(t, s, "a", "1", time.Time{})
	for range 3 {
		server.Cut()
		put(t, s, "a", "2", time.Time{})
	}
	server.Cut()
	if f, err := s.Stat(t.Context(), "a"); err != nil || f.Size != 1 {
		t.Errorf("%+v %v", f, err)
	}
}

func TestAnSFTPServerMustBeTheExpectedOne(t *testing.T) {
	server, other := targettest.StartSFTP(t, t.TempDir()), targettest.StartSFTP(t, t.TempDir())
	for name, change := range map[string]func(*target.SFTPOptions){
		"another key": func(o *target.SFTPOptions) { o.HostKey = other.Options.HostKey },
		"no key":      func(o *target.SFTPOptions) { o.HostKey = "" },
	} {
		o := server.Options
		change(&o)
		s, err := target.NewSFTP(o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Dir(t.Context(), "")
		if !errors.Is(err, target.ErrHostKey) || !strings.Contains(err.Error(), strings.TrimSpace(server.Options.HostKey)) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
	o := server.Options
	o.Key = other.Options.Key
	s, err := target.NewSFTP(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Dir(t.Context(), ""); !errors.Is(err, target.ErrAuthentication) {
		t.Errorf("a key that the server does not know: %v", err)
	}
}

func TestRemoteTargetsThatAreNotThere(t *testing.T) {
	gone := targettest.StartSFTP(t, filepath.Join(t.TempDir(), "gone"))
	s, err := target.NewSFTP(gone.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Dir(t.Context(), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	o := targettest.StartS3(t)
	for name, change := range map[string]func(*target.S3Options){
		"there is no bucket nothing": func(o *target.S3Options) { o.Bucket = "nothing" },
		"signature":                  func(o *target.S3Options) { o.SecretKey = "wrong-wrong" },
	} {
		o := o
		change(&o)
		s, err := target.NewS3(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Dir(t.Context(), ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Put(t.Context(), "a", strings.NewReader("b"), time.Time{}); err == nil {
			t.Errorf("%s: put", name)
		}
	}
}

// A server that stalls counts as one that is gone, and is used again when it is
// back.
func TestAServerThatStallsIsGivenUp(t *testing.T) {
	server := targettest.StartSFTP(t, t.TempDir())
	server.Options.Silence = 300 * time.Millisecond
	s, err := target.NewSFTP(server.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put(t, s, "a", "1", time.Time{})
	server.Deafen(true)
	server.Cut()
	if err := s.Put(t.Context(), "b", strings.NewReader("2"), time.Time{}); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("a deaf server: %v", err)
	}
	server.Deafen(false)
	server.Cut()
	put(t, s, "b", "2", time.Time{})

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	deaf, err := target.NewS3(target.S3Options{Endpoint: "http://" + ln.Addr().String(), Region: "us-east-1", Bucket: "backups", AccessKey: "a", SecretKey: "b", Silence: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deaf.Stat(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("a deaf service: %v", err)
	}
}

func TestAMirrorFollowsAndSurvivesEveryInterruption(t *testing.T) {
	from := target.Directory(t.TempDir())
	old := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	put(t, from, "owner.json", "first", time.Time{})
	put(t, from, "ballast", "heavy", time.Time{})
	put(t, from, "RESTORE.txt", "how", time.Time{})
	put(t, from, "sets/kopia.repository.f", "format", old)
	put(t, from, "sets/p/abc/1.f", "pack", old)
	put(t, from, "sets/x/n/1.f", "index", old)
	put(t, from, "archive/wal/7/1", "wal", old)
	put(t, from, "archive/pictures/a", "picture", old)
	targettest.Stores(t, func(t *testing.T, to target.Store) {
		put(t, to, "owner.json", "second", time.Time{})
		put(t, to, "sets/p/old/0.f", "goes", time.Time{})
		total := 0
		for steps := 0; ; steps++ {
			limited := &counted{Store: to, left: steps}
			out, err := (&target.Mirror{From: from, To: limited, Delete: true}).Run(t.Context())
			if total += out.Copied; err == nil {
				break
			}
			files, err := to.Walk(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			have := names(files)
			if strings.Contains(have, "x/n/1.f") && !strings.Contains(have, "abc/1.f") || strings.Contains(have, "wal/7/1") && !strings.Contains(have, "pictures/a") {
				t.Errorf("after %d steps: %s", steps, have)
			}
		}
		files, err := to.Walk(t.Context(), "")
		if want := "RESTORE.txt archive/pictures/a archive/wal/7/1 owner.json sets/kopia.repository.f sets/p/abc/1.f sets/x/n/1.f"; err != nil || names(files) != want {
			t.Errorf("%s %v", names(files), err)
		}
		if f, err := to.Stat(t.Context(), "archive/wal/7/1"); err != nil || !f.ModifiedAt.Equal(old) {
			t.Errorf("the WAL is of %s %v", f.ModifiedAt, err)
		}
		if data, err := target.ReadFile(t.Context(), to, "owner.json"); err != nil || string(data) != "second" {
			t.Errorf("the owner is %s %v", data, err)
		}
		put(t, to, "sets/p/abc/2.f", "more", time.Time{})
		out, err := (&target.Mirror{From: from, To: to}).Run(t.Context())
		if err != nil || out.Deleted != 0 || out.Copied != 2 { // what may change is small, and copied always
			t.Errorf("again, without deleting: %+v %v", out, err)
		}
	})
}

// counted is a store that breaks after some changes.
type counted struct {
	target.Store
	left int
}

var errCut = errors.New("cut")

func (c *counted) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if c.left--; c.left < 0 {
		return errCut
	}
	return c.Store.Put(ctx, name, body, at)
}

func (c *counted) Delete(ctx context.Context, name string) error {
	if c.left--; c.left < 0 {
		return errCut
	}
	return c.Store.Delete(ctx, name)
}

func TestADirectoryThatIsAwayIsNotMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mount")
	if err := target.Directory(dir).Put(t.Context(), "a/b", strings.NewReader("x"), time.Time{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
