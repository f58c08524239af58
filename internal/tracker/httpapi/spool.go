package httpapi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
)

// spool holds bodies that are larger than maxSmallBody on the disk until they are
// complete, because a client may send slowly: in memory they would add up. Its files
// have no name, so none outlives the process.
type spool struct {
	dir string

	mu       sync.Mutex
	held     // in all
	networks map[string]held
	sites    map[string]held
}

type held struct {
	bodies int
	bytes  int64
}

// What bodies may take of the disk while they come, and how many there may be: each
// takes a file, and buffers. A network or a site beyond its share is refused; beyond the
// whole, so is a site that has a body under way already.
const (
	spoolBytes    = 512 << 20
	spoolBodies   = 1024
	siteBytes     = 256 << 20
	siteBodies    = 64
	networkBytes  = 64 << 20
	networkBodies = 16
)

func newSpool(dir string) *spool {
	return &spool{dir: dir, networks: map[string]held{}, sites: map[string]held{}}
}

// fits reports whether a body of n bytes keeps within the bounds. A body that would be
// alone always does.
func (h held) fits(n int64, bodies int, bytes int64) bool {
	return h.bodies == 0 || (h.bodies < bodies && h.bytes+n <= bytes)
}

func (h held) plus(bodies int, bytes int64) held { return held{h.bodies + bodies, h.bytes + bytes} }

// enter reserves n bytes; leave gives them back.
func (s *spool) enter(network string, n int64) (leave func(), err error) {
	at := site(network)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.networks[network].fits(n, networkBodies, networkBytes) || !s.sites[at].fits(n, siteBodies, siteBytes) ||
		(s.sites[at].bodies > 0 && !s.held.fits(n, spoolBodies, spoolBytes)) {
		return nil, tooMany{5 * time.Second}
	}
	s.count(network, at, 1, n)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.count(network, at, -1, -n)
	}, nil
}

func (s *spool) count(network, at string, bodies int, bytes int64) {
	s.held = s.held.plus(bodies, bytes)
	s.networks[network] = s.networks[network].plus(bodies, bytes)
	s.sites[at] = s.sites[at].plus(bodies, bytes)
	if s.networks[network].bodies == 0 {
		delete(s.networks, network)
	}
	if s.sites[at].bodies == 0 {
		delete(s.sites, at)
	}
}

// file makes a file without a name.
func (s *spool) file() (*os.File, error) {
	f, err := os.CreateTemp(s.dir, "bugspark-body-*")
	if err != nil {
		return nil, fmt.Errorf("making a file for a body: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("taking away the name of a body's file: %w", err), f.Close())
	}
	return f, nil
}

// copy writes from into f, at most limit bytes of it, and returns how many there are:
// limit+1 when there are more. The errors of reading and of writing are told apart.
func (s *spool) copy(f *os.File, from io.Reader, limit int64) (n int64, reading, writing error) {
	buf := make([]byte, 32<<10)
	for n <= limit {
		r, err := from.Read(buf[:min(int64(len(buf)), limit+1-n)])
		if r > 0 {
			if _, err := f.Write(buf[:r]); err != nil {
				if errors.Is(err, syscall.ENOSPC) {
					return n, nil, &tracker.Error{Code: tracker.Full, Message: "this server's disk is full; try again later", Err: err}
				}
				return n, nil, fmt.Errorf("writing a body: %w", err)
			}
			n += int64(r)
		}
		if errors.Is(err, io.EOF) {
			return n, nil, nil
		}
		if err != nil {
			return n, err, nil
		}
	}
	return n, nil, nil
}
