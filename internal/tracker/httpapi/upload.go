package httpapi

import (
	"bytes"
	"errors"
	"image"
	_ "image/jpeg" // decoders of picture headers, registered with package image
	_ "image/png"
	"io"
	"mime"
	"net/http"
	"os"

	"github.com/google/uuid"
	_ "golang.org/x/image/webp"

	"github.com/bugspark/bugspark/internal/tracker"
)

// The limits of a picture, in pixels, as the contract has them: more than a widget
// sends, and few enough for a browser to decode.
const (
	maxSide = 32_768
	maxArea = 200_000_000
)

// pictureKind is a file extension and a test of a file's first bytes.
type pictureKind struct {
	extension string
	matches   func([]byte) bool
}

func pictureKinds() map[string]pictureKind {
	return map[string]pictureKind{
		"image/png":  {"png", func(b []byte) bool { return bytes.HasPrefix(b, []byte("\x89PNG")) }},
		"image/jpeg": {"jpg", func(b []byte) bool { return bytes.HasPrefix(b, []byte("\xff\xd8\xff")) }},
		"image/webp": {"webp", func(b []byte) bool { return bytes.HasPrefix(b, []byte("RIFF")) && string(b[8:12]) == "WEBP" }},
	}
}

// uploadScreenshot stores one picture: first the object, then the row that names it,
// then the answer, each durable before the next. Should it end in between, the store has
// been told of the object and deletes it. Until it is complete it waits in the
// spool, because a client may send slowly, and its size must be known and the picture
// checked before it is stored.
func (a *API) uploadScreenshot(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOfKey(r)
	if err != nil {
		return err
	}
	if err := checkOrigin(p, r); err != nil {
		return err
	}
	limit := int64(a.Limits.PictureMiB) << 20
	leave, err := a.admitUpload(r, p.ID, limit)
	if err != nil {
		return err
	}
	defer leave()
	f, err := a.spool.file()
	if err != nil {
		return err
	}
	defer f.Close()
	size, kind, err := a.readPicture(r, f, limit)
	if err != nil {
		return err
	}
	key := p.OwnerID + "/" + p.ID + "/" + uuid.NewString() + "." + pictureKinds()[kind].extension
	if err := a.Store.ExpectPicture(r.Context(), key); err != nil {
		return err
	}
	if err := a.storePicture(r, key, kind, io.NewSectionReader(f, 0, size)); err != nil {
		return err
	}
	if err := a.Store.AddPicture(r.Context(), p.ID, key, kind, size); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"key": key})
	return nil
}

// formOverhead is what a multipart body has beside the picture.
const formOverhead = 64 << 10

// admitUpload applies everything that bounds uploads before a byte is read.
func (a *API) admitUpload(r *http.Request, project string, limit int64) (leave func(), err error) {
	network := clientNetwork(r)
	announced := r.ContentLength
	if announced < 0 || announced > limit+formOverhead {
		announced = limit + formOverhead
	}
	if err := a.uploads.take(project+" "+network, site(network)); err != nil {
		return nil, err
	}
	if err := a.Room(); err != nil {
		return nil, err
	}
	if err := a.uploaded.takeN(project+" "+network, site(network), int(announced)); err != nil {
		return nil, err
	}
	if err := a.checkUnnamed(r, project); err != nil {
		return nil, err
	}
	return a.spool.enter(network, announced)
}

// checkUnnamed bounds what is uploaded to a project and named by no report: it is
// deleted after a day, and anybody with a page's public key can upload it.
func (a *API) checkUnnamed(r *http.Request, project string) error {
	if a.Limits.UnnamedMiB == 0 {
		return nil
	}
	unnamed, err := a.Store.UnnamedBytes(r.Context(), project)
	if err != nil {
		return err
	}
	if unnamed >= int64(a.Limits.UnnamedMiB)<<20 {
		return because(quotaReached, tracker.Errorf(tracker.TooMany, "this project has %d MiB of pictures that no report names; they are deleted after a day", unnamed>>20))
	}
	return nil
}

// storePicture sends a picture to the object store, a few at a time.
func (a *API) storePicture(r *http.Request, key, kind string, picture *io.SectionReader) error {
	select {
	case a.storing <- struct{}{}:
		defer func() { <-a.storing }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	if err := a.Objects.Put(r.Context(), key, kind, picture, picture.Size()); err != nil {
		return &tracker.Error{Code: tracker.Unavailable, Message: "storing the picture", Err: err}
	}
	return nil
}

// readPicture writes the part "file" of the multipart body into f and checks it.
func (a *API) readPicture(r *http.Request, f *os.File, limit int64) (size int64, kind string, err error) {
	body := &prefixed{ReadCloser: http.MaxBytesReader(nil, r.Body, limit+formOverhead)}
	r.Body = body
	parts, err := r.MultipartReader()
	if err != nil {
		return 0, "", &tracker.Error{Code: tracker.Invalid, Field: "file", Message: "must be sent as multipart/form-data"}
	}
	for range 20 {
		part, err := parts.NextPart()
		if err != nil {
			if body.long {
				return 0, "", errLongPrefix()
			}
			if errors.Is(err, io.EOF) {
				return 0, "", &tracker.Error{Code: tracker.Invalid, Field: "file", Message: "is required"}
			}
			return 0, "", brokenUpload(err, limit)
		}
		if part.FormName() != "file" {
			continue
		}
		body.open()
		size, reading, writing := a.spool.copy(f, part, limit)
		switch {
		case reading != nil:
			return 0, "", brokenUpload(reading, limit)
		case writing != nil:
			return 0, "", writing
		case size > limit:
			return 0, "", errBodyTooLarge(limit)
		}
		kind := "image/png"
		if declared := part.Header.Get("Content-Type"); declared != "" {
			if kind, _, err = mime.ParseMediaType(declared); err != nil {
				kind = ""
			}
		}
		return size, kind, because(pictureInvalid, checkPicture(io.NewSectionReader(f, 0, size), kind))
	}
	return 0, "", &tracker.Error{Code: tracker.Invalid, Field: "file", Message: "is required"}
}

func brokenUpload(err error, limit int64) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return errBodyTooLarge(limit)
	}
	return tracker.Errorf(tracker.Refused, "the upload ended before it was complete, or is no multipart body")
}

// checkPicture refuses a file that is not of the declared type, and a picture that
// would need gigabytes to decode.
func checkPicture(picture *io.SectionReader, kind string) error {
	k, ok := pictureKinds()[kind]
	head := make([]byte, 12)
	n, _ := picture.ReadAt(head, 0) // fewer than asked for is an error, and no picture
	switch {
	case !ok:
		return tracker.Errorf(tracker.Refused, "the picture must be PNG, JPEG or WebP")
	case n < len(head) || !k.matches(head):
		return tracker.Errorf(tracker.Refused, "the file is not the %s it says", kind)
	}
	c, _, err := image.DecodeConfig(picture)
	if err != nil {
		return tracker.Errorf(tracker.Refused, "the picture is damaged")
	}
	if c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > maxArea {
		return tracker.Errorf(tracker.Refused, "the picture is %d by %d pixels, which is more than this server takes", c.Width, c.Height)
	}
	return nil
}
