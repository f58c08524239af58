package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"

	"github.com/pkg/sftp"
)

// listingAtMost bytes are read while listings run: package sftp collects every entry of a
// directory before it returns, and a server may never come to the end of one.
const listingAtMost = 256 << 20

// budget is a stream that ends once too much came out of it since a listing began.
type budget struct {
	io.Reader

	mu      sync.Mutex
	running int
	left    int64
}

func (b *budget) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left -= int64(n); b.running > 0 && b.left < 0 {
		return 0, ErrEndless
	}
	return n, err
}

// begin makes room for another listing.
func (b *budget) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running++; b.running == 1 {
		b.left = listingAtMost
	}
}

// end tells whether the budget was used up.
func (b *budget) end() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	return b.left < 0
}

// listing opens a session beside the one of c, on the same connection.
func (s *SFTP) listing(c *sftp.Client) (*sftp.Client, *budget, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != c {
		return nil, nil, io.ErrUnexpectedEOF // another one has found it lost
	}
	if s.lister != nil {
		return s.lister, s.budget, nil
	}
	session, err := s.conn.NewSession()
	if err != nil {
		return nil, nil, err
	}
	in, err := session.StdinPipe()
	if err != nil {
		return nil, nil, errors.Join(err, session.Close())
	}
	out, err := session.StdoutPipe()
	if err == nil {
		err = session.RequestSubsystem("sftp")
	}
	if err != nil {
		return nil, nil, errors.Join(err, session.Close())
	}
	b := &budget{Reader: out, left: listingAtMost}
	lister, err := sftp.NewClientPipe(b, in)
	if err != nil {
		return nil, nil, errors.Join(err, session.Close())
	}
	s.lister, s.budget = lister, b
	return lister, b, nil
}

func (s *SFTP) raw(ctx context.Context, name string) ([]File, error) {
	if err := namedDir(name); err != nil {
		return nil, err
	}
	var l listing
	err := s.soon(ctx, func(c *sftp.Client) error {
		l = listing{flat: true}
		lister, b, err := s.listing(c)
		if err != nil {
			return err
		}
		b.begin()
		infos, err := lister.ReadDirContext(ctx, s.path(name))
		if b.end() {
			s.forget(c)
			return fmt.Errorf("%s of %s: %w", name, s, ErrEndless)
		}
		if errors.Is(err, fs.ErrNotExist) {
			_, err = c.Stat(s.o.Path)
		}
		for _, info := range infos {
			if !listable(info.Mode()) {
				continue
			}
			if err := l.add(file(info.Name(), info)); err != nil {
				return err
			}
		}
		return err
	})
	return l.files, err
}

// Walk lists all files below a directory.
func (s *SFTP) Walk(ctx context.Context, name string) ([]File, error) {
	if err := namedDir(name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, longestListing)
	defer cancel()
	var l listing
	err := s.walk(ctx, name, &l)
	return l.files, err
}

func (s *SFTP) walk(ctx context.Context, name string, l *listing) error {
	entries, err := s.Dir(ctx, name)
	for _, e := range entries {
		e.Name = path.Join(name, e.Name)
		switch {
		case err != nil:
		case !e.IsDir:
			err = l.add(e)
		case ours(e.Name):
			if l.seen++; l.seen > listedAtMost {
				return fmt.Errorf("a listing of more than %d files: %w", listedAtMost, ErrEndless)
			}
			err = s.walk(ctx, e.Name, l)
		}
	}
	return err
}
