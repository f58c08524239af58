package target_test

import (
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

func bucketClient(t *testing.T, o target.S3Options) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(o.Endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// versions are those of a file, newest first.
func versions(t *testing.T, c *minio.Client, o target.S3Options, name string) (out []minio.ObjectInfo) {
	t.Helper()
	for v := range c.ListObjectsIter(t.Context(), o.Bucket, minio.ListObjectsOptions{Prefix: o.Prefix + "/" + name, Recursive: true, WithVersions: true}) {
		if v.Err != nil {
			t.Fatal(v.Err)
		}
		out = append(out, v)
	}
	return out
}

func TestAnObjectLockKeepsFilesFromBeingDeleted(t *testing.T) {
	o := targettest.StartS3Locked(t)
	o.LockDays = 10
	s, err := target.NewS3(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, c := t.Context(), bucketClient(t, o)
	if err := s.CheckLock(ctx); err != nil {
		t.Fatal(err)
	}
	const wal = "archive/wal/7/000000010000000000000001.zst.age"
	const piece = "archive/wal/7/000000010000000000000001.00000000-00000010.zst.age"
	put(t, s, "sets/p/a/1.f", "pack", time.Time{})
	put(t, s, wal, "wal", time.Time{})
	put(t, s, piece, "piece", time.Time{})
	put(t, s, "owner.json", "1", time.Time{})
	put(t, s, "owner.json", "2", time.Time{})

	kept := func(name string) bool {
		mode, until, err := c.GetObjectRetention(ctx, o.Bucket, o.Prefix+"/"+name, "")
		return err == nil && *mode == minio.Governance && until.After(time.Now().Add(9*24*time.Hour))
	}
	lockable := map[string]bool{"sets/p/a/1.f": true, wal: true, piece: false, "owner.json": false}
	for name, locked := range lockable {
		if kept(name) != locked {
			t.Errorf("%s is kept from its first second on: %v, want %v", name, !locked, locked)
		}
	}

	// A lock that ends soon is extended.
	mode, soon := minio.Governance, time.Now().Add(time.Hour)
	if err := c.PutObjectRetention(ctx, o.Bucket, o.Prefix+"/"+wal, minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &soon, GovernanceBypass: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.ExtendLocks(ctx); err != nil {
		t.Fatal(err)
	}
	for name, locked := range lockable {
		if kept(name) != locked {
			t.Errorf("%s is kept after its lock was extended: %v, want %v", name, !locked, locked)
		}
	}

	// What is deleted is gone for us, and stays for those who need it back.
	for _, name := range []string{"sets/p/a/1.f", piece} {
		if err := s.Delete(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, wal, "garbage", time.Time{})
	for range 2 { // a lock is no failure, in whatever round
		if err := target.Sweep(ctx, s, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if files, err := s.Walk(ctx, ""); err != nil || names(files) != wal+" owner.json" {
		t.Errorf("%s %v", names(files), err)
	}
	for name, want := range map[string]int{"sets/p/a/1.f": 2, wal: 2, piece: 0, "owner.json": 1} {
		if got := versions(t, c, o, name); len(got) != want {
			t.Errorf("%s has %d versions, want %d", name, len(got), want)
		}
	}

	// Once the lock is over the space comes back.
	for _, v := range versions(t, c, o, "sets/p/a/1.f") {
		if v.IsDeleteMarker {
			continue
		}
		if err := c.PutObjectRetention(ctx, o.Bucket, v.Key, minio.PutObjectRetentionOptions{VersionID: v.VersionID, GovernanceBypass: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := target.Sweep(ctx, s, time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := versions(t, c, o, "sets/p/a/1.f"); len(got) != 0 {
		t.Errorf("%d versions are left", len(got))
	}
}

func TestABucketWithoutObjectLockIsRefused(t *testing.T) {
	o := targettest.StartS3(t)
	o.LockDays = 10
	s, err := target.NewS3(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckLock(t.Context()); err == nil || !strings.Contains(err.Error(), "has no object lock") {
		t.Errorf("%v", err)
	}
}
