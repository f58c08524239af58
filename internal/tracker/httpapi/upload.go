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

	"github.com/google/uuid"
	_ "golang.org/x/image/webp"

	"github.com/bugspark/bugspark/internal/tracker"
)

// The limits of a picture, in pixels: enough for any screen, and few enough for a
// browser to decode.
const (
	maxSide = 32_768
	maxArea = 100_000_000
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
// then the answer, each durable before the next.
func (a *API) uploadScreenshot(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOfKey(r)
	if err != nil {
		return err
	}
	if err := a.uploads.take(p.ID + " " + clientNetwork(r)); err != nil {
		return err
	}
	data, kind, err := a.readPicture(r)
	if err != nil {
		return err
	}
	key := p.OwnerID + "/" + p.ID + "/" + uuid.NewString() + "." + pictureKinds()[kind].extension
	if err := a.Objects.Put(r.Context(), key, kind, bytes.NewReader(data), int64(len(data))); err != nil {
		return &tracker.Error{Code: tracker.Unavailable, Message: "storing the picture", Err: err}
	}
	if err := a.Store.AddPicture(r.Context(), p.ID, key, kind, int64(len(data))); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"key": key})
	return nil
}

// readPicture reads the part "file" of the multipart body into memory, because the
// picture is checked, and its size must be known, before it is stored.
func (a *API) readPicture(r *http.Request) (data []byte, kind string, err error) {
	limit := int64(a.Limits.PictureMiB) << 20
	r.Body = http.MaxBytesReader(nil, r.Body, limit+64<<10)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, "", &tracker.Error{Code: tracker.Invalid, Field: "file", Message: "must be sent as multipart/form-data"}
	}
	for range 20 {
		part, err := parts.NextPart()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil, "", &tracker.Error{Code: tracker.Invalid, Field: "file", Message: "is required"}
			}
			return nil, "", brokenUpload(err, limit)
		}
		if part.FormName() != "file" {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(part, limit+1))
		if err != nil {
			return nil, "", brokenUpload(err, limit)
		}
		if int64(len(data)) > limit {
			return nil, "", errBodyTooLarge(limit)
		}
		kind := "image/png"
		if declared := part.Header.Get("Content-Type"); declared != "" {
			if kind, _, err = mime.ParseMediaType(declared); err != nil {
				kind = ""
			}
		}
		return data, kind, checkPicture(data, kind)
	}
	return nil, "", &tracker.Error{Code: tracker.Invalid, Field: "file", Message: "is required"}
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
func checkPicture(data []byte, kind string) error {
	k, ok := pictureKinds()[kind]
	switch {
	case !ok:
		return tracker.Errorf(tracker.Refused, "the picture must be PNG, JPEG or WebP")
	case len(data) < 12 || !k.matches(data):
		return tracker.Errorf(tracker.Refused, "the file is not the %s it says", kind)
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return tracker.Errorf(tracker.Refused, "the picture is damaged")
	}
	if c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > maxArea {
		return tracker.Errorf(tracker.Refused, "the picture is %d by %d pixels, which is more than this server takes", c.Width, c.Height)
	}
	return nil
}
