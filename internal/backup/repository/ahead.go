package repository

import "io"

// ahead reads a stream before it is asked to, so that its source works while
// the last chunk is hashed, compressed and stored.
type ahead struct {
	body   io.ReadCloser
	full   chan block
	empty  chan []byte
	stop   chan struct{}
	now    block
	unread []byte
}

// block is a part of the stream, and how the stream ended after it.
type block struct {
	data []byte
	n    int
	err  error
}

const (
	aheadBlock  = 512 << 10
	aheadBlocks = 8
)

func readAhead(body io.ReadCloser) *ahead {
	a := &ahead{body: body, full: make(chan block, aheadBlocks), empty: make(chan []byte, aheadBlocks), stop: make(chan struct{})}
	for range aheadBlocks {
		a.empty <- make([]byte, aheadBlock)
	}
	go a.fetch()
	return a
}

func (a *ahead) fetch() {
	for {
		select {
		case <-a.stop:
			return
		case data := <-a.empty:
			b := block{data: data}
			for b.n < len(data) && b.err == nil {
				var n int
				n, b.err = a.body.Read(data[b.n:])
				b.n += n
			}
			a.full <- b // has room for every block there is
			if b.err != nil {
				return
			}
		}
	}
}

// Read reads what was fetched; the stream's end and errors come where they came.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.unread) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.data != nil {
			a.empty <- a.now.data
		}
		a.now = <-a.full
		a.unread = a.now.data[:a.now.n]
	}
	n := copy(p, a.unread)
	a.unread = a.unread[n:]
	return n, nil
}

// Close ends the fetching; a Read of the body under way ends with the body.
func (a *ahead) Close() error {
	select {
	case <-a.stop:
		return nil
	default:
		close(a.stop)
		return a.body.Close()
	}
}
