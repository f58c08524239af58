package license

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What is wrong with a token, for errors.Is.
var (
	ErrNotALicense = errors.New("this is no licence of BugSpark")
	ErrSignature   = errors.New("the signature is not the vendor's")
	ErrKey         = errors.New("signed with a key that this version does not know")
	ErrRevoked     = errors.New("the vendor has revoked it")
	ErrNotYet      = errors.New("it does not hold yet")
	ErrElsewhere   = errors.New("it is for another installation")
)

// Verifier checks tokens without asking anybody. Everything that it says comes out of the
// signed part of a token.
type Verifier struct {
	Keys        Keys
	Revocations *Revocations // nil where there is no list
	// Installation is this installation's id; empty leaves a binding unchecked.
	Installation string
	Now          func() time.Time
}

// License checks a licence. An expired one is one: what its expiry means depends on the
// days of grace and on the clock, and is decided elsewhere. Where the claims come with an
// error, they are signed and say why.
func (v Verifier) License(token string) (*Claims, error) {
	var c Claims
	err := v.parse(token, Type, &c, jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	switch {
	case errors.Is(err, jwt.ErrTokenNotValidYet) || errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return &c, fmt.Errorf("%w: it holds from %s", ErrNotYet, c.NotBefore.UTC().Format(time.DateOnly))
	case err != nil && !onlyExpired(err, &c):
		return nil, err
	case v.Revocations != nil && slices.Contains(v.Revocations.Licenses, c.ID):
		return &c, fmt.Errorf("%w: licence %s", ErrRevoked, c.ID)
	case c.Installation != "" && v.Installation != "" && c.Installation != v.Installation:
		return &c, fmt.Errorf("%w: it is for %s, and this is %s", ErrElsewhere, c.Installation, v.Installation)
	}
	return &c, nil
}

// onlyExpired says that nothing else is wrong. The parser has checked the signature before it
// looks at claims, and it joins all that it finds there.
func onlyExpired(err error, c *Claims) bool {
	for _, other := range []error{ErrNotALicense, ErrKey, ErrSignature} {
		if errors.Is(err, other) {
			return false
		}
	}
	return errors.Is(err, jwt.ErrTokenExpired) && c.Validate() == nil
}

// parse checks size, form, kind, key and signature, in this order.
func (v Verifier) parse(token, kind string, claims jwt.Claims, options ...jwt.ParserOption) error {
	token = strings.TrimSpace(token)
	if len(token) > largest {
		return fmt.Errorf("%w: it has %d bytes, at most %d are read", ErrNotALicense, len(token), largest)
	}
	options = append(options, jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithStrictDecoding(),
		jwt.WithIssuer(Issuer), jwt.WithAudience(Audience), jwt.WithTimeFunc(v.Now))
	_, err := jwt.NewParser(options...).ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		// The parser does not look at typ. Other headers, like jku or x5u, are never followed.
		if t.Header["typ"] != kind {
			return nil, fmt.Errorf("%w: its type is %v", ErrNotALicense, t.Header["typ"])
		}
		id, _ := t.Header["kid"].(string)
		key, known := v.Keys[id]
		if !known {
			return nil, fmt.Errorf("%w: %q", ErrKey, id)
		}
		issued, err := t.Claims.GetIssuedAt()
		if err != nil || issued == nil || issued.Before(key.NotBefore) || issued.After(key.NotAfter) {
			return nil, fmt.Errorf("%w: %q did not sign at that time", ErrKey, id)
		}
		return key.Public, nil
	})
	switch {
	case err == nil, errors.Is(err, ErrNotALicense), errors.Is(err, ErrKey):
		return err
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	for _, fatal := range []error{jwt.ErrTokenMalformed, jwt.ErrTokenUnverifiable, jwt.ErrTokenInvalidIssuer, jwt.ErrTokenInvalidAudience, jwt.ErrTokenRequiredClaimMissing} {
		if errors.Is(err, fatal) {
			return fmt.Errorf("%w: %w", ErrNotALicense, err)
		}
	}
	if errors.Is(err, jwt.ErrTokenExpired) || errors.Is(err, jwt.ErrTokenNotValidYet) || errors.Is(err, jwt.ErrTokenUsedBeforeIssued) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotALicense, err)
}
