package lifecycle

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections holds the state of every connection of a server.
//
// http.Server.Shutdown drops a request that is being read, because the server looks
// for the shutdown between reading and serving. So Shutdown may be called only once
// no connection is in that state.
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
// request under way. Shutdown ends HTTP/2 connections cleanly, with GOAWAY.
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

// silentTime is how long a new connection may stay silent before a stopping
// server treats it as unused: browsers open connections in advance.
const silentTime = time.Second

// waitIdle waits until no request can be lost by shutting down, or until the
// drain is over.
func (c *connections) waitIdle(drain time.Duration) {
	began := time.Now()
	for time.Since(began) < drain {
		fresh, active := c.busy()
		if active == 0 && (fresh == 0 || time.Since(began) > silentTime) {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}
