package target

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"github.com/bugspark/bugspark/internal/fault"
)

// Locker is a target whose service can keep files from being deleted or replaced for a
// time, also by whoever has this machine's keys.
type Locker interface {
	// LockFor is for how long, or zero.
	LockFor() time.Duration
	// CheckLock fails unless the service does so here.
	CheckLock(ctx context.Context) error
	// ExtendLocks begins the time anew for every file that is there.
	ExtendLocks(ctx context.Context) error
}

var _ Locker = (*S3)(nil)

// lockMode is governance: the keys on this machine cannot shorten such a lock, unless
// somebody gave them the right to bypass it, and whoever administers the service can take
// back a setting with a zero too many. Of a lock in compliance mode nobody can.
func lockMode() minio.RetentionMode { return minio.Governance }

// lockable tells whether a file is kept from being deleted: what is written once, and
// pieces of WAL are replaced every few seconds.
func lockable(name string) bool {
	_, isPiece := parsePiece(name)
	return immutable(name) && !isPiece
}

// LockFor is the setting lock_days.
func (s *S3) LockFor() time.Duration { return time.Duration(s.o.LockDays) * 24 * time.Hour }

func (s *S3) lock(o *minio.PutObjectOptions, name string) {
	if s.o.LockDays > 0 && lockable(name) {
		o.Mode, o.RetainUntilDate = lockMode(), time.Now().Add(s.LockFor()).UTC()
		o.SendContentMd5 = true // services ask for it with a lock
	}
}

// CheckLock asks whether the bucket was made with object lock.
func (s *S3) CheckLock(ctx context.Context) error {
	if s.o.LockDays == 0 {
		return nil
	}
	state, _, _, _, err := s.client.GetObjectLockConfig(ctx, s.o.Bucket)
	if err != nil && minio.ToErrorResponse(err).StatusCode != http.StatusNotFound {
		return s.failed(err, "the object lock")
	}
	if err != nil || state != "Enabled" {
		return fault.New(fault.Preflight, "take a bucket that was made with object lock, or set lock_days to 0", "the bucket %s has no object lock, which lock_days asks for", s.o.Bucket)
	}
	return nil
}

// ExtendLocks locks every current file from now on.
func (s *S3) ExtendLocks(ctx context.Context) error {
	if s.o.LockDays == 0 {
		return nil
	}
	files, err := s.Walk(ctx, "")
	if err != nil {
		return err
	}
	mode, until := lockMode(), time.Now().Add(s.LockFor()).UTC()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, f := range files {
		if !lockable(f.Name) {
			continue
		}
		group.Go(func() error {
			err := s.client.PutObjectRetention(ctx, s.o.Bucket, s.key(f.Name), minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until})
			if err != nil && minio.ToErrorResponse(err).StatusCode != http.StatusNotFound { // deleted meanwhile
				return s.failed(fmt.Errorf("extending the lock: %w", err), f.Name)
			}
			return nil
		})
	}
	return group.Wait()
}

// sweepVersions gives back the space of what was deleted or replaced and is not locked
// any more. In a bucket with object lock a deletion only hides a file.
func (s *S3) sweepVersions(ctx context.Context) error {
	prefix := s.key("")
	if prefix != "" {
		prefix += "/"
	}
	var versions []minio.ObjectInfo // of one key
	for o := range s.client.ListObjectsIter(ctx, s.o.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			return s.failed(o.Err, "")
		}
		if len(versions) > 0 && versions[0].Key != o.Key {
			if err := s.sweepKey(ctx, versions); err != nil {
				return err
			}
			versions = versions[:0]
		}
		versions = append(versions, o)
	}
	return s.sweepKey(ctx, versions)
}

// sweepKey removes the versions of one key that are behind the current one. The mark of
// a deletion goes last: without it the version before would be current again.
func (s *S3) sweepKey(ctx context.Context, versions []minio.ObjectInfo) error {
	locked := false
	for _, latest := range []bool{false, true} {
		for _, v := range versions {
			if v.IsLatest != latest || latest && (!v.IsDeleteMarker || locked) {
				continue
			}
			err := s.client.RemoveObject(ctx, s.o.Bucket, v.Key, minio.RemoveObjectOptions{VersionID: v.VersionID})
			if err == nil {
				continue
			}
			if !s.locked(ctx, v) {
				return s.failed(err, v.Key)
			}
			locked = true // it goes later
		}
	}
	return nil
}

func (s *S3) locked(ctx context.Context, v minio.ObjectInfo) bool {
	_, until, err := s.client.GetObjectRetention(ctx, s.o.Bucket, v.Key, v.VersionID)
	return err == nil && until != nil && until.After(time.Now())
}
