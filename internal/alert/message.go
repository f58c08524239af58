package alert

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/bugspark/bugspark/internal/quantity"
)

// The states of a problem in a message.
const (
	Firing   = "firing"
	Resolved = "resolved"
)

// Message is one alert, as the webhook gets it.
type Message struct {
	Key    string    `json:"key"`
	State  string    `json:"state"` // firing or resolved
	Unit   string    `json:"unit"`
	Host   string    `json:"host"`
	Server string    `json:"server"`
	Since  time.Time `json:"since"` // when the problem was first seen
	At     time.Time `json:"at"`    // when it was told, or when it was over
	Text   string    `json:"text"`  // what is wrong, or what the unit said last

	Reminder bool      `json:"-"` // the channel was told of the problem before
	sent     time.Time // when it was made
}

// Subject is the message in one line. A key or text may hold anything, also line
// breaks, which would start another header of a mail.
func (m Message) Subject() string {
	name := m.Key
	if m.Key != m.Unit {
		// The text is another account's, and stands in the body only.
		name = "backups: " + strings.ReplaceAll(strings.TrimPrefix(m.Key, "backup."), "-", " ")
	}
	what := name + " failed"
	switch {
	case m.State == Resolved:
		what = fmt.Sprintf("%s resolved after %s", name, quantity.Duration(m.At.Sub(m.Since)))
	case m.Reminder:
		what = fmt.Sprintf("%s, for %s now", name, quantity.Duration(m.At.Sub(m.Since)))
		if m.Key == m.Unit {
			what = fmt.Sprintf("%s still failed after %s", name, quantity.Duration(m.At.Sub(m.Since)))
		}
	case m.Key != m.Unit:
		what = name
	}
	return fmt.Sprintf("[BugSpark %s] %s", line(m.Server, 100), line(what, 150))
}

// Body is the text of a mail.
func (m Message) Body() string {
	var b strings.Builder
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
	if m.State == Resolved {
		fmt.Fprintf(&b, "%s on %s is over since %s. It lasted %s, from %s. ", line(m.Key, 200), line(m.Host, 100), stamp(m.At), quantity.Duration(m.At.Sub(m.Since)), stamp(m.Since))
	} else {
		fmt.Fprintf(&b, "%s on %s since %s. ", line(m.Key, 200), line(m.Host, 100), stamp(m.Since))
	}
	if m.Key == m.Unit {
		b.WriteString("The unit said last:\n\n")
	} else {
		b.WriteString("What was wrong:\n\n")
	}
	text := strings.ToValidUTF8(m.Text, "\uFFFD")
	for part := range strings.Lines(strings.ReplaceAll(text, "\r", "")) {
		b.WriteString(strings.TrimRight(part, "\n") + "\n")
	}
	b.WriteString("\nOn the server: bugspark status")
	if m.Unit != "" {
		b.WriteString(", and journalctl -u " + line(m.Unit, 200))
	}
	if m.State == Firing {
		b.WriteString("\nThis is told again every day while it lasts, and once when it is over.")
	}
	b.WriteString("\n")
	return b.String()
}

// line makes one printable line of at most n bytes out of any text.
func line(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return cut(strings.TrimSpace(text), n)
}
