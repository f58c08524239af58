package archive

import (
	"context"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// copyOnce ships a file that describes a timeline, unless the archive has it with the
// signature of the key in use.
func (s *Shipper) copyOnce(ctx context.Context, from string) error {
	name := path.Join(s.System, filepath.Base(from))
	if slices.Contains(s.State.Timelines, name) {
		return nil
	}
	if there, err := s.signed(ctx, filepath.Base(from)); err != nil || there {
		if there {
			s.State.Timelines = append(s.State.Timelines, name)
		}
		return err
	}
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("reading the WAL spool: %w", err)
	}
	defer f.Close()
	if err := s.put(ctx, filepath.Base(from), f, 0, math.MaxInt64, time.Time{}); err != nil {
		return err
	}
	s.State.Timelines = append(s.State.Timelines, name)
	return nil
}
