package archive

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// What age encrypts ends with a signed statement about the content, in a skippable frame of
// zstd, which every program that unpacks zstd passes over:
//
//	magic number and size of the frame, 4 bytes each, little-endian
//	version            1 byte
//	public key         32 bytes
//	SHA-256            32 bytes, of the content as it was before it was compressed
//	length             8 bytes, little-endian, of the same
//	signature          64 bytes, Ed25519
//
// What is signed is trailerMessage, kind, name, and the statement before the signature.
// The name tells the cluster as well. The key is the installation: each has its own.
const (
	skippable      = 0x184D2A50 // the magic number of such a frame
	frameHeader    = 8
	trailerVersion = 1
	statementSize  = 1 + ed25519.PublicKeySize + sha256.Size + 8
	trailerSize    = frameHeader + statementSize + ed25519.SignatureSize
	trailerMessage = "bugspark archive file 1\x00"
)

// The kinds of files, and how long one may be that is read.
const (
	longestText    = 1 << 20   // history of a timeline, and what tells of a stay
	longestPicture = 128 << 20 // the largest limits.picture_mib is 100
)

func kindOf(name string) (kind string, longest int64) {
	base := path.Base(name)
	switch {
	case strings.HasPrefix(name, pictureDir+"/"):
		return "picture", longestPicture
	case historyName.MatchString(base):
		return "history", longestText
	case liveName.MatchString(base):
		return "live", longestText
	case pieceName.MatchString(base):
		return "piece", SegmentSize
	}
	return "segment", SegmentSize
}

func signed(name string, statement []byte) []byte {
	kind, _ := kindOf(name)
	return append([]byte(trailerMessage+kind+"\x00"+name+"\x00"), statement...)
}

// makeTrailer states what was archived under a name.
func makeTrailer(key ed25519.PrivateKey, name string, sum []byte, length int64) []byte {
	public, _ := key.Public().(ed25519.PublicKey) // what package ed25519 returns
	out := binary.LittleEndian.AppendUint32(nil, skippable)
	out = binary.LittleEndian.AppendUint32(out, trailerSize-frameHeader)
	out = append(append(append(out, trailerVersion), public...), sum...)
	out = binary.LittleEndian.AppendUint64(out, uint64(length)) //nolint:gosec // no file is of negative length
	return append(out, ed25519.Sign(key, signed(name, out[frameHeader:]))...)
}

// checkTrailer compares what was read under a name with what its end states.
func checkTrailer(writers []ed25519.PublicKey, name string, trailer, sum []byte, length int64) error {
	if len(trailer) != trailerSize || binary.LittleEndian.Uint32(trailer) != skippable || binary.LittleEndian.Uint32(trailer[4:]) != trailerSize-frameHeader {
		return fmt.Errorf("%w: its content is not signed", ErrForged)
	}
	statement, signature := trailer[frameHeader:frameHeader+statementSize], trailer[frameHeader+statementSize:]
	public := statement[1 : 1+ed25519.PublicKeySize]
	rest := statement[1+ed25519.PublicKeySize:]
	switch {
	case statement[0] != trailerVersion:
		return fmt.Errorf("%w: its signature is of version %d, which this version of bugspark does not know", ErrForged, statement[0])
	case !known(writers, public):
		return fmt.Errorf("%w: its content was signed by another installation", ErrForged)
	case !ed25519.Verify(public, signed(name, statement), signature):
		return fmt.Errorf("%w: the signature of its content is wrong", ErrForged)
	case !bytes.Equal(rest[:sha256.Size], sum) || binary.LittleEndian.Uint64(rest[sha256.Size:]) != uint64(length): //nolint:gosec // as above
		return fmt.Errorf("%w: its content is not what was signed", ErrForged)
	}
	return nil
}

// body holds the end of a stream back.
type body struct{ *bufio.Reader }

func (b body) Read(p []byte) (int, error) {
	ahead, err := b.Peek(min(len(p), 16<<10) + trailerSize)
	if there := len(ahead) - trailerSize; there > 0 {
		n := copy(p[:min(len(p), there)], ahead)
		_, err = b.Discard(n)
		return n, err
	}
	return 0, err
}

// opened is the content of a file. Read returns io.EOF only once the whole of it was
// compared with what the archiver has signed: a reader who stops before has compared
// nothing.
type opened struct {
	*zstd.Decoder
	name    string
	archive *Archive
	rest    body
	target  io.Closer
	sum     hash.Hash
	length  int64
	err     error // that ended it
}

func (o *opened) Read(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.Decoder.Read(p)
	o.length += int64(n)
	o.sum.Write(p[:n])
	if _, longest := kindOf(o.name); o.length > longest {
		err = fmt.Errorf("%w: it is longer than %d bytes", ErrForged, longest)
	}
	if errors.Is(err, io.EOF) {
		err = o.compare()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("reading %s from the archive: %w", o.name, err)
	}
	o.err = err
	return n, err
}

// compare returns io.EOF when the content is what was signed.
func (o *opened) compare() error {
	trailer, err := io.ReadAll(o.rest.Reader)
	if err != nil {
		return err
	}
	if err := checkTrailer(o.archive.Writers, o.name, trailer, o.sum.Sum(nil), o.length); err != nil {
		return err
	}
	return io.EOF
}

// WriteTo hides that of the decoder, which would pass the comparison by.
func (o *opened) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{o})
}

func (o *opened) Close() error {
	o.Decoder.Close()
	return o.target.Close()
}

// readAll reads a file to its end.
func readAll(open io.ReadCloser) ([]byte, error) {
	data, err := io.ReadAll(open)
	return data, errors.Join(err, open.Close())
}
