package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
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
	now := old.Add(target.LetGoDelay)
	put(t, from, "owner.json", "first", time.Time{})
	put(t, from, "ballast", "heavy", time.Time{})
	put(t, from, "RESTORE.txt", "how", time.Time{})
	put(t, from, "sets/kopia.repository.f", "format", old)
	put(t, from, "sets/p/abc/00000000000000000000000000001.f", "pack", old)
	put(t, from, "sets/x/n0_/00000000000000000000000000000001.f", "index", old)
	put(t, from, "archive/wal/7/000000010000000000000001.zst.age", "wal", old)
	put(t, from, "archive/pictures/a.zst.age", "picture", old)
	targettest.Stores(t, func(t *testing.T, to target.Store) {
		put(t, to, "owner.json", "second", time.Time{})
		put(t, to, "sets/p/01d/00000000000000000000000000000.f", "goes", time.Time{})
		decided := old
		journal := &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: func() time.Time { return decided }}
		if err := journal.LetGo(t.Context(), "sets/p/01d/00000000000000000000000000000.f"); err != nil {
			t.Fatal(err)
		}
		run := func(to target.Store) (target.Mirrored, error) {
			return (&target.Mirror{From: from, To: to, Journal: journal, Delete: true, Now: func() time.Time { return now }}).Run(t.Context())
		}
		for steps := 0; ; steps++ {
			_, err := run(&counted{Store: to, left: steps})
			if err == nil {
				break
			}
			files, err := to.Walk(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			have := names(files)
			if strings.Contains(have, "x/n0_/00000000000000000000000000000001.f") && !strings.Contains(have, "abc/00000000000000000000000000001.f") || strings.Contains(have, "wal/7/000000010000000000000001.zst.age") && !strings.Contains(have, "pictures/a.zst.age") {
				t.Errorf("after %d steps: %s", steps, have)
			}
		}
		files, err := to.Walk(t.Context(), "")
		if want := "RESTORE.txt archive/pictures/a.zst.age archive/wal/7/000000010000000000000001.zst.age owner.json sets/kopia.repository.f sets/p/abc/00000000000000000000000000001.f sets/x/n0_/00000000000000000000000000000001.f"; err != nil || names(files) != want {
			t.Errorf("%s %v", names(files), err)
		}
		if f, err := to.Stat(t.Context(), "archive/wal/7/000000010000000000000001.zst.age"); err != nil || !f.ModifiedAt.Equal(old) {
			t.Errorf("the WAL is of %s %v", f.ModifiedAt, err)
		}
		if data, err := target.ReadFile(t.Context(), to, "owner.json"); err != nil || string(data) != "second" {
			t.Errorf("the owner is %s %v", data, err)
		}
		put(t, to, "sets/p/abc/00000000000000000000000000002.f", "more", time.Time{})
		if out, err := run(to); err != nil || out.Deleted != 0 || out.Copied != 1 || out.Lost != 1 { // RESTORE.txt is always copied
			t.Errorf("again, after an accident on the first target: %+v %v", out, err)
		}
	})
}

// The second target does not repeat accidents of the first.
func TestACopyKeepsWhatAnAccidentTook(t *testing.T) {
	ctx := t.Context()
	from, to := newMemory(), newMemory()
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	journal := &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: func() time.Time { return now }}
	run := func(change func(*target.Mirror)) (target.Mirrored, error) {
		m := &target.Mirror{From: from, To: to, Journal: journal, Delete: true, Now: func() time.Time { return now }}
		change(m)
		return m.Run(ctx)
	}
	plain := func(*target.Mirror) {}
	for _, name := range []string{"sets/kopia.repository.f", "sets/p/aaa/00000000000000000000000000001.f", "sets/p/aaa/00000000000000000000000000002.f", "archive/pictures/1.zst.age"} {
		put(t, from, name, "good "+name, time.Time{})
	}
	if _, err := run(plain); err != nil {
		t.Fatal(err)
	}
	good := maps.Clone(to.files)
	delete(from.files, "sets/p/aaa/00000000000000000000000000001.f")
	from.files["sets/p/aaa/00000000000000000000000000002.f"] = "overwritten"
	from.files["archive/pictures/1.zst.age"] = ""
	if err := journal.LetGo(ctx, "sets/p/aaa/00000000000000000000000000009.f"); err != nil {
		t.Fatal(err)
	}
	to.files["sets/p/aaa/00000000000000000000000000009.f"] = "let go long ago"
	now = now.Add(30 * 24 * time.Hour)
	out, err := run(plain)
	if err != nil || out.Lost != 2 || out.Changed != 1 || out.Deleted != 0 || out.Waiting != 1 || len(out.Examples) != 3 {
		t.Errorf("%+v %v", out, err)
	}
	for name, body := range good {
		if to.files[name] != body {
			t.Errorf("%s of the copy is %q", name, to.files[name])
		}
	}
	// Somebody decides that the missing file is not needed, and repairs the other.
	maps.Copy(from.files, good)
	delete(from.files, "sets/p/aaa/00000000000000000000000000001.f")
	if out, err := run(func(m *target.Mirror) { m.Accept = true }); err != nil || out.Lost != 0 || out.Waiting != 1 || out.Deleted != 1 {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := run(plain); err != nil || out.Lost != 0 || out.Deleted != 0 || out.Waiting != 1 {
		t.Errorf("%+v %v", out, err)
	}
	now = now.Add(target.LetGoDelay)
	if out, err := run(plain); err != nil || out.Deleted != 1 || out.Waiting != 0 || to.files["sets/p/aaa/00000000000000000000000000001.f"] != "" {
		t.Errorf("%+v %v", out, err)
	}
	// A first target that was wiped, and one that is another.
	for _, format := range []string{"", "another"} {
		clear(from.files)
		if format != "" {
			from.files["sets/kopia.repository.f"], from.files["sets/p/bbb/00000000000000000000000000001.f"] = format, "new"
		}
		before := maps.Clone(to.files)
		if _, err := run(plain); !errors.Is(err, target.ErrOtherRepository) || !maps.Equal(before, to.files) {
			t.Errorf("%q: %v", format, err)
		}
	}
}

func TestACopyLosesNoMoreThanItsLimitInOneRun(t *testing.T) {
	from, to := newMemory(), newMemory()
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	journal := &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: func() time.Time { return now }}
	var gone []string
	for i := range 5001 {
		name := fmt.Sprintf("archive/wal/7/%024X.zst.age", i)
		to.files[name] = "wal"
		gone = append(gone, name)
	}
	if err := journal.LetGo(t.Context(), gone...); err != nil {
		t.Fatal(err)
	}
	now = now.Add(target.LetGoDelay)
	for i, want := range []int{5000, 1} {
		m := &target.Mirror{From: from, To: to, Journal: journal, Delete: true, Now: func() time.Time { return now }}
		if out, err := m.Run(t.Context()); err != nil || out.Deleted != want || out.Waiting != 1-i {
			t.Errorf("run %d: %+v %v", i, out, err)
		}
	}
	if left, err := journal.Decisions(); err != nil || len(left) != 0 {
		t.Errorf("%d decisions stay: %v", len(left), err)
	}
}

// The place of the copy may go away in the middle, which looks like a file that is gone.
func TestACopyThatGoesAwayIsAnError(t *testing.T) {
	from, to := newMemory(), target.Directory(t.TempDir())
	from.files["archive/wal/7/000000010000000000000001.zst.age"] = "wal"
	journal := &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: time.Now}
	away := &vanishing{Store: to, dir: string(to)}
	m := &target.Mirror{From: from, To: away, Journal: journal, Now: time.Now}
	if out, err := m.Run(t.Context()); err == nil {
		t.Errorf("%+v", out)
	}
}

type vanishing struct {
	target.Store
	dir string
}

func (v *vanishing) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if err := os.RemoveAll(v.dir); err != nil {
		return err
	}
	return v.Store.Put(ctx, name, body, at)
}

func TestTheJournalSurvivesAPowerCutAndItsLimit(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	j := &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: func() time.Time { return now }}
	if err := j.LetGo(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(j.Path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range data {
		if err := os.WriteFile(j.Path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := j.LetGo(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		got, err := j.Decisions()
		if _, ok := got["c"]; err != nil || !ok || len(got) > 2 {
			t.Fatalf("cut at %d: %v %v", cut, got, err)
		}
		for name := range got {
			if name != "a" && name != "c" {
				t.Fatalf("cut at %d: %v", cut, got)
			}
		}
	}
	long := strings.Repeat("x", 1000)
	for i := range 8 {
		now = now.Add(time.Hour)
		var many []string
		for k := range 10000 {
			many = append(many, fmt.Sprint(long, i, "-", k))
		}
		if err := j.LetGo(t.Context(), many...); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(j.Path)
	got, err2 := j.Decisions()
	if err != nil || err2 != nil || info.Size() > 64<<20 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v %v", info, err, err2)
	}
	if _, ok := got[fmt.Sprint(long, 7, "-", 9999)]; !ok {
		t.Error("the newest decision is forgotten")
	}
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
