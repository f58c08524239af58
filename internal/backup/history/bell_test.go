package history_test

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

// TestARequestWakesTheServiceOfTheSets wants a connection at the socket of the service for
// each request, also while none takes it, and that nobody misses a socket that is away.
func TestARequestWakesTheServiceOfTheSets(t *testing.T) {
	d := newDirs(t)
	var err error
	if d.Run, err = os.MkdirTemp("", "bell"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(d.Run) })
	request(t, d) // without a socket, as in the foreground
	ln, err := net.Listen("unix", d.Socket(history.SetBell))
	if err != nil {
		t.Fatal(err)
	}
	inherited := lifecycle.Listeners{history.SetBell: {ln}}
	woken := func() bool {
		t.Helper()
		woken, err := inherited.Pending(history.SetBell)
		if err != nil {
			t.Fatal(err)
		}
		return woken
	}
	if woken() {
		t.Error("somebody was woken without a request")
	}
	request(t, d)
	request(t, d)
	if !woken() || woken() {
		t.Error("two requests must wake once")
	}
	if done, err := history.Answered(d); done || err != nil {
		t.Errorf("a request without a set counts as answered: %v", err)
	}
	save(t, d, begin(t, d))
	if done, err := history.Answered(d); !done || err != nil {
		t.Errorf("a request that a set answered is not: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	request(t, d) // while somebody has stopped the socket
	if err := history.RepeatRequest(d, time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
}
