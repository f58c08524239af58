package upstream

import (
	"net"

	"golang.org/x/sys/unix"
)

// alive reports whether a connection on which the service has nothing to say is still
// open and silent. A service that restarted has closed it; asking the kernel costs less
// than failing a request.
func alive(c net.Conn) bool {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		open = err == unix.EAGAIN // nothing to read, and not closed
		return true
	})
	return err == nil && open
}
