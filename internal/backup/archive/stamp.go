package archive

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"filippo.io/age"
)

// Errors of files that are not what they seem.
var (
	// ErrOtherFile says that what lies under a name was archived under another one.
	ErrOtherFile = errors.New("it is another file of the archive")
	// ErrForged says that no archiver of this installation has made a file.
	ErrForged = errors.New("no archiver of this installation has written it")
	// ErrRetired says that a key has signed a file that is not believed any more.
	ErrRetired = errors.New("it was signed with a key that is retired")
)

// Everybody who knows the public recipient can encrypt for the archive. So each file
// carries two signatures of the key that the archiver holds. The stamp is a stanza in
// the header of age and signs the name, and when the content was written: it is read
// without the identity, by whoever has to know whether a name is one that the archiver has
// given, or decides by the time what may go, about which a listing of the target can lie. The trailer, see
// trailer.go, is inside of the encryption and signs the content.
const (
	stampType    = "bugspark-archive"
	stampMessage = "bugspark archive name 1\x00"
	// headerLimit bounds what is read of a header; ours has less than 2 KiB.
	headerLimit = 16 << 10
)

// stamper is a recipient that can open nothing, and puts the stamp into the header.
type stamper struct {
	key  ed25519.PrivateKey
	name string
	at   time.Time
}

func (s stamper) Wrap([]byte) ([]*age.Stanza, error) {
	text := base64.RawStdEncoding.EncodeToString
	public, _ := s.key.Public().(ed25519.PublicKey) // what package ed25519 returns
	at := strconv.FormatInt(s.at.UnixNano(), 10)
	signature := ed25519.Sign(s.key, []byte(stampMessage+at+"\x00"+s.name))
	return []*age.Stanza{{Type: stampType, Args: []string{text([]byte(s.name)), at, text(public), text(signature)}}}, nil
}

// stamp is an identity that reads the stamp, and opens only what has the right one.
type stamp struct {
	age.Identity // nil: it opens nothing

	writers []ed25519.PublicKey
	retired []ed25519.PublicKey
	want    string
	at      time.Time // when the content was written
	err     error     // why the file is not the wanted one
}

func (s *stamp) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	s.err = fmt.Errorf("%w: it is not signed", ErrForged)
	for _, stanza := range stanzas {
		if stanza.Type == stampType {
			s.err = s.check(stanza.Args)
			break
		}
	}
	if s.err != nil || s.Identity == nil {
		return nil, age.ErrIncorrectIdentity
	}
	return s.Identity.Unwrap(stanzas)
}

func (s *stamp) check(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%w: its signature has no such form", ErrForged)
	}
	at, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("%w: its signature has no such form", ErrForged)
	}
	var fields [3][]byte // name, public key, signature
	for i, arg := range []string{args[0], args[2], args[3]} {
		if fields[i], err = base64.RawStdEncoding.DecodeString(arg); err != nil {
			return fmt.Errorf("%w: its signature has no such form", ErrForged)
		}
	}
	retired := !known(s.writers, fields[1]) && known(s.retired, fields[1])
	if !retired && !known(s.writers, fields[1]) {
		return fmt.Errorf("%w: it was signed by another installation", ErrForged)
	}
	if !ed25519.Verify(fields[1], append([]byte(stampMessage+args[1]+"\x00"), fields[0]...), fields[2]) {
		return fmt.Errorf("%w: its signature is wrong", ErrForged)
	}
	if string(fields[0]) != s.want {
		return fmt.Errorf("%w, %q", ErrOtherFile, fields[0])
	}
	s.at = time.Unix(0, at)
	if retired {
		return ErrRetired
	}
	return nil
}

func known(writers []ed25519.PublicKey, key []byte) bool {
	return len(key) == ed25519.PublicKeySize && slices.ContainsFunc(writers, func(w ed25519.PublicKey) bool { return w.Equal(ed25519.PublicKey(key)) })
}

// stamped fails unless the archiver has put a file under this name, and tells when its
// content was written. It needs no identity, and so says nothing of the content. With
// ErrRetired the time is the one that the retired key has signed.
func (a *Archive) stamped(ctx context.Context, name string) (time.Time, error) {
	body, err := a.Target.Open(ctx, file(name), 0, headerLimit)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrMissing
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading %s from the archive: %w", name, err)
	}
	s := &stamp{writers: a.Writers, retired: a.Retired, want: name}
	_, err = age.Decrypt(io.LimitReader(body, headerLimit), s)
	var none *age.NoIdentityMatchError // of a header that was read to its end
	if err != nil && !errors.As(err, &none) {
		s.err = fmt.Errorf("%w: %w", ErrForged, err)
	}
	if err = errors.Join(s.err, body.Close()); err != nil {
		return s.at, fmt.Errorf("reading %s from the archive: %w", name, err)
	}
	return s.at, nil
}

// header bounds what is read of a header, which is one line after the other.
type header struct {
	io.Reader
	left int64 // negative behind the header
}

func (h *header) Read(p []byte) (int, error) {
	if h.left < 0 {
		return h.Reader.Read(p)
	}
	if h.left == 0 {
		return 0, fmt.Errorf("%w: its header has no end", ErrForged)
	}
	n, err := h.Reader.Read(p[:min(int64(len(p)), h.left)])
	h.left -= int64(n)
	return n, err
}
