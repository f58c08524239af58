package archive

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// TestServeGivesFewSegmentsAtOnce has what was restored ask on many connections and read
// nothing: each answer is a segment in the memory of the process that has the keys.
func TestServeGivesFewSegmentsAtOnce(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &Archive{Target: target.Directory(t.TempDir()), Recipient: id.Recipient(), Identity: id, Signer: key, Writers: []ed25519.PublicKey{public}}
	const segment = "000000010000000000000001"
	if err := a.put(t.Context(), "wal/1/"+segment+".00000000-00001000", bytes.NewReader(make([]byte, 1000)), time.Now()); err != nil {
		t.Fatal(err)
	}
	w, err := a.WAL(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	go w.Serve(t.Context(), ln, true, func(error) {})
	ask := func() net.Conn {
		conn, err := net.Dial("unix", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: wal\r\n\r\n", segment); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	answered := func(conn net.Conn, within time.Duration) error {
		_ = conn.SetReadDeadline(time.Now().Add(within))
		_, err := conn.Read(make([]byte, 1))
		return err
	}
	var stuck []net.Conn
	for i := range maxRequests {
		conn := ask()
		if err := answered(conn, time.Minute); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		stuck = append(stuck, conn)
	}
	one := ask()
	if err := answered(one, 2*time.Second); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one more is answered, or refused: %v", err)
	}
	stuck[0].Close()
	if err := answered(one, time.Minute); err != nil {
		t.Errorf("one more is not answered when its turn has come: %v", err)
	}
}
