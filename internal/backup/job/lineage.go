package job

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/repository"
)

// lineage is how sets and archived WAL lead to each other, for each database cluster
// of which there is a physical copy.
type lineage struct {
	archive *archive.Archive
	systems []system // in the order of their newest sets, newest first
}

type system struct {
	id    string
	wal   *archive.WAL
	bases []archive.Base
}

// lineage reads the descriptions of sets, which are newest first, and lists the
// archived WAL.
func (s *Session) lineage(ctx context.Context, sets []repository.Set) (*lineage, error) {
	a, err := s.Archive(ctx)
	if err != nil {
		return nil, err
	}
	l := &lineage{archive: a}
	for _, set := range sets {
		d, err := backup.Read(ctx, s.Repository, set.ID)
		if err != nil {
			return nil, err
		}
		if !d.Physical() {
			continue
		}
		if err := l.add(ctx, set, d); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *lineage) add(ctx context.Context, set repository.Set, d backup.Document) error {
	start, err := archive.ParseLSN(d.Database.Start)
	if err != nil {
		return err
	}
	stop, err := archive.ParseLSN(d.Database.Stop)
	if err != nil {
		return err
	}
	base := archive.Base{Set: set.ID, Timeline: uint32(d.Database.Timeline), Start: start, Stop: stop, EndedAt: set.EndedAt}
	for i := range l.systems {
		if l.systems[i].id == d.Database.SystemIdentifier {
			l.systems[i].bases = append(l.systems[i].bases, base)
			return nil
		}
	}
	wal, err := l.archive.WAL(ctx, d.Database.SystemIdentifier)
	if err != nil {
		return err
	}
	l.systems = append(l.systems, system{d.Database.SystemIdentifier, wal, []archive.Base{base}})
	return nil
}

// Moments is a time of which every moment can be brought back.
type Moments = archive.Moments

// needs is what must stay for the window.
type needs struct {
	sets map[string]string // ids, with the reason
	wal  map[string]archive.Needs
}

func (l *lineage) needs(ctx context.Context, windowBegin time.Time) (needs, error) {
	out := needs{map[string]string{}, map[string]archive.Needs{}}
	for _, s := range l.systems {
		n, err := s.wal.Needs(ctx, s.bases, windowBegin)
		if err != nil {
			return out, err
		}
		out.wal[s.id] = n
		for id, why := range n.Sets {
			out.sets[id] = why
		}
	}
	return out, nil
}

// moments lists what the sets that are kept bring back of the newest database. Of one
// before it only the sets themselves are promised.
func (l *lineage) moments(ctx context.Context, kept func(id string) bool, through time.Time) ([]Moments, error) {
	if len(l.systems) == 0 {
		return nil, nil
	}
	newest := l.systems[0]
	var bases []archive.Base
	for _, b := range newest.bases {
		if kept(b.Set) {
			bases = append(bases, b)
		}
	}
	return newest.wal.Moments(ctx, bases, through)
}

// Through is until when this machine knows everything to be in the archive of the
// session's target; zero where it does not know.
func (s *Session) Through() time.Time { return s.Shipped().Through }

// Shipped is how far this machine has brought the archive of the session's target; the
// zero value where it does not.
func (s *Session) Shipped() archive.State {
	if s.Endpoint.Copy || s.Endpoint.Target != s.Jobs.Config.Backup.Target || !s.Jobs.Config.Streams() {
		return archive.State{}
	}
	h, err := history.Read(s.Jobs.Dirs)
	if err != nil || h.WAL.Place != s.Jobs.Config.Backup.Place() {
		return archive.State{}
	}
	return h.WAL
}

// Moments lists the times of which every moment can be brought back.
func (s *Session) Moments(ctx context.Context) ([]Moments, error) {
	sets, err := s.Repository.Sets(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.lineage(ctx, sets)
	if err != nil {
		return nil, err
	}
	return l.moments(ctx, func(string) bool { return true }, s.Through())
}

// gaps tells where the archive is not what it was: it lacks WAL between a set and a
// moment of the window, or WAL that this machine has shipped.
func (l *lineage) gaps(ctx context.Context, windowBegin time.Time, shipped archive.State) ([]string, error) {
	if len(l.systems) == 0 {
		return nil, nil
	}
	newest := l.systems[0]
	look := func() ([]string, error) {
		out, err := newest.wal.Gaps(ctx, newest.bases, windowBegin)
		if err != nil {
			return nil, err
		}
		short, err := newest.wal.Short(ctx, newest.bases, shipped)
		if short != "" {
			out = append(out, short)
		}
		return out, err
	}
	out, err := look()
	if err != nil || len(out) == 0 {
		return out, err
	}
	// The archive may have been listed while the shipper wrote to it.
	if err := newest.wal.Refresh(ctx); err != nil {
		return nil, err
	}
	return look()
}
