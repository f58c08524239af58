package assembly

import (
	"path/filepath"

	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/objectstore/s3"
)

// Objects is where pictures are kept.
func (p *Parts) Objects() (objectstore.Store, error) {
	s := p.Config.Storage
	if s.Engine == "filesystem" {
		return filesystem.New(filepath.Join(p.Dirs.State, "pictures"))
	}
	o := s3.Options{Bucket: s.Bucket}
	var err error
	if o.AccessKey, err = p.credential("storage-access-key"); err != nil {
		return nil, err
	}
	if o.SecretKey, err = p.credential("storage-secret-key"); err != nil {
		return nil, err
	}
	if s.Engine == "minio" {
		o.UnixSocket = p.Dirs.Socket("storage")
	} else {
		o.Endpoint, o.Region = s.Endpoint, s.Region
	}
	return s3.New(o)
}
