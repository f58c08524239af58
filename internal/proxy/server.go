package proxy

import (
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// maintenanceStyle is the hash of the maintenance page's style for its content
// security policy; a test compares it with the page.
const maintenanceStyle = "z6eT3SJI0lVYQGwfBTPXV8FXgAUz0wPXqNAGgzGT6A0="

// NewServer makes the HTTPS server around a handler, with every limit that a
// hostile or slow client runs into.
func NewServer(h http.Handler, c config.Proxy, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ConnContext:       withConn,
		ReadHeaderTimeout: time.Duration(c.HeaderTimeoutS) * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 100,
			// A client that neither reads nor answers is gone.
			SendPingTimeout: time.Minute, PingTimeout: 30 * time.Second, WriteByteTimeout: StallTimeout,
			// What one connection may make us keep of bodies that no service reads yet.
			MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 256 << 10,
		},
		ErrorLog: slog.NewLogLogger(NewThrottledHandler(log.Handler()), slog.LevelDebug),
	}
}

// Redirect sends plain HTTP to the same address under HTTPS.
func Redirect(s config.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if host == "" {
			host = s.Name
		}
		if s.HTTPSPort != 443 {
			host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(s.HTTPSPort))
		}
		status := http.StatusMovedPermanently
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			status = http.StatusPermanentRedirect // the method stays
		}
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), status)
	})
}
