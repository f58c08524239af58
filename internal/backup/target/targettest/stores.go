package targettest

import (
	"context"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/objectstore/storetest"
)

// StartS3 makes a bucket on a MinIO of its own, and says how to reach a prefix of
// it.
func StartS3(t *testing.T) target.S3Options { return startS3(t, minio.MakeBucketOptions{}) }

// StartS3Locked is StartS3 with a bucket that has object lock.
func StartS3Locked(t *testing.T) target.S3Options {
	return startS3(t, minio.MakeBucketOptions{ObjectLocking: true})
}

func startS3(t *testing.T, bucket minio.MakeBucketOptions) target.S3Options {
	t.Helper()
	m := storetest.StartMinIO(t)
	o := target.S3Options{Endpoint: "http://" + m.Address, Region: "us-east-1", Bucket: "backups", Prefix: "bank/bugspark", AccessKey: m.AccessKey, SecretKey: m.SecretKey}
	client, err := minio.New(strings.TrimPrefix(o.Endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(context.Background(), o.Bucket, bucket); err != nil {
		t.Fatal(err)
	}
	return o
}

// Stores runs a test once for each kind of target, each empty.
func Stores(t *testing.T, run func(*testing.T, target.Store)) {
	t.Run("directory", func(t *testing.T) { run(t, target.Directory(t.TempDir())) })
	t.Run("s3", func(t *testing.T) {
		s, err := target.NewS3(StartS3(t))
		if err != nil {
			t.Fatal(err)
		}
		run(t, s)
	})
	t.Run("sftp", func(t *testing.T) {
		s, err := target.NewSFTP(StartSFTP(t, t.TempDir()).Options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		run(t, s)
	})
}
