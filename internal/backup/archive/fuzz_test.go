package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/writer"
)

func FuzzFileNames(f *testing.F) {
	for _, name := range []string{"000000010000000000000001", "0000000100000000000000FF.00000000-00000100", "00000002.history", "00000002.live", "FFFFFFFFFFFFFFFFFFFFFFFF", "00000001000000000000000", "0000000100000000000000FF.99999999-99999999"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if s, ok := parseSegment(name); ok && s.String() != name {
			t.Errorf("%q is %s", name, s)
		}
		if p, ok := parsePiece(name); ok && (p.String() != name || p.from+p.length > SegmentSize || p.from < 0 || p.length < 0) {
			t.Errorf("%q is %+v", name, p)
		}
		if kind, longest := kindOf(name); kind == "" || longest <= 0 {
			t.Errorf("%q is of no kind", name)
		}
		isAfter(name, 1, 0)
		_ = checkWAL("wal/7/"+name, make([]byte, walHeader), 3)
	})
}

func FuzzHistory(f *testing.F) {
	f.Add("1\t0/2800000\tthen\n2\t0/3000000\tand then\n")
	f.Add("# a comment\n\n1 x\n")
	f.Add("4294967296\t0/1\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = parseHistory(text)
		_, _ = ParseLSN(text)
		_, _ = writer.Parse([]byte(text))
		_, _ = writer.ParseKey(text)
		var s Stay
		_ = json.Unmarshal([]byte(text), &s)
	})
}

// FuzzTrailer changes what stands inside of the encryption: nothing but the unchanged file
// is read to its end without an error.
func FuzzTrailer(f *testing.F) {
	t := &testing.T{}
	a := keys(t, nil)
	dir := f.TempDir()
	a.Target = target.Directory(dir)
	const content = "content of a picture"
	if err := a.put(context.Background(), firstPicture, strings.NewReader(content), time.Unix(1, 0)); err != nil {
		f.Fatal(err)
	}
	forged := forgery{t, dir, a}
	plain, whole := forged.plain(firstPicture), forged.read(firstPicture)
	f.Add(plain)
	f.Add(plain[:len(plain)-1])
	f.Add(plain[:len(plain)-trailerSize])
	f.Add(append(packed(t, []byte("other")), plain[len(plain)-trailerSize:]...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		f := forgery{t, dir, a}
		f.write(firstPicture, whole)
		f.encrypt(firstPicture, firstPicture, data)
		body, err := a.open(t.Context(), firstPicture)
		if err != nil {
			return
		}
		if got, err := readAll(body); err == nil && string(got) != content {
			t.Errorf("%q was read", got)
		}
	})
}

// FuzzHeader changes what stands outside of it.
func FuzzHeader(f *testing.F) {
	t := &testing.T{}
	a := keys(t, nil)
	dir := f.TempDir()
	a.Target = target.Directory(dir)
	if err := a.put(context.Background(), firstPicture, strings.NewReader("content"), time.Unix(1, 0)); err != nil {
		f.Fatal(err)
	}
	forged := forgery{t, dir, a}
	whole := forged.read(firstPicture)
	f.Add(whole)
	f.Add(whole[:200])
	f.Add(bytes.Replace(whole, []byte("-> "+stampType), []byte("-> X25519"), 1))
	f.Add([]byte("age-encryption.org/v1\n-> " + stampType + " a b\n\n--- x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		f := forgery{t, dir, a}
		f.write(firstPicture, data)
		if at, err := a.stamped(t.Context(), firstPicture); err == nil && !at.Equal(time.Unix(1, 0)) {
			t.Errorf("stamped at %s", at)
		}
		body, err := a.open(t.Context(), firstPicture)
		if err != nil {
			return
		}
		if got, err := readAll(body); err == nil && string(got) != "content" {
			t.Errorf("%q was read", got)
		}
	})
}
