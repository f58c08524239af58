package assembly

import (
	"net"

	"github.com/bugspark/bugspark/internal/lifecycle"
)

// listeners are the sockets of these names that the service manager has handed to
// this process, in the order of the names.
func listeners(names ...string) ([]net.Listener, error) {
	inherited, err := lifecycle.Inherited()
	if err != nil {
		return nil, err
	}
	var out []net.Listener
	for _, name := range names {
		ln, err := inherited.One(name)
		if err != nil {
			return nil, err
		}
		out = append(out, ln)
	}
	return out, nil
}
