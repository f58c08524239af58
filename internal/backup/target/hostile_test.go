package target_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// page is an answer to a question for a list of keys.
func page(more bool, token string, keys ...string) string {
	var out strings.Builder
	fmt.Fprintf(&out, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>backups</Name><Prefix>bank/</Prefix><KeyCount>%d</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>%t</IsTruncated><NextContinuationToken>%s</NextContinuationToken>`, len(keys), more, token)
	for _, key := range keys {
		fmt.Fprintf(&out, `<Contents><Key>%s</Key><LastModified>2026-11-26T12:00:00.000Z</LastModified><ETag>"x"</ETag><Size>3</Size><StorageClass>STANDARD</StorageClass></Contents>`, key)
	}
	return out.String() + "</ListBucketResult>"
}

// bucket is a bucket of a service that answers as it likes.
func bucket(t *testing.T, answer http.HandlerFunc) *target.S3 {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s, err := target.NewS3(target.S3Options{Endpoint: server.URL, Region: "us-east-1", Bucket: "backups", Prefix: "bank", AccessKey: "a", SecretKey: "s", Silence: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Keys that are paths to elsewhere, and others that are none of ours.
var strange = []string{"bank/../../etc/cron.d/x", "bank/archive/../../x", "bank//x", "bank/./x", "bank/a/..", "bank/" + strings.Repeat("a/", 20) + "x", "bank/" + strings.Repeat("x", 300), "bank/a\tb", "bank/"}

func TestNamesOfABucketLeadNowhere(t *testing.T) {
	s := bucket(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, page(false, "", append(append([]string{}, strange...), "bank/sets/kopia.repository.f")...))
	})
	files, err := s.Walk(t.Context(), "")
	if err != nil || len(files) != 1 || files[0].Name != "sets/kopia.repository.f" {
		t.Errorf("%+v, %v", files, err)
	}
	elsewhere := bucket(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page(false, "", "other/x")) })
	for _, list := range []func() error{
		func() error { _, err := elsewhere.Walk(t.Context(), ""); return err },
		func() error { _, err := elsewhere.Dir(t.Context(), "sets"); return err },
	} {
		if err := list(); !errors.Is(err, target.ErrName) {
			t.Errorf("keys that nobody asked for: %v", err)
		}
	}
}

// A name that is used is checked as well, whoever it comes from.
func TestNoKindOfTargetUsesANameThatLeadsElsewhere(t *testing.T) {
	asked := false
	s := bucket(t, func(http.ResponseWriter, *http.Request) { asked = true })
	dir := t.TempDir()
	sftp, err := target.NewSFTP(hostileSFTP(t, nothingThere{}).Options)
	if err != nil {
		t.Fatal(err)
	}
	for _, store := range []target.Store{s, target.Directory(dir), sftp} {
		for _, name := range []string{"../x", "a/../../x", "/etc/passwd", "", ".", "a\nb", "a//b", strings.Repeat("x", 300)} {
			_, opening := store.Open(t.Context(), name, 0, -1)
			_, looking := store.Stat(t.Context(), name)
			for _, err := range []error{opening, looking, store.Put(t.Context(), name, strings.NewReader("x"), time.Time{}), store.Delete(t.Context(), name)} {
				if !errors.Is(err, target.ErrName) {
					t.Errorf("%s: %q: %v", store, name, err)
				}
			}
		}
		for _, name := range []string{"..", "/etc", "a/../.."} {
			_, walking := store.Walk(t.Context(), name)
			_, listing := store.Dir(t.Context(), name)
			if !errors.Is(walking, target.ErrName) || !errors.Is(listing, target.ErrName) {
				t.Errorf("%s: %q: %v, %v", store, name, walking, listing)
			}
		}
	}
	if asked {
		t.Error("the service was asked for such a name")
	}
}

// endless writes a text until the reader is fed up.
func endless(w http.ResponseWriter, begin, again string) {
	io.WriteString(w, begin)
	block := strings.Repeat(again, 1+64<<10/len(again))
	for {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
}

// drip writes a text byte by byte, each before the client gives the connection up.
func drip(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, " "); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		time.Sleep(50 * time.Millisecond)
	}
}

// Each ends with an error, and in memory and time that have bounds.
func TestAServiceThatDoesNotBehaveIsGivenUp(t *testing.T) {
	entity := `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "` + strings.Repeat("a", 1000) + `"><!ENTITY b "` + strings.Repeat("&a;", 1000) + `">]><ListBucketResult><Name>&b;</Name></ListBucketResult>`
	for rule, c := range map[string]struct {
		answer http.HandlerFunc
		want   error // nil: any
	}{
		"a listing whose pages never end": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page(true, "again", "bank/x")) }, target.ErrEndless},
		"empty pages that never end":      {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page(true, "again")) }, target.ErrEndless},
		"a page that never ends": {func(w http.ResponseWriter, _ *http.Request) {
			endless(w, `<ListBucketResult>`, `<Contents><Key>bank/x</Key></Contents>`)
		}, nil},
		"a key that never ends":    {func(w http.ResponseWriter, _ *http.Request) { endless(w, `<ListBucketResult><Contents><Key>`, "a") }, nil},
		"elements without an end":  {func(w http.ResponseWriter, _ *http.Request) { endless(w, `<ListBucketResult>`, "<a>") }, nil},
		"an entity of entities":    {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, entity) }, nil},
		"something that is no XML": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, nil},
		"an error that never ends": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			endless(w, "<Error>", "<Code>x</Code>")
		}, nil},
		"an answer byte by byte":      {drip, nil},
		"headers without an end":      {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Long", strings.Repeat("a", 1<<20)) }, nil},
		"no answer":                   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil},
		"a connection that is closed": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			s := bucket(t, c.answer)
			files, err := s.Walk(t.Context(), "")
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%d files, %v", len(files), err)
			}
		})
	}
}

// A service may know addresses that only this machine reaches.
func TestAServiceLeadsToNoOther(t *testing.T) {
	var visits atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := bucket(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+"/latest/meta-data")
			w.WriteHeader(status)
		})
		_, listing := s.Walk(t.Context(), "")
		body, opening := s.Open(t.Context(), "owner.json", 0, -1)
		if opening == nil {
			_, opening = io.ReadAll(body)
		}
		_, looking := s.Stat(t.Context(), "owner.json")
		for _, err := range []error{listing, opening, looking, s.Put(t.Context(), "a", strings.NewReader("x"), time.Time{}), s.Delete(t.Context(), "a")} {
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%d: %v", status, err)
			}
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("the other service was asked %d times", n)
	}
}

// sized sends a head with a length, and then as much as it likes.
func sized(length int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, out, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nLast-Modified: Thu, 26 Nov 2026 12:00:00 GMT\r\nETag: \"x\"\r\nContent-Length: %d\r\n\r\n%s", length, text)
		out.Flush()
	}
}

// file begins the answer with a file.
func file(w http.ResponseWriter) {
	w.Header().Set("ETag", `"x"`)
	w.Header().Set("Last-Modified", "Thu, 26 Nov 2026 12:00:00 GMT")
}

func TestABodyIsAsLongAsItSays(t *testing.T) {
	read := func(s *target.S3, length int64) (int, error) {
		body, err := s.Open(t.Context(), "sets/p/abc", 0, length)
		if err != nil {
			return 0, err
		}
		defer body.Close()
		n, err := io.Copy(io.Discard, body)
		return int(n), err
	}
	if n, err := read(bucket(t, sized(10, "abc")), -1); err == nil {
		t.Errorf("a body that ends early: %d bytes", n)
	}
	if n, err := read(bucket(t, sized(3, "abcdef")), -1); err != nil || n != 3 {
		t.Errorf("one that goes on: %d bytes, %v", n, err)
	}
	if n, err := read(bucket(t, sized(6, "abcdef")), 2); err != nil || n != 2 {
		t.Errorf("more than it was asked for: %d bytes, %v", n, err)
	}
	if n, err := read(bucket(t, func(w http.ResponseWriter, _ *http.Request) { file(w); endless(w, "", "x") }), -1); !errors.Is(err, target.ErrEndless) {
		t.Errorf("one without an end: %d bytes, %v", n, err)
	}
	if n, err := read(bucket(t, func(w http.ResponseWriter, r *http.Request) { file(w); drip(w, r) }), -1); !errors.Is(err, target.ErrSlow) {
		t.Errorf("one that comes byte by byte: %d bytes, %v", n, err)
	}
}

func TestATimeThatIsNoneIsNotBelieved(t *testing.T) {
	for _, text := range []string{"NaN", "Inf", "-5", "1e300", "yesterday", ""} {
		s := bucket(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Meta-Mtime", text)
			w.Header().Set("Last-Modified", "Thu, 26 Nov 2026 12:00:00 GMT")
			w.Header().Set("ETag", `"x"`)
		})
		f, err := s.Stat(t.Context(), "a")
		if err != nil || f.ModifiedAt.Year() != 2026 {
			t.Errorf("%q: %v, %v", text, f.ModifiedAt, err)
		}
	}
}

// Whoever may write to the directory of a target puts links and pipes there.
func TestLinksInADirectoryLeadNowhere(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := target.Directory(dir)
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, s, "archive/a", "a", time.Time{})
	for name, to := range map[string]string{"link": filepath.Join(outside, "secret"), "dir": outside, "archive/up": "../..", "owner.json": "/etc/passwd", "relative": "../" + filepath.Base(outside) + "/secret"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Mkdir(filepath.Join(dir, "RESTORE.txt"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "dir/secret", "owner.json", "relative", "pipe", "RESTORE.txt", "archive/up/secret"} {
		if body, err := s.Open(t.Context(), name, 0, -1); err == nil {
			text, _ := io.ReadAll(body)
			t.Errorf("%s was read: %s", name, text)
		}
	}
	for _, name := range []string{"dir/new", "dir/deeper/new", "archive/up/new"} {
		if err := s.Put(t.Context(), name, strings.NewReader("x"), time.Time{}); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if err := s.Delete(t.Context(), "dir/secret"); err == nil {
		t.Error("a file behind a link was deleted")
	}
	if err := s.Put(t.Context(), "link", strings.NewReader("x"), time.Time{}); err != nil {
		t.Errorf("a link is replaced: %v", err)
	}
	entries, err := os.ReadDir(outside)
	if data, reading := os.ReadFile(filepath.Join(outside, "secret")); err != nil || reading != nil || string(data) != "secret" || len(entries) != 1 {
		t.Errorf("outside there are %v: %s, %v %v", entries, data, err, reading)
	}
	if files, err := s.Walk(t.Context(), ""); err != nil || names(files) != "archive/a link" {
		t.Errorf("listed: %s, %v", names(files), err)
	}
}

// 100,000 entries are listed, and names that differ only in case are two.
func TestADirectoryOfManyFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "many"), 0o700); err != nil {
		t.Fatal(err)
	}
	const many = 100_000
	for n := range many {
		if err := unix.Mknod(filepath.Join(dir, "many", fmt.Sprint("f", n)), unix.S_IFREG|0o600, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "many", "F0"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := target.Directory(dir)
	if files, err := s.Walk(t.Context(), ""); err != nil || len(files) != many+1 {
		t.Errorf("%d files, %v", len(files), err)
	}
	if files, err := s.Dir(t.Context(), "many"); err != nil || len(files) != many+1 {
		t.Errorf("%d files, %v", len(files), err)
	}
}
