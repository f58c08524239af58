package foreground

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/terminal"
)

// log writes the lines of all services as one, a column per service.
type log struct {
	mu    sync.Mutex
	out   io.Writer
	width int
	color bool
	now   func() time.Time
	hues  map[string]int
}

func newLog(out io.Writer, width int, color bool) *log {
	return &log{out: out, width: width, color: color, now: time.Now, hues: map[string]int{}}
}

// line writes one line of a service. Control characters are made visible: a
// report's text may end up in a log, and must not move the reader's cursor.
func (l *log) line(service, text string) {
	text = strings.ReplaceAll(terminal.Printable(strings.TrimRight(text, "\r\n")), "\n", `\n`)
	l.mu.Lock()
	defer l.mu.Unlock()
	name := fmt.Sprintf("%-*s", l.width, service)
	if l.color {
		hue, known := l.hues[service]
		if !known {
			hue = 31 + (len(l.hues)+5)%6
			l.hues[service] = hue
		}
		name = fmt.Sprintf("\x1b[%dm%s\x1b[0m", hue, name)
	}
	// A log that cannot be written is no reason to stop the services.
	_, _ = fmt.Fprintf(l.out, "%s %s │ %s\n", l.now().Format(time.TimeOnly), name, text)
}
