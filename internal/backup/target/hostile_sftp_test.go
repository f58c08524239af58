package target_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

// entry is what a hostile server says of a file.
type entry struct {
	name string
	size int64
	mode fs.FileMode
}

func (e entry) Name() string       { return e.name }
func (e entry) Size() int64        { return e.size }
func (e entry) Mode() fs.FileMode  { return e.mode }
func (e entry) ModTime() time.Time { return time.Unix(0, 0) }
func (e entry) IsDir() bool        { return e.mode.IsDir() }
func (e entry) Sys() any           { return nil }

// listed is a directory of a hostile server.
type listed []os.FileInfo

func (l listed) ListAt(out []os.FileInfo, at int64) (int, error) {
	if at >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(out, l[at:])
	if n < len(out) {
		return n, io.EOF
	}
	return n, nil
}

// nothingThere answers every question with nothing.
type nothingThere struct{}

func (nothingThere) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method == "Stat" {
		return listed{entry{"x", 3, fs.ModeDir | 0o700}}, nil
	}
	return listed{}, nil
}

// names is a server whose only directory has some names.
type strangeNames struct{ entries []os.FileInfo }

func (s strangeNames) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method == "Stat" {
		return listed{entry{"x", 3, fs.ModeDir | 0o700}}, nil
	}
	if r.Filepath != "/backup" {
		return listed{}, nil
	}
	return listed(s.entries), nil
}

// neverEnding is a server whose directory has no end.
type neverEnding struct{}

func (neverEnding) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method == "Stat" {
		return listed{entry{"x", 3, fs.ModeDir | 0o700}}, nil
	}
	return neverEnding{}, nil
}

func (neverEnding) ListAt(out []os.FileInfo, _ int64) (int, error) {
	for i := range out {
		out[i] = entry{strings.Repeat("x", 1000), 3, 0o600}
	}
	return len(out), nil
}

// ever deeper is a server each of whose directories has another.
type everDeeper struct{}

func (everDeeper) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	return listed{entry{"deeper", 3, fs.ModeDir | 0o700}, entry{"file", 3, 0o600}}, nil
}

// body is a file of a server that says what it likes.
type neverEndingFile struct{ nothingThere }

func (neverEndingFile) Fileread(*sftp.Request) (io.ReaderAt, error) { return zeros{}, nil }

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

// silentFile is a file whose content never comes.
type silentFile struct {
	nothingThere
	until chan struct{}
}

func (s silentFile) Fileread(*sftp.Request) (io.ReaderAt, error) { return s, nil }

func (s silentFile) ReadAt([]byte, int64) (int, error) {
	<-s.until
	return 0, io.EOF
}

func hostileSFTP(t *testing.T, list sftp.FileLister) *targettest.SFTP {
	t.Helper()
	h := sftp.Handlers{FileList: list}
	if reader, ok := list.(sftp.FileReader); ok {
		h.FileGet = reader
	} else {
		h.FileGet = neverEndingFile{}
	}
	memory := sftp.InMemHandler()
	h.FilePut, h.FileCmd = memory.FilePut, memory.FileCmd
	s := targettest.StartSFTPOf(t, "/backup", func(channel ssh.Channel) {
		defer channel.Close()
		server := sftp.NewRequestServer(channel, h)
		defer server.Close()
		_ = server.Serve()
	})
	s.Options.Silence = 500 * time.Millisecond
	return s
}

func openHostile(t *testing.T, list sftp.FileLister) *target.SFTP {
	t.Helper()
	s, err := target.NewSFTP(hostileSFTP(t, list).Options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestNamesOfAnSFTPServerLeadNowhere(t *testing.T) {
	var entries []os.FileInfo
	for _, name := range []string{"../../etc/cron.d/x", "a/..", "..", ".", "", "a\nb", "a\x1b[2J", strings.Repeat("x", 300), "good"} {
		entries = append(entries, entry{name, 3, 0o600}, entry{name, 3, fs.ModeDir | 0o700})
	}
	entries = append(entries, entry{"link", 3, fs.ModeSymlink | 0o777}, entry{"pipe", 3, fs.ModeNamedPipe | 0o600}, entry{"device", 3, fs.ModeDevice | 0o600})
	s := openHostile(t, strangeNames{entries})
	files, err := s.Dir(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		// The library takes the last element of a name.
		if f.Name != "good" && f.Name != "x" {
			t.Errorf("listed: %+v", f)
		}
	}
	files, err = s.Walk(t.Context(), "")
	if err != nil || len(files) == 0 {
		t.Errorf("%+v, %v", files, err)
	}
}

func TestAnSFTPServerThatDoesNotBehaveIsGivenUp(t *testing.T) {
	t.Run("a directory without an end", func(t *testing.T) {
		t.Parallel()
		if files, err := openHostile(t, neverEnding{}).Dir(t.Context(), ""); !errors.Is(err, target.ErrEndless) && !errors.Is(err, target.ErrSlow) {
			t.Errorf("%d files, %v", len(files), err)
		}
	})
	t.Run("a tree without an end", func(t *testing.T) {
		t.Parallel()
		files, err := openHostile(t, everDeeper{}).Walk(t.Context(), "")
		if err != nil || len(files) > 20 {
			t.Errorf("%d files, %v", len(files), err)
		}
	})
	t.Run("a file without an end", func(t *testing.T) {
		t.Parallel()
		body, err := openHostile(t, neverEndingFile{}).Open(t.Context(), "a", 0, -1)
		if err == nil {
			_, err = io.Copy(io.Discard, struct{ io.Reader }{body})
		}
		if !errors.Is(err, target.ErrEndless) {
			t.Error(err)
		}
	})
	t.Run("a file that never comes", func(t *testing.T) {
		t.Parallel()
		until := make(chan struct{})
		t.Cleanup(func() { close(until) })
		body, err := openHostile(t, silentFile{until: until}).Open(t.Context(), "a", 0, -1)
		if err == nil {
			_, err = io.Copy(io.Discard, struct{ io.Reader }{body})
		}
		if err == nil {
			t.Error("it came")
		}
	})
	t.Run("a server that says hello byte by byte", func(t *testing.T) {
		t.Parallel()
		server := targettest.StartSFTPOf(t, "/backup", func(channel ssh.Channel) {
			for {
				time.Sleep(50 * time.Millisecond)
				if _, err := channel.Write([]byte{0}); err != nil {
					return
				}
			}
		})
		server.Options.Silence = 300 * time.Millisecond
		s, err := target.NewSFTP(server.Options)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Dir(t.Context(), ""); err == nil {
			t.Error("it was listed")
		}
	})
}
