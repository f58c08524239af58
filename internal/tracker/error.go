package tracker

import (
	"errors"
	"fmt"
)

// Code classifies errors by what the caller should do about them.
type Code string

// The codes; httpapi maps each to one HTTP status.
const (
	Invalid      Code = "invalid"      // the input breaks a rule (422)
	Refused      Code = "refused"      // valid input, but not now or not here (400)
	Unauthorized Code = "unauthorized" // no or bad credentials (401)
	Forbidden    Code = "forbidden"    // known, but not allowed (403)
	NotFound     Code = "not_found"    // does not exist for this caller (404)
	TooLarge     Code = "too_large"    // (413)
	TooMany      Code = "too_many"     // a rate limit (429)
	Full         Code = "full"         // the disk is at its reserve (507)
	Unavailable  Code = "unavailable"  // a dependency does not answer; try again (503)
	Internal     Code = "internal"     // everything unexpected (500)
)

// Error is an error with a sentence for people. Field names the input it is
// about, where there is one.
type Error struct {
	Code    Code
	Field   string
	Message string
	Err     error
}

// Error returns the sentence, preceded by the field.
func (e *Error) Error() string {
	s := e.Message
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of the given code without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err, Internal when it has none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
