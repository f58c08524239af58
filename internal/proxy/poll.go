package proxy

import (
	"os"
	"sync"
	"time"
)

// poll has work done once Go has looked for what else has come from the network. Go looks
// when a processor finds nothing to run, and otherwise every ten milliseconds; a goroutine
// that wakes the next one leaves something to run. So a byte goes through a pipe, which is
// part of what Go looks for: when it arrives, what came before it has been found too, or
// is found next.
type poll struct {
	work func()

	mu sync.Mutex
	in *os.File // nil while nobody reads
}

// pollIdle is how long the pipe stays open after the last work.
const pollIdle = time.Second

// soon has the work done once more, from a goroutine of its own, or at once where there
// can be no pipe.
func (p *poll) soon() {
	p.mu.Lock()
	if p.in == nil {
		out, in, err := os.Pipe()
		if err != nil { // out of file descriptors: it is as fair, and others wait longer
			p.mu.Unlock()
			p.work()
			return
		}
		p.in = in
		go p.run(out)
	}
	_, err := p.in.Write([]byte{0}) // the pipe holds more bytes than there are turns
	p.mu.Unlock()
	if err != nil {
		p.work()
	}
}

func (p *poll) run(out *os.File) {
	defer out.Close()
	var bytes [16]byte
	for open := true; ; {
		_ = out.SetReadDeadline(time.Now().Add(pollIdle)) // an error means that it stays open
		n, err := out.Read(bytes[:])
		for range n {
			p.work()
		}
		switch {
		case err == nil:
		case !open:
			return // everything was read
		default:
			// What was written until now is still read.
			open = false
			p.mu.Lock()
			p.in.Close()
			p.in = nil
			p.mu.Unlock()
		}
	}
}
