// Package s3 keeps objects in one bucket of an S3 service: a customer's over HTTPS,
// or the packaged MinIO over the unix socket of the storage gate.
//
// It speaks the part of S3 that every service has: HEAD and PUT of the bucket,
// PUT, GET, HEAD and DELETE of an object, ListObjectsV2. An object always goes up
// in a single PUT whose signature covers the SHA-256 of the whole body. Streaming
// signatures, trailing checksums and multipart uploads would save reading the body
// twice, but bypasses of MinIO's authentication used them, and S3 services differ in
// them. Without them the storage gate needs to allow no POST.
package s3

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/bugspark/bugspark/internal/objectstore"
)

// Options say where the bucket is and who asks for it.
type Options struct {
	Endpoint   string // URL of the service, such as https://s3.example.org; unused with UnixSocket
	UnixSocket string // path of the storage gate's socket
	Bucket     string
	Region     string // empty means us-east-1
	AccessKey  string
	SecretKey  string
}

// Store is the bucket; see objectstore.Store.
type Store struct {
	core   minio.Core
	bucket string
	region string
}

var _ objectstore.Store = (*Store)(nil)

// New returns the store for o without talking to the service.
func New(o Options) (*Store, error) {
	if o.AccessKey == "" || o.SecretKey == "" {
		return nil, fmt.Errorf("object store: access key and secret key must not be empty")
	}
	endpoint, secure, err := o.address()
	if err != nil {
		return nil, err
	}
	region := o.Region
	if region == "" {
		// Without a region minio-go asks for it with GetBucketLocation,
		// which the gate refuses.
		region = "us-east-1"
	}
	core, err := minio.NewCore(endpoint, &minio.Options{
		Creds:           credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""),
		Secure:          secure,
		Transport:       o.transport(),
		Region:          region,
		BucketLookup:    minio.BucketLookupPath,
		TrailingHeaders: false, // see the package comment
		MaxRetries:      4,     // enough for a restart of about a second; a context may end it earlier
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the object store client: %w", err)
	}
	return &Store{core: *core, bucket: o.Bucket, region: region}, nil
}

// address is the host to sign for and whether to speak TLS.
func (o Options) address() (host string, secure bool, err error) {
	if o.UnixSocket != "" {
		return "localhost", false, nil
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || (u.Path != "" && u.Path != "/") || u.User != nil {
		return "", false, fmt.Errorf("object store: endpoint %q is not a URL such as https://s3.example.org", o.Endpoint)
	}
	return u.Host, u.Scheme == "https", nil
}

func (o Options) transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		// Under load many uploads run at once; the default of 2 would open and close
		// a connection for most of them.
		MaxIdleConns:        64,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute, // shorter than the gate's, so that the gate never closes first
		DisableCompression:  true,        // pictures are compressed already, and a body must come back byte for byte
	}
	if o.UnixSocket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", o.UnixSocket)
		}
		return t
	}
	t.Proxy = http.ProxyFromEnvironment
	return t
}

// Prepare makes the bucket if it is not there.
func (s *Store) Prepare(ctx context.Context) error {
	there, err := s.core.BucketExists(ctx, s.bucket)
	if err != nil {
		return fmt.Errorf("looking for bucket %s: %w", s.bucket, err)
	}
	if there {
		return nil
	}
	err = s.core.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: s.region})
	if err != nil && minio.ToErrorResponse(err).Code != minio.BucketAlreadyOwnedByYou {
		return fmt.Errorf("making bucket %s: %w", s.bucket, err)
	}
	return nil
}

// Check proves that the service answers and knows the bucket.
func (s *Store) Check(ctx context.Context) error {
	there, err := s.core.BucketExists(ctx, s.bucket)
	if err != nil {
		return fmt.Errorf("asking for bucket %s: %w", s.bucket, err)
	}
	if !there {
		return fmt.Errorf("bucket %s is not there: %w", s.bucket, objectstore.ErrNotFound)
	}
	return nil
}
