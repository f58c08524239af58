package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// watchInterval is how soon a replaced file is noticed. Files are read rather than
// watched, because inotify misses changed symbolic links and network file systems.
const watchInterval = 10 * time.Second

// watcher serves the customer's files, and new ones once they are valid.
type watcher struct {
	*Manager
	cert, key []byte
	refused   string // the last error, so that it is logged once
}

func (w *watcher) run(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := w.reload(); err != nil && err.Error() != w.refused {
			w.refused = err.Error()
			w.o.Log.Error("the changed certificate is not used; the one before stays", "error", err)
		}
	}
}

// reload reads both files and serves them if they are new and good.
func (w *watcher) reload() error {
	cert, err := os.ReadFile(w.o.TLS.Certificate)
	if err != nil {
		return fault.Wrap(fault.Failed, err, "bugspark certificate install "+w.o.TLS.Certificate+" "+w.o.TLS.Key, "reading the certificate")
	}
	key, err := os.ReadFile(w.o.TLS.Key)
	if err != nil {
		return fault.Wrap(fault.Failed, err, "bugspark certificate install "+w.o.TLS.Certificate+" "+w.o.TLS.Key, "reading the key")
	}
	if bytes.Equal(cert, w.cert) && bytes.Equal(key, w.key) {
		return nil
	}
	if err := CheckFiles(cert, key, w.o.Name, w.o.Now()); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	w.cert, w.key, w.refused = cert, key, ""
	w.fromFiles.Store(&pair)
	w.o.Log.Info("serving the certificate", "file", w.o.TLS.Certificate, "until", pair.Leaf.NotAfter)
	return nil
}
