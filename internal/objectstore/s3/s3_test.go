package s3_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/s3"
	"github.com/bugspark/bugspark/internal/objectstore/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	minio := storetest.StartMinIO(t)
	var buckets atomic.Int32
	storetest.Run(t, func(t *testing.T) objectstore.Store {
		s, err := s3.New(s3.Options{
			Endpoint: "http://" + minio.Address, Bucket: fmt.Sprintf("test-%d", buckets.Add(1)),
			AccessKey: minio.AccessKey, SecretKey: minio.SecretKey,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := s3.Options{Endpoint: "https://s3.example.org", Bucket: "bugspark", AccessKey: "a", SecretKey: "s"}
	if _, err := s3.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*s3.Options){
		"no access key":        func(o *s3.Options) { o.AccessKey = "" },
		"no secret key":        func(o *s3.Options) { o.SecretKey = "" },
		"no endpoint":          func(o *s3.Options) { o.Endpoint = "" },
		"endpoint not a URL":   func(o *s3.Options) { o.Endpoint = "s3.example.org" },
		"endpoint of no HTTP":  func(o *s3.Options) { o.Endpoint = "ftp://s3.example.org" },
		"endpoint with a path": func(o *s3.Options) { o.Endpoint = "https://s3.example.org/tenant" },
		"endpoint with keys":   func(o *s3.Options) { o.Endpoint = "https://key:secret@s3.example.org" },
	} {
		o := good
		change(&o)
		if _, err := s3.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestWrongKeyIsNotAMissingObject(t *testing.T) {
	t.Parallel()
	minio := storetest.StartMinIO(t)
	s, err := s3.New(s3.Options{Endpoint: "http://" + minio.Address, Bucket: "bugspark", AccessKey: minio.AccessKey, SecretKey: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), "a"); err == nil || errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("Stat with a wrong key: %v", err)
	}
	if err := s.Check(t.Context()); err == nil {
		t.Error("Check with a wrong key passed")
	}
}

func TestMissingBucketIsNotAMissingObject(t *testing.T) {
	t.Parallel()
	minio := storetest.StartMinIO(t)
	s, err := s3.New(s3.Options{Endpoint: "http://" + minio.Address, Bucket: "bugspark", AccessKey: minio.AccessKey, SecretKey: minio.SecretKey})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Get(t.Context(), "a"); err == nil || errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("Get from a missing bucket: %v", err)
	}
	if err := s.Check(t.Context()); err == nil {
		t.Error("Check of a missing bucket passed")
	}
}
