package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// Beside is a store that leaves some bytes free, and more where it is on the file
// system of the data: what the data needs.
type Beside struct {
	Store
	State string // directory of the data
	Bytes int64
}

// Put fails when too little is free, also while it writes: what a mirror copies is as
// large as the owner of the first target likes.
func (b Beside) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	room, err := Whereabouts(b.Store, b.State)
	if err != nil {
		return err
	}
	if room.Reserve <= b.Bytes {
		return Reserved{b.Store, b.Bytes}.Put(ctx, name, body, at)
	}
	r := Reserved{b.Store, room.Reserve}
	err = r.Put(ctx, name, &watched{Reader: body, ok: func() error { return r.enough(ctx) }}, at)
	if errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrBeside, err)
	}
	return err
}

// watchInterval is after how many bytes of a file the free space is looked at again.
const watchInterval = 16 << 20

// watched fails once there is too little room for the rest.
type watched struct {
	io.Reader
	ok   func() error
	read int64
}

func (w *watched) Read(p []byte) (int, error) {
	if w.read >= watchInterval {
		if err := w.ok(); err != nil {
			return 0, err
		}
		w.read = 0
	}
	n, err := w.Reader.Read(p)
	w.read += int64(n)
	return n, err
}
