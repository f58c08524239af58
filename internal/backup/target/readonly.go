package target

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// ErrReadOnly is the error of a write to a target that is only read.
var ErrReadOnly = fmt.Errorf("the backup target is only read here: %w", fs.ErrPermission)

// ReadOnly is a target to a job that only reads. The engine of the sets writes also when
// it is only asked what there is, and the job may be root's.
type ReadOnly struct{ Store }

// Put refuses.
func (ReadOnly) Put(context.Context, string, io.Reader, time.Time) error { return ErrReadOnly }

// Delete refuses.
func (ReadOnly) Delete(context.Context, string) error { return ErrReadOnly }
