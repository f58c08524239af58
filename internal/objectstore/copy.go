package objectstore

import (
	"context"
	"fmt"
	"io"
)

// CopyExact copies a body of size bytes to w for an engine's Put. It ends with
// the context's error when that is cancelled, and with ErrSize when body is
// shorter or longer; w then holds at most one byte too many.
func CopyExact(ctx context.Context, w io.Writer, body io.Reader, size int64) error {
	if size < 0 {
		return fmt.Errorf("%w: it cannot be %d bytes", ErrSize, size)
	}
	// One byte more than announced is enough to know that the body is too long.
	n, err := io.Copy(w, io.LimitReader(cancellable{ctx, body}, size+1))
	switch {
	case err != nil:
		return err
	case n < size:
		return fmt.Errorf("%w: want %d bytes, got %d", ErrSize, size, n)
	case n > size:
		return fmt.Errorf("%w: want %d bytes, got more", ErrSize, size)
	}
	return nil
}

// cancellable ends a copy when the context does.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
