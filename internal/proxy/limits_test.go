package proxy

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

// The numbers of docs/security.md are those of the server.
func TestTheLimitsOfTheDocsAreOurs(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	var c config.Proxy
	for _, s := range config.Settings() {
		switch s.Key {
		case "proxy.header_timeout_s":
			c.HeaderTimeoutS, _ = s.Default.(int)
		case "proxy.connections_per_address":
			c.ConnectionsPerAddress, _ = s.Default.(int)
		}
	}
	s := NewServer(http.NotFoundHandler(), c, slog.New(slog.DiscardHandler))
	for _, row := range []string{
		fmt.Sprintf("| request headers | %.0f seconds, %d KiB;", s.ReadHeaderTimeout.Seconds(), s.MaxHeaderBytes>>10),
		fmt.Sprintf("| a body, and an answer being read | %d KiB in %.0f seconds,", stallWindow>>10, StallTimeout.Seconds()),
		fmt.Sprintf("| an idle connection | %.0f minutes |", s.IdleTimeout.Minutes()),
		fmt.Sprintf("| connections of an address | %d;", c.ConnectionsPerAddress),
		fmt.Sprintf("| requests under way of an address | %d, at most %d on an HTTP/2 connection; of a site %d,%03d |",
			c.ConnectionsPerAddress, s.HTTP2.MaxConcurrentStreams, siteRequests/1000, siteRequests%1000),
		fmt.Sprintf("| requests under way in all | %d,%03d; above that an address that already has %d under way is refused |", manyRequests/1000, manyRequests%1000, fewRequests),
	} {
		if !strings.Contains(string(data), row) {
			t.Errorf("docs/security.md does not say %q", row)
		}
	}
}
