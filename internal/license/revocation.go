package license

import (
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Revocations is the vendor's list of licences that no longer hold. A list with a higher
// number takes the place of one with a lower, so that an old one cannot be brought back.
type Revocations struct {
	jwt.RegisteredClaims

	Number   int      `json:"number"`
	Licenses []string `json:"licenses"`
}

// RevocationList checks a list. It has no expiry: the last one that is known counts.
func (v Verifier) RevocationList(token string) (*Revocations, error) {
	var r Revocations
	if err := v.parse(token, RevocationType, &r); err != nil {
		return nil, err
	}
	if r.Number < 1 {
		return nil, fmt.Errorf("%w: a list of revocations with the number %d", ErrNotALicense, r.Number)
	}
	return &r, nil
}
