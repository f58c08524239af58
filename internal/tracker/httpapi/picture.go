package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/tracker"
)

// linkLifetime is how long a picture link is valid. An <img> sends no credentials, so
// anybody who has the link may use it until then.
const linkLifetime = 900 * time.Second

// linkAudience distinguishes these tokens from others signed with the same key.
const linkAudience = "picture"

// pictureLink signs a link to one object. It leads to this API, not to the object
// store.
func (a *API) pictureLink(key *string) (*string, error) {
	if key == nil {
		return nil, nil
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: *key, Audience: jwt.ClaimStrings{linkAudience}, ExpiresAt: jwt.NewNumericDate(a.Now().Add(linkLifetime)),
	}).SignedString(a.linkKey)
	if err != nil {
		return nil, fmt.Errorf("signing a picture link: %w", err)
	}
	link := a.PublicURL + "/api/v1/pictures/" + token
	return &link, nil
}

// picture serves the object of a link. The content type comes from its key, and the
// browser must not guess another.
func (a *API) picture(w http.ResponseWriter, r *http.Request) error {
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(r.PathValue("token"), &claims, func(*jwt.Token) (any, error) { return a.linkKey, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithAudience(linkAudience), jwt.WithTimeFunc(a.Now))
	if err != nil {
		return tracker.Errorf(tracker.NotFound, "this link is not valid any more; load the report again")
	}
	body, object, err := a.Objects.Get(r.Context(), claims.Subject)
	if errors.Is(err, objectstore.ErrNotFound) {
		return tracker.Errorf(tracker.NotFound, "this picture is not there any more")
	}
	if err != nil {
		return &tracker.Error{Code: tracker.Unavailable, Message: "reading the picture", Err: err}
	}
	defer body.Close()
	kind := "application/octet-stream"
	for name, k := range pictureKinds() {
		if path.Ext(claims.Subject) == "."+k.extension {
			kind = name
		}
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.FormatInt(object.Size, 10))
	h.Set("Cache-Control", "private, max-age=900, immutable")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if _, err := io.Copy(w, body); err != nil && r.Context().Err() == nil {
		// The status is sent already, so only a broken connection reports the error.
		a.Log.Error("a picture broke off", "key", claims.Subject, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
