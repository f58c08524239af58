package httpapi

// The codes that the widget reads, in the member code of an error: a status alone does
// not tell it what to say, and details are for people. docs/installation.md lists them.
const (
	originNotAllowed = "origin.not_allowed" // 400: the page is none of the project's allowed addresses
	reportInvalid    = "report.invalid"     // 422: a member is missing or malformed
	reportRobot      = "report.robot"       // 400: the field that people cannot see was filled in
	pictureInvalid   = "picture.invalid"    // 400: no picture of a kind or size that is taken
	pictureUnknown   = "picture.unknown"    // 400: a report names a picture that was not uploaded for the project
	keyMissing       = "key.missing"        // 401
	keyUnknown       = "key.unknown"        // 401: mistyped, or replaced by a new one
	projectInactive  = "project.inactive"   // 401: the key is right, and the project is switched off
	quotaReached     = "quota.reached"      // 429: pictures that no report names; later today is soon enough
	rateLimited      = "rate.limited"       // 429: Retry-After says when
	serverFull       = "server.full"        // 507: the disk is at its reserve
)

// told is an error with a code that programs read.
type told struct {
	error
	code string
}

func (t told) Unwrap() error { return t.error }

// because gives an error its code; no error stays none.
func because(code string, err error) error {
	if err == nil {
		return nil
	}
	return told{err, code}
}
