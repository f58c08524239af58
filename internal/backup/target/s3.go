package target

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options say where a bucket is and who writes to it.
type S3Options struct {
	Endpoint  string // URL of the service, such as https://s3.example.org
	Region    string // us-east-1 for services that know none
	Bucket    string
	Prefix    string // of every key, without a slash at either end; may be empty
	AccessKey string
	SecretKey string
	LockDays  int           // for which files written once cannot be deleted; zero is none
	Silence   time.Duration // after which the service counts as gone; zero is a minute
}

// S3 is a target that is a bucket of an S3 service, or what is below a prefix
// of one. A PUT is atomic, so that no file is ever seen half.
type S3 struct {
	o      S3Options
	client *minio.Client
	idle   func()
}

var _ Store = (*S3)(nil)

// writtenAt is the metadata that keeps the time a file was written; the name and
// the form, seconds since 1970, are rclone's, which gives them back to copies.
const writtenAt = "Mtime"

// NewS3 returns the store for o without talking to the service.
func NewS3(o S3Options) (*S3, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("%q is no URL such as https://s3.example.org", o.Endpoint)
	}
	transport := &http.Transport{
		MaxResponseHeaderBytes: 64 << 10,
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer(patience(o.Silence)),
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  patience(o.Silence),
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true,
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""),
		Secure:       u.Scheme == "https",
		Region:       o.Region,
		Transport:    &bounded{transport, u.Host, patience(o.Silence)},
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   4,
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the client of %s: %w", o.Endpoint, err)
	}
	return &S3{o, client, transport.CloseIdleConnections}, nil
}

func (s *S3) key(name string) string { return path.Join(s.o.Prefix, name) }

func (s *S3) String() string { return "s3://" + path.Join(s.o.Bucket, s.o.Prefix) }

// Close gives idle connections up.
func (s *S3) Close() error {
	s.idle()
	return nil
}

func (s *S3) failed(err error, name string) error {
	switch r := minio.ToErrorResponse(err); {
	case r.Code == minio.NoSuchKey || (r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket):
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case r.Code == minio.NoSuchBucket:
		return fmt.Errorf("there is no bucket %s at %s", s.o.Bucket, s.o.Endpoint)
	}
	return fmt.Errorf("%s of %s: %w", name, s, err)
}

// Put buffers body, because a PUT announces its size and signs its hash; files of
// a target are small.
func (s *S3) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if err := named(name); err != nil {
		return err
	}
	var whole bytes.Buffer
	if _, err := whole.ReadFrom(body); err != nil {
		return err
	}
	o := minio.PutObjectOptions{DisableMultipart: true}
	if !at.IsZero() {
		o.UserMetadata = map[string]string{writtenAt: strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)}
	}
	s.lock(&o, name)
	if _, err := s.client.PutObject(ctx, s.o.Bucket, s.key(name), &whole, int64(whole.Len()), o); err != nil {
		return s.failed(err, name)
	}
	return nil
}

// Open asks for the range itself, so that a reader that closes early leaves
// nothing under way.
func (s *S3) Open(ctx context.Context, name string, from, length int64) (io.ReadCloser, error) {
	if err := named(name); err != nil {
		return nil, err
	}
	if length == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	var o minio.GetObjectOptions
	if from > 0 || length > 0 {
		last := int64(0) // to the end
		if length > 0 {
			last = from + length - 1
		}
		if err := o.SetRange(from, last); err != nil {
			return nil, err
		}
	}
	core := minio.Core{Client: s.client}
	body, _, _, err := core.GetObject(ctx, s.o.Bucket, s.key(name), o)
	if err != nil {
		return nil, s.failed(err, name)
	}
	return limited(capped(body), length), nil // a service may send more than it was asked for
}

// latest is a time that a file can have been written at.
const latest = 253402300799 // the last second of the year 9999

// Stat asks for the file and its metadata.
func (s *S3) Stat(ctx context.Context, name string) (File, error) {
	if err := named(name); err != nil {
		return File{}, err
	}
	info, err := s.client.StatObject(ctx, s.o.Bucket, s.key(name), minio.StatObjectOptions{})
	if err != nil {
		return File{}, s.failed(err, name)
	}
	f := File{Name: name, Size: info.Size, ModifiedAt: info.LastModified}
	if seconds, err := strconv.ParseFloat(info.UserMetadata[writtenAt], 64); err == nil && seconds >= 0 && seconds <= latest {
		f.ModifiedAt = time.UnixMilli(int64(seconds * 1000))
	}
	return f, nil
}

func (s *S3) list(ctx context.Context, dir string, recursive bool) ([]File, error) {
	if err := namedDir(dir); err != nil {
		return nil, err
	}
	prefix := s.key(dir)
	if prefix != "" {
		prefix += "/"
	}
	ctx, cancel := context.WithTimeout(ctx, longestListing)
	defer cancel()
	l := listing{flat: !recursive}
	ctx = context.WithValue(ctx, pages{}, new(atomic.Int64))
	for o := range s.client.ListObjectsIter(ctx, s.o.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: recursive}) {
		if o.Err != nil {
			return nil, s.failed(o.Err, dir)
		}
		inside, below := strings.CutPrefix(o.Key, prefix)
		if !below {
			return nil, fmt.Errorf("%s answers with %.100q to a question about what is below %q: %w", s.o.Endpoint, o.Key, prefix, ErrName)
		}
		name, isDir := strings.CutSuffix(inside, "/")
		if isDir && recursive {
			continue
		}
		if err := l.add(File{Name: name, Size: o.Size, ModifiedAt: o.LastModified, IsDir: isDir}); err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
	}
	return l.files, ctx.Err()
}

// Dir lists what is directly below a directory.
func (s *S3) Dir(ctx context.Context, name string) ([]File, error) { return s.list(ctx, name, false) }

// Walk lists everything below a directory.
func (s *S3) Walk(ctx context.Context, name string) ([]File, error) {
	out, err := s.list(ctx, name, true)
	for i := range out {
		out[i].Name = path.Join(name, out[i].Name)
	}
	return out, err
}

// Delete removes a file.
func (s *S3) Delete(ctx context.Context, name string) error {
	if err := named(name); err != nil {
		return err
	}
	if err := s.client.RemoveObject(ctx, s.o.Bucket, s.key(name), minio.RemoveObjectOptions{}); err != nil {
		return s.failed(err, name)
	}
	return nil
}

// Free is ErrSpaceUnknown: S3 has no such call.
func (s *S3) Free(context.Context) (int64, error) { return 0, ErrSpaceUnknown }
