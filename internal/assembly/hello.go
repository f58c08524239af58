package assembly

import "context"

// RunHello says hello.
func (p *Parts) RunHello(context.Context) error {
	p.Log.Info("hello")
	return nil
}
