package tracker

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of texts, in characters. A CHECK constraint of the database
// repeats those of stored columns; a test of package postgres compares them.
const (
	MaxTitle       = 500
	MaxDescription = 10_000
	MaxReporter    = 255
	MaxPictureKey  = 1000
	MaxName        = 255 // of an account, a project or an access token
	MinEmail       = 3
	MaxEmail       = 255
	MaxDomain      = 1024
)

// Other limits.
const (
	MaxSettings    = 10 << 10 // bytes of a project's settings
	MaxPreferences = 20       // members of an account's notification preferences
	MaxTokens      = 25       // access tokens of an account that have not expired
	MaxCLITokens   = 10       // of those, sign-ins of the command-line client
	MaxTokenDays   = 365      // the longest life of an access token that ends
)

// FieldErrors are all rules that an input breaks, in the order of its fields.
// Each has the code Invalid.
type FieldErrors []*Error

// Error joins the sentences.
func (e FieldErrors) Error() string {
	lines := make([]string, len(e))
	for i, problem := range e {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "; ")
}

// Unwrap returns the single errors, so that CodeOf finds their code.
func (e FieldErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, problem := range e {
		out[i] = problem
	}
	return out
}

// join collects the errors that are not nil.
func join(errs ...*Error) error {
	errs = slices.DeleteFunc(errs, func(e *Error) bool { return e == nil })
	if len(errs) == 0 {
		return nil
	}
	return FieldErrors(errs)
}

func invalid(field, format string, args ...any) *Error {
	e := Errorf(Invalid, format, args...)
	e.Field = field
	return e
}

// CheckText judges a text that must have low to high characters. A low limit of
// 1 also excludes a text of spaces.
func CheckText(field, s string, low, high int) error { return join(checkText(field, s, low, high)) }

// CheckName judges the name of an account, a project or an access token.
func CheckName(name string) error { return join(checkName(name)) }

// CheckEmail judges an address. It refuses only what no mail server takes;
// whether the address exists only its server knows.
func CheckEmail(email string) error { return join(checkEmail(email)) }

func checkText(field, s string, low, high int) *Error {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0:
		return invalid(field, "must be valid UTF-8 text without NUL characters")
	case low == 1 && strings.TrimSpace(s) == "":
		return invalid(field, "must not be empty")
	case n < low || n > high:
		return invalid(field, "must have %d to %d characters", low, high)
	}
	return nil
}

// checkOptional is checkText for a text that may be absent.
func checkOptional(field string, s *string, low, high int) *Error {
	if s == nil {
		return nil
	}
	return checkText(field, *s, low, high)
}

func checkName(name string) *Error { return checkText("name", name, 1, MaxName) }

func checkEmail(email string) *Error {
	if err := checkText("email", email, MinEmail, MaxEmail); err != nil {
		return err
	}
	local, domain, found := strings.Cut(email, "@")
	if !found || local == "" || domain == "" || strings.ContainsAny(email, " \t\r\n<>,;") {
		return invalid("email", "must be an address such as somebody@example.org")
	}
	return nil
}

func checkOneOf[T ~string](field string, v T, allowed []T) *Error {
	if slices.Contains(allowed, v) {
		return nil
	}
	return invalid(field, "must be one of %s", Words(allowed))
}

func checkOptionalOneOf[T ~string](field string, v *T, allowed []T) *Error {
	if v == nil {
		return nil
	}
	return checkOneOf(field, *v, allowed)
}

// Words lists values for a sentence.
func Words[T ~string](values []T) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

// CleanText makes s storable: PostgreSQL takes neither NUL nor invalid UTF-8 in
// text, and a reporter's page must not be able to lose a report with either.
func CleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
