// Package supervisor is the daemon that runs as root. Over a unix socket it lists
// the installation's units, and restarts those that serve, for the accounts in
// Options.Callers, and it logs every call.
package supervisor

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"slices"

	"golang.org/x/sys/unix"
)

// Unit is the state of a unit.
type Unit struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	State       string `json:"state"`    // systemd's ActiveState
	SubState    string `json:"subState"` // systemd's SubState
	Since       string `json:"since,omitempty"`
	Restarts    uint32 `json:"restarts"`
	MemoryBytes uint64 `json:"memoryBytes,omitempty"`
	Healthy     bool   `json:"healthy"`
	Why         string `json:"why,omitempty"` // last journal lines of a failed unit
}

// Manager is the part of systemd that the supervisor needs.
type Manager interface {
	Units(context.Context) ([]Unit, error)
	Restart(ctx context.Context, unit string) error
}

// Options configure New.
type Options struct {
	Manager     Manager
	Restartable []string        // the services a caller may restart, by unit name
	Callers     map[uint32]bool // the uids that may call; root always may
	Log         *slog.Logger
}

// New returns the handler, and the ConnContext that its server must use: it gives
// the handler the caller's account.
func New(o Options) (http.Handler, func(context.Context, net.Conn) context.Context) {
	s := &server{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/units", s.audited("units", s.units))
	mux.HandleFunc("POST /v1/units/{unit}/restart", s.audited("restart", s.restart))
	return mux, withPeer
}

type server struct{ Options }

type answer struct {
	status int
	body   any
}

func refuse(status int, detail string) answer {
	return answer{status, map[string]string{"detail": detail}}
}

// audited checks the caller, runs the verb and logs the call.
func (s *server) audited(verb string, do func(*http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		peer, known := r.Context().Value(peerKey{}).(unix.Ucred)
		var a answer
		if !known || (peer.Uid != 0 && !s.Callers[peer.Uid]) {
			a = refuse(http.StatusForbidden, "this account may not ask the supervisor")
		} else {
			a = do(r)
		}
		level := slog.LevelInfo
		if verb == "units" && a.status == http.StatusOK {
			level = slog.LevelDebug // a dashboard asks every few seconds
		}
		s.Log.Log(r.Context(), level, "supervisor call", "verb", verb, "unit", r.PathValue("unit"),
			"uid", peer.Uid, "pid", peer.Pid, "status", a.status)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		if err := json.NewEncoder(w).Encode(a.body); err != nil {
			s.Log.Warn("answering a supervisor call", "error", err)
		}
	}
}

func (s *server) units(r *http.Request) answer {
	units, err := s.Manager.Units(r.Context())
	if err != nil {
		return refuse(http.StatusBadGateway, err.Error())
	}
	return answer{http.StatusOK, map[string]any{"units": units}}
}

func (s *server) restart(r *http.Request) answer {
	unit := r.PathValue("unit")
	if !slices.Contains(s.Restartable, unit) {
		return refuse(http.StatusNotFound, "no service of BugSpark has that name")
	}
	if err := s.Manager.Restart(r.Context(), unit); err != nil {
		return refuse(http.StatusBadGateway, err.Error())
	}
	return answer{http.StatusOK, map[string]string{"restarted": unit}}
}

type peerKey struct{}

// withPeer stores the peer's credentials, which the kernel reports (SO_PEERCRED). A
// connection without them is refused.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ctx
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || credErr != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, *cred)
}
