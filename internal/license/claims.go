// Package license is what a customer of BugSpark holds: a token that the vendor has signed
// with Ed25519, and that is checked without any network.
//
// A licence never decides whether reports are taken in, read, triaged, exported, saved or
// restored. It says how far an installation may grow, and which extras may be switched on.
package license

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The headers and claims that tell our tokens from others signed with the same key.
const (
	Issuer         = "bugspark"
	Audience       = "bugspark-onprem"
	Type           = "bugspark-license+jwt"
	RevocationType = "bugspark-revocations+jwt"
)

// largest is far more than a licence needs. A parser that gets no more cannot be kept busy.
const largest = 16 << 10

// Features that a licence may name. Sign-in, audit and security are none of them.
const (
	AIAnalysis     = "ai-analysis"
	TrackerExport  = "tracker-export"
	CustomBranding = "custom-branding"
)

// Features lists every feature that may be licensed.
func Features() []string { return []string{AIAnalysis, TrackerExport, CustomBranding} }

// Claims is what a licence says. Subject is the vendor's number of the customer, ID that of
// the licence.
type Claims struct {
	jwt.RegisteredClaims

	Customer string   `json:"customer"`
	Seats    int      `json:"seats"`
	Projects int      `json:"projects"`
	Features []string `json:"features"`
	// GraceDays follow the expiry; what is switched on stays on meanwhile.
	GraceDays    int              `json:"grace_days"`
	SupportUntil *jwt.NumericDate `json:"support_until,omitempty"`
	Trial        bool             `json:"trial,omitempty"`
	// NonProduction is for test machines of a customer that has another licence.
	NonProduction bool `json:"non_production,omitempty"`
	// Installation binds the licence to one installation; empty fits all.
	Installation string `json:"installation,omitempty"`
}

// Validate is called by the parser once the signature and the times are known to be good.
// What it refuses was signed by mistake.
func (c *Claims) Validate() error {
	var all []error
	refuse := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	refuse(c.ID == "", "the licence has no number (jti)")
	refuse(c.Subject == "", "the customer has no number (sub)")
	refuse(strings.TrimSpace(c.Customer) == "", "the customer has no name")
	refuse(c.NotBefore == nil || c.IssuedAt == nil, "it does not say since when it holds (nbf, iat)")
	refuse(c.Seats < 1, "%d seats", c.Seats)
	refuse(c.Projects < 1, "%d projects", c.Projects)
	refuse(c.GraceDays < 0 || c.GraceDays > 365, "%d days of grace", c.GraceDays)
	refuse(c.Trial && c.GraceDays != 0, "a trial has no days of grace")
	refuse(c.NotBefore != nil && c.ExpiresAt != nil && !c.NotBefore.Before(c.ExpiresAt.Time), "it ends before it begins")
	for i, f := range c.Features {
		refuse(f == "" || strings.TrimSpace(f) != f, "the feature %q", f)
		refuse(slices.Contains(c.Features[:i], f), "the feature %q twice", f)
	}
	return errors.Join(all...)
}

// Ends is the moment after which nothing of it holds any more.
func (c *Claims) Ends() time.Time {
	return c.ExpiresAt.AddDate(0, 0, c.GraceDays)
}
