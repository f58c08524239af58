package assembly

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/host/storagegate"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

// Gate is the allow-list in front of MinIO.
func (p *Parts) Gate() *storagegate.Gate {
	return storagegate.New(storagegate.Options{
		Bucket: p.Config.Storage.Bucket, Upstream: storagegate.Address, Patience: 5 * time.Second, Log: p.Log,
	})
}

// RunGate serves the object store's socket until ctx ends.
func (p *Parts) RunGate(ctx context.Context) error {
	sockets, err := listeners("storage")
	if err != nil {
		return err
	}
	gate := p.Gate()
	service := lifecycle.Service{Server: gate.Server(), Listeners: sockets, Check: gate.Check, Log: p.Log}
	return service.Run(ctx)
}
