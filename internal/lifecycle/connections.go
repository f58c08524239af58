package lifecycle

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections knows the state of every connection of a server.
//
// http.Server's own Shutdown drops a request that it is just reading, because
// it looks for the shutdown between reading and serving. So it may only be
// called once no connection is in that state, and only we can tell.
type connections struct {
	mu     sync.Mutex
	states map[net.Conn]http.ConnState
}

func newConnections() *connections {
	return &connections{states: map[net.Conn]http.ConnState{}}
}

// note is the server's ConnState hook.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.states, conn)
	default:
		c.states[conn] = state
	}
}

// busy counts connections that have sent nothing yet, and those of HTTP/1 with a
// request under way. HTTP/2 is left to Shutdown, which says GOAWAY there.
func (c *connections) busy() (fresh, active int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn, state := range c.states {
		switch state {
		case http.StateNew:
			fresh++
		case http.StateActive:
			if t, ok := conn.(*tls.Conn); !ok || t.ConnectionState().NegotiatedProtocol != "h2" {
				active++
			}
		}
	}
	return fresh, active
}

// silence is how long a new connection may stay silent before a stopping
// server takes it for one that somebody opened in advance.
const silence = time.Second

// settle waits until no request can be lost by shutting down, or until the
// drain is over.
func (c *connections) settle(drain time.Duration) {
	began := time.Now()
	for time.Since(began) < drain {
		fresh, active := c.busy()
		if active == 0 && (fresh == 0 || time.Since(began) > silence) {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}
