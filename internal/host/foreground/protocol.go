package foreground

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

// environment is what systemd would set, plus where our directories are.
func (p *process) environment(main bool) []string {
	env := append([]string(nil), p.o.Env...)
	env = append(env, p.unit.Service.Environment...)
	env = append(env,
		"BUGSPARK_CONFIG_DIR="+p.o.Dirs.Config,
		"BUGSPARK_STATE_DIR="+p.o.Dirs.State,
		"BUGSPARK_RUN_DIR="+p.o.Dirs.Run)
	if len(p.unit.Service.Credentials) > 0 {
		env = append(env, "CREDENTIALS_DIRECTORY="+filepath.Dir(p.o.Dirs.CredentialFile("any")))
	}
	if !main {
		return env
	}
	env = append(env, "NOTIFY_SOCKET="+p.notify.path)
	if n := len(p.sockets.files); n > 0 {
		env = append(env, "LISTEN_PID="+lifecycle.AnyPID, "LISTEN_FDS="+strconv.Itoa(n),
			"LISTEN_FDNAMES="+strings.Join(p.sockets.names, ":"))
	}
	return env
}

// sockets are the listeners of one service, held by us so that a restart of it
// drops no connection.
type sockets struct {
	files []*os.File
	names []string
	paths []string
}

func listen(o Options, u unit.Unit) (*sockets, error) {
	s := &sockets{}
	for _, su := range o.Set.SocketsOf(u.Name) {
		address := su.Socket.ListenStream
		if other, ok := o.Listen[su.Socket.Name]; ok {
			address = other
		}
		f, err := s.open(o, address)
		if err != nil {
			s.close()
			return nil, fault.Wrap(fault.Preflight, err, "stop the program that listens there, or choose other ports (bugspark up --help)",
				"listening on %s for %s", address, short(u.Name))
		}
		s.files = append(s.files, f)
		s.names = append(s.names, su.Socket.Name)
	}
	return s, nil
}

func (s *sockets) open(o Options, address string) (*os.File, error) {
	if rest, ok := strings.CutPrefix(address, "/run/bugspark/"); ok {
		path := filepath.Join(o.Dirs.Run, rest)
		// One left by a killed run; a live one would hold the directory's lock.
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return nil, err
		}
		ln.SetUnlinkOnClose(false)
		defer ln.Close()
		s.paths = append(s.paths, path)
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, err
		}
		return ln.File()
	}
	if _, err := strconv.Atoi(address); err == nil {
		address = ":" + address
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	return ln.(*net.TCPListener).File()
}

func (s *sockets) close() {
	for _, f := range s.files {
		f.Close()
	}
	for _, path := range s.paths {
		os.Remove(path)
	}
}

// notify receives sd_notify messages of one service.
type notify struct {
	path  string
	conn  *net.UnixConn
	ready chan struct{}
}

func listenNotify(path string) (*notify, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("listening for readiness: %w", err)
	}
	// PostgreSQL speaks to it as another account.
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	n := &notify{path: path, conn: conn, ready: make(chan struct{}, 1)}
	go n.receive()
	return n, nil
}

func (n *notify) receive() {
	buf := make([]byte, 4096)
	for {
		size, err := n.conn.Read(buf)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(buf[:size])) {
			if strings.TrimSpace(line) == "READY=1" {
				select {
				case n.ready <- struct{}{}:
				default: // said before
				}
			}
		}
	}
}

// reset forgets a READY of an earlier run.
func (n *notify) reset() {
	select {
	case <-n.ready:
	default:
	}
}

func (n *notify) close() {
	n.conn.Close()
	os.Remove(n.path)
}
