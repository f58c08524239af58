package supervisor_test

import (
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/host/supervisor"
)

// FuzzSocket writes anything to the supervisor's socket, as an account may that was taken
// over. Nothing but the services it offers is ever restarted, and it goes on answering.
func FuzzSocket(f *testing.F) {
	for _, seed := range []string{
		"GET /v1/units HTTP/1.1\r\nHost: supervisor\r\n\r\n",
		"POST /v1/units/bugspark-api.service/restart HTTP/1.1\r\nHost: supervisor\r\nContent-Length: 0\r\n\r\n",
		"POST /v1/units/bugspark-backup-prune.service/restart HTTP/1.1\r\nHost: s\r\n\r\n",
		"POST /v1/units/ssh.service/restart HTTP/1.1\r\nHost: s\r\n\r\n",
		"POST /v1/units/..%2fssh.service/restart HTTP/1.1\r\nHost: s\r\n\r\n",
		"POST /v1/units/bugspark-api.service%00.service/restart HTTP/1.1\r\nHost: s\r\n\r\n",
		"POST /v1/units/bugspark-api.service%0assh.service/restart HTTP/1.0\r\n\r\n",
		"POST //v1/units//restart HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x01\x02", "",
	} {
		f.Add([]byte(seed))
	}
	m := &recorder{}
	socket, _ := serveFor(f, m, map[uint32]bool{uint32(os.Getuid()): true})
	client := supervisor.NewClient(socket) // one, which keeps its connection open
	f.Fuzz(func(t *testing.T, request []byte) {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatalf("it does not listen any more: %v", err)
		}
		defer c.Close()
		// An error is an answer that came before the end of the request.
		_, _ = c.Write(request)
		if err := c.(*net.UnixConn).CloseWrite(); err == nil {
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			_, _ = io.Copy(io.Discard, c)
		}
		if slices.ContainsFunc(m.names(), func(name string) bool { return name != "bugspark-api.service" }) {
			t.Errorf("it restarted %q", m.names())
		}
		if _, err := client.Units(t.Context()); err != nil {
			t.Errorf("it does not answer any more: %v", err)
		}
	})
}
