package storetest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// MinIO is a running MinIO server of one test.
type MinIO struct {
	Address   string // host:port
	AccessKey string
	SecretKey string
}

// StartMinIO starts a MinIO server with an empty data directory on a free
// loopback port, waits until it answers, and stops it when the test ends. It
// looks for the binary in $BUGSPARK_TEST_MINIO, $PATH and the place where the
// package bugspark-minio puts it.
func StartMinIO(t *testing.T) MinIO {
	t.Helper()
	binary := findMinIO(t)
	m := MinIO{Address: freeAddress(t), AccessKey: "access-key-of-a-test", SecretKey: "secret-key-of-a-test"}
	dir := t.TempDir()
	var log bytes.Buffer
	cmd := exec.Command(binary, "server", "--quiet", "--address", m.Address, filepath.Join(dir, "data"))
	cmd.Env = []string{
		"HOME=" + dir, "MINIO_BROWSER=off", "MINIO_UPDATE=off",
		"MINIO_ROOT_USER=" + m.AccessKey, "MINIO_ROOT_PASSWORD=" + m.SecretKey,
	}
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})

	deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !healthy(deadline, m.Address) {
		select {
		case <-ended:
			t.Fatalf("MinIO ended at once: %s", log.String())
		case <-deadline.Done():
			t.Fatal("MinIO did not become healthy within a minute")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return m
}

func findMinIO(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("BUGSPARK_TEST_MINIO"); path != "" {
		return path
	}
	if path, err := exec.LookPath("minio"); err == nil {
		return path
	}
	const packaged = "/usr/lib/bugspark/minio"
	if _, err := os.Stat(packaged); err != nil {
		t.Skip("no MinIO: set BUGSPARK_TEST_MINIO to the path of its server binary")
	}
	return packaged
}

func healthy(ctx context.Context, address string) bool {
	// A bucket listing without credentials is refused with 403 once the object
	// layer is up and with 503 before, which /minio/health/live does not tell.
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusForbidden
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
