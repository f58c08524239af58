package pgcluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
)

// ErrTargetNotReached says that a recovery found no commit at or after its target.
var ErrTargetNotReached = errors.New("recovery ended before it reached its target")

// logPrefix is the log_line_prefix of scratch servers: the time, the kind of the
// process and the SQLSTATE of the message.
const logPrefix = "%m %b %e "

// logLine is a line of the log with that prefix.
var logLine = regexp.MustCompile(`^(\S+ \S+ \S+) (.+) ([0-9A-Z]{5}) ([A-Z]+):  (.*)`)

// cannotConnectNow is the SQLSTATE of a server that starts or recovers.
const cannotConnectNow = "57P03"

// targetNotReached is the message of the startup process, which recovers. There is
// no better sign: the server ends before it lets anybody connect, its SQLSTATE is
// that of any internal error (XX000) up to PostgreSQL 15 at least, and its exit
// status is that of any failure. lc_messages is C, so that the text is not
// translated; a test compares it with every server that is installed.
const targetNotReached = "recovery ended before configured recovery target was reached"

// logSummary is what a log says of the end of its server.
type logSummary struct {
	text             string // for people, on one line
	targetNotReached bool   // recovery ended too early
}

// summarize reads the log of a server.
func summarize(log []byte) logSummary {
	var out logSummary
	var why [][]byte
	for line := range bytes.Lines(log) {
		m := logLine.FindSubmatch(line)
		if m == nil {
			continue
		}
		process, state, severity, text := string(m[2]), string(m[3]), string(m[4]), string(m[5])
		// Our own connections before the server was ready.
		if state == cannotConnectNow || !slices.Contains([]string{"FATAL", "PANIC", "DETAIL"}, severity) {
			continue
		}
		if severity == "FATAL" && process == "startup" && text == targetNotReached {
			out.targetNotReached = true
		}
		why = append(why, line)
	}
	out.text = lastLines(log)
	if len(why) > 0 {
		out.text = lastLines(bytes.Join(why, nil))
	}
	return out
}

// ended is the error of a server that ended by itself.
func (s *Scratch) ended(cause error) error {
	log, err := os.ReadFile(s.file("log"))
	if err != nil {
		return fmt.Errorf("the scratch server ended before it answered: %w", errors.Join(cause, err))
	}
	summary := summarize(log)
	if summary.targetNotReached {
		cause = errors.Join(cause, ErrTargetNotReached)
	}
	if cause == nil {
		return fmt.Errorf("the scratch server ended before it answered: %s", summary.text)
	}
	return fmt.Errorf("the scratch server ended before it answered (%w): %s", cause, summary.text)
}

// lastWords are what the log says of the server's end, for people.
func (s *Scratch) lastWords() string {
	log, err := os.ReadFile(s.file("log"))
	if err != nil {
		return err.Error()
	}
	return summarize(log).text
}
