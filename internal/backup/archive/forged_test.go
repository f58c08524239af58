package archive

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// keys is an archive of an installation with new keys.
func keys(t *testing.T, at target.Store) *Archive {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Archive{Target: at, Recipient: id.Recipient(), Identity: id, Signer: key, Writers: []ed25519.PublicKey{public}}
}

// replayed is a recipient that puts the stamp of another file into a header, as somebody
// does who owns the target.
type replayed struct{ stanza *age.Stanza }

func (r replayed) Wrap([]byte) ([]*age.Stanza, error) { return []*age.Stanza{r.stanza}, nil }

// copied reads the stamp of a file.
type copied struct{ stanza *age.Stanza }

func (c *copied) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if s.Type == stampType {
			c.stanza = s
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// forgery is what one makes who owns the target and knows the recipient.
type forgery struct {
	t    *testing.T
	dir  string
	ours *Archive
}

func (f forgery) at(name string) string { return filepath.Join(f.dir, file(name)) }

func (f forgery) read(name string) []byte {
	f.t.Helper()
	data, err := os.ReadFile(f.at(name))
	if err != nil {
		f.t.Fatal(err)
	}
	return data
}

func (f forgery) write(name string, data []byte) {
	f.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(f.at(name)), 0o700), os.WriteFile(f.at(name), data, 0o600)); err != nil {
		f.t.Fatal(err)
	}
}

// encrypt makes a file with the stamp of stamped, and plain inside of the encryption.
func (f forgery) encrypt(name, stamped string, plain []byte) {
	f.t.Helper()
	c := &copied{}
	_, _ = age.Decrypt(bytes.NewReader(f.read(stamped)), c) // it opens nothing
	var out bytes.Buffer
	w, err := age.Encrypt(&out, replayed{c.stanza}, f.ours.Recipient)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		f.t.Fatal(err)
	}
	f.write(name, out.Bytes())
}

// plain is what age encrypts of a file of ours: whoever holds the identity sees it.
func (f forgery) plain(name string) []byte {
	f.t.Helper()
	clear, err := age.Decrypt(bytes.NewReader(f.read(name)), f.ours.Identity)
	if err != nil {
		f.t.Fatal(err)
	}
	data, err := io.ReadAll(clear)
	if err != nil {
		f.t.Fatal(err)
	}
	return data
}

func packed(t *testing.T, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

const (
	firstSegment, secondSegment = "wal/7/000000010000000000000001", "wal/7/000000010000000000000002"
	firstPicture, secondPicture = "pictures/projects/1/a.png", "pictures/projects/1/b.png"
)

func TestAFileThatTheArchiverHasNotWrittenIsRefused(t *testing.T) {
	for rule, c := range map[string]struct {
		change  func(f forgery)
		refused string
		why     string
	}{
		"two segments that changed places": {func(f forgery) {
			a, b := f.read(firstSegment), f.read(secondSegment)
			f.write(firstSegment, b)
			f.write(secondSegment, a)
		}, firstSegment, "another file of the archive, \"" + secondSegment},
		"two pictures that changed places": {func(f forgery) {
			a, b := f.read(firstPicture), f.read(secondPicture)
			f.write(firstPicture, b)
			f.write(secondPicture, a)
		}, secondPicture, "another file of the archive, \"" + firstPicture},
		"a picture in the place of a segment": {func(f forgery) { f.write(firstSegment, f.read(firstPicture)) }, firstSegment, "another file of the archive"},
		"a file of another installation": {func(f forgery) {
			other := keys(f.t, target.Directory(f.t.TempDir()))
			put(f.t, other, firstSegment, "theirs")
			f.write(firstSegment, forgery{f.t, other.Target.String(), other}.read(firstSegment))
		}, firstSegment, "signed by another installation"},
		"a file that another installation has encrypted to us": {func(f forgery) {
			other := keys(f.t, f.ours.Target)
			other.Recipient = f.ours.Recipient
			put(f.t, other, firstSegment, "theirs")
		}, firstSegment, "signed by another installation"},
		"what everybody makes who knows the recipient": {func(f forgery) {
			var out bytes.Buffer
			w, err := age.Encrypt(&out, f.ours.Recipient)
			if err == nil {
				_, err = w.Write(packed(f.t, []byte("forged")))
			}
			if err = errors.Join(err, w.Close()); err != nil {
				f.t.Fatal(err)
			}
			f.write(firstSegment, out.Bytes())
		}, firstSegment, "not signed"},
		"the same with the stamp of the file before": {func(f forgery) { f.encrypt(firstSegment, firstSegment, packed(f.t, []byte("forged"))) }, firstSegment, "its content is not signed"},
		"with the trailer of the file before": {func(f forgery) {
			whole := f.plain(firstSegment)
			f.encrypt(firstSegment, firstSegment, append(packed(f.t, []byte("forged")), whole[len(whole)-trailerSize:]...))
		}, firstSegment, "not what was signed"},
		"with the whole content of another file": {func(f forgery) { f.encrypt(firstSegment, firstSegment, f.plain(secondSegment)) }, firstSegment, "the signature of its content is wrong"},
		"a trailer that was cut off": {func(f forgery) {
			whole := f.plain(firstPicture)
			f.encrypt(firstPicture, firstPicture, whole[:len(whole)-1])
		}, firstPicture, "reading " + firstPicture},
		"no trailer": {func(f forgery) {
			whole := f.plain(firstPicture)
			f.encrypt(firstPicture, firstPicture, whole[:len(whole)-trailerSize])
		}, firstPicture, "reading " + firstPicture},
		"nothing in it": {func(f forgery) { f.encrypt(firstPicture, firstPicture, nil) }, firstPicture, "its content is not signed"},
		"more behind the trailer": {func(f forgery) {
			f.encrypt(firstPicture, firstPicture, append(f.plain(firstPicture), packed(f.t, []byte("more"))...))
		}, firstPicture, "reading " + firstPicture},
		"a trailer of a later version": {func(f forgery) {
			whole := f.plain(firstPicture)
			whole[len(whole)-trailerSize+frameHeader] = 2
			f.encrypt(firstPicture, firstPicture, whole)
		}, firstPicture, "of version 2"},
		"a small file that unpacks to much": {func(f forgery) {
			f.encrypt(firstSegment, firstSegment, bytes.Repeat(packed(f.t, make([]byte, SegmentSize)), 64))
		}, firstSegment, "longer than"},
		"a header without an end": {func(f forgery) { f.write(firstSegment, bytes.Repeat([]byte("age-encryption.org/v1\n"), 1<<20)) }, firstSegment, "reading " + firstSegment},
		"a header of one line":    {func(f forgery) { f.write(firstSegment, bytes.Repeat([]byte("a"), 16<<20)) }, firstSegment, "its header has no end"},
	} {
		t.Run(rule, func(t *testing.T) {
			f := forgery{t: t, dir: t.TempDir()}
			f.ours = keys(t, target.Directory(f.dir))
			for _, name := range []string{firstSegment, secondSegment, firstPicture, secondPicture} {
				put(t, f.ours, name, "of "+name)
			}
			c.change(f)
			body, err := f.ours.open(t.Context(), c.refused)
			if err == nil {
				_, err = readAll(body)
			}
			if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%v, want %q and %q", err, c.refused, c.why)
			}
		})
	}
}

func put(t *testing.T, a *Archive, name, content string) {
	t.Helper()
	if err := a.put(t.Context(), name, strings.NewReader(content), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// Of files that were archived before the key changed the old public half still stands in
// the list.
func TestWhatWasSignedWithTheKeyBeforeIsRead(t *testing.T) {
	at := target.Directory(t.TempDir())
	before := keys(t, at)
	put(t, before, firstSegment, "before")
	now := keys(t, at)
	now.Recipient, now.Identity = before.Recipient, before.Identity
	now.Writers = append(now.Writers, before.Writers...)
	put(t, now, secondSegment, "now")
	for _, name := range []string{firstSegment, secondSegment} {
		if body, err := now.open(t.Context(), name); err != nil {
			t.Error(err)
		} else if _, err := readAll(body); err != nil {
			t.Error(err)
		}
	}
}

// Whoever copies a file knows that it is not what was signed only after all of it.
func TestACopyOfAForgedFileFails(t *testing.T) {
	f := forgery{t: t, dir: t.TempDir()}
	f.ours = keys(t, target.Directory(f.dir))
	put(t, f.ours, firstPicture, "ours")
	f.encrypt(firstPicture, firstPicture, packed(t, []byte("forged")))
	body, err := f.ours.Picture(t.Context(), strings.TrimPrefix(firstPicture, "pictures/"))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	for range 2 { // it stays an error
		if n, err := io.Copy(io.Discard, body); !errors.Is(err, ErrForged) {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
}

// Everybody who can write to the target can invent a later segment, which would keep the
// archiver from going on.
func TestAnInventedNameDoesNotStopTheArchiver(t *testing.T) {
	l, spool := newLoop(t, &memory{})
	l.unproven = true
	l.Shipper.Source = serverAt{1, "0/5000100"}
	segments(t, spool, "000000010000000000000001")
	a := l.Shipper.Archive
	const invented = "wal/7/FFFFFFF0.live"
	forger := keys(t, a.Target)
	forger.Recipient = a.Recipient
	put(t, forger, invented, "{}")
	put(t, a, "wal/7/00000001.live", "{}")
	for _, name := range []string{"wal/7/0000000900000000000000FF", "wal/7/00000009.history"} {
		data, err := target.ReadFile(t.Context(), a.Target, file("wal/7/00000001.live")) // under another name
		if err == nil {
			err = a.Target.Put(t.Context(), file(name), bytes.NewReader(data), time.Time{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := l.round(t.Context()); err != nil {
		t.Errorf("the archiver stopped: %v", err)
	}
	if s := l.Shipper.State; s.Ahead.File != "" || !strings.Contains(s.Forged, "wal/7/") {
		t.Errorf("%+v", s)
	}
	if _, err := a.Target.Stat(t.Context(), file("wal/7/000000010000000000000001")); err != nil {
		t.Error(err)
	}
}

// A file of ours is made of the parts that this and the document backup-format.md name.
func TestTheTrailerIsWhereTheFormatSays(t *testing.T) {
	dir := t.TempDir()
	a := keys(t, target.Directory(dir))
	put(t, a, firstPicture, "content")
	plain := forgery{t, dir, a}.plain(firstPicture)
	trailer := plain[len(plain)-145:]
	sum := sha256.Sum256([]byte("content"))
	if !bytes.HasPrefix(trailer, []byte{0x50, 0x2a, 0x4d, 0x18, 137, 0, 0, 0, 1}) || !bytes.Equal(trailer[9:41], a.Writers[0]) || !bytes.Equal(trailer[41:73], sum[:]) || trailer[73] != 7 {
		t.Errorf("%x", trailer)
	}
	if at, err := a.stamped(context.Background(), firstPicture); err != nil || time.Since(at).Abs() > time.Hour {
		t.Error(at, err)
	}
}
