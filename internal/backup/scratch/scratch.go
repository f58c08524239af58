// Package scratch runs the server for restored data in another process, which holds no
// keys and has no network. A database brings code along: views call functions, indexes
// have expressions, and whoever was superuser of it once decides what they do.
//
// A Worker is that process. It unpacks the copy, recovers it and runs the server. A
// Client is whoever has the keys: it gives the copy and the WAL, and asks. All of it
// goes over one connection with several streams; when that ends, everything ends that
// the Worker has started. A Worker may lie about what its database holds, and nothing
// else: a Client takes its answers for those of a stranger.
package scratch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/hashicorp/yamux"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

// verb is what a stream of the Client asks for.
type verb string

const (
	unpack      verb = "unpack"       // the body is the tar of a base backup
	initialize  verb = "initialize"   // make an empty cluster
	verify      verb = "verify"       // compare the files with their manifest
	start       verb = "start"        // recover, and run the server
	extract     verb = "extract"      // make our database out of a customer's server
	load        verb = "load"         // the body is a logical copy
	check       verb = "check"        // look through tables and indexes
	dump        verb = "dump"         // the body of the answer is a logical copy
	dumped      verb = "dumped"       // did the last dump end well?
	newTimeline verb = "new timeline" // move stopped data to another timeline
	stop        verb = "stop"         // shut the server down
	connect     verb = "connect"      // a connection to the server
)

// request is the first line of a stream.
type request struct {
	Verb      verb                      `json:"verb"`
	Major     int                       `json:"major,omitempty"`
	Origin    pgcluster.Origin          `json:"origin"`
	Target    *pgcluster.RecoveryTarget `json:"target,omitempty"`
	Namespace string                    `json:"namespace,omitempty"`
	Beyond    uint32                    `json:"beyond,omitempty"`
}

// answer is the first line of the other direction.
type answer struct {
	Error     string `json:"error,omitempty"`
	Unreached bool   `json:"target_not_reached,omitempty"`
}

func answerOf(err error) answer {
	if err == nil {
		return answer{}
	}
	return answer{Error: err.Error(), Unreached: errors.Is(err, pgcluster.ErrTargetNotReached)}
}

func (a answer) err() error {
	switch {
	case a.Unreached:
		return fmt.Errorf("%w: %s", pgcluster.ErrTargetNotReached, a.Error)
	case a.Error != "":
		return errors.New(a.Error)
	}
	return nil
}

// longestLine is the size in bytes of the largest request or answer.
const longestLine = 64 << 10

// readLine reads one JSON value that ends with its line.
func readLine(r *bufio.Reader, value any) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, value)
}

func writeLine(w io.Writer, value any) error { return json.NewEncoder(w).Encode(value) }

// settings of the connection. Either side may work for hours before it answers, and
// where one ends, the kernel tells the other.
func settings() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false
	c.StreamCloseTimeout, c.StreamOpenTimeout = 0, 0
	c.ConnectionWriteTimeout = forEver
	c.MaxStreamWindowSize = 4 << 20
	c.LogOutput = io.Discard
	return c
}

// relay copies in both directions until both have ended.
func relay(a, b net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pipe(a, b)
	}()
	pipe(b, a)
	<-done
	a.Close()
	b.Close()
}

// pipe copies one direction and tells its end. An error ends both directions.
func pipe(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	} else if err == nil {
		err = to.Close() // of a stream it closes only this direction
	}
	if err != nil {
		to.Close()
		from.Close()
	}
}
