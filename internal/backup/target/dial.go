package target

import (
	"context"
	"net"
	"time"
)

// silence is how long a target may say nothing in the middle of an exchange,
// where its options do not say otherwise.
const silence = time.Minute

func patience(d time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return silence
}

// dialer connects to a target that is elsewhere. A connection on which nothing
// moves for a time ends with an error: a server that stalls would otherwise hold
// a backup for ever.
func dialer(limit time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return impatient{c, limit}, nil
	}
}

type impatient struct {
	net.Conn
	limit time.Duration
}

func (c impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c impatient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
