package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/bugspark/bugspark/internal/tracker"
)

// readBody reads a whole body of at most limit bytes.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errBodyTooLarge(limit)
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, brokenBody(err)
	case int64(buf.Len()) > limit:
		return nil, errBodyTooLarge(limit)
	}
	return buf.Bytes(), nil
}

func brokenBody(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return tracker.Errorf(tracker.Refused, "the request came too slowly")
	}
	return tracker.Errorf(tracker.Refused, "the request ended before it was complete")
}

func errBodyTooLarge(limit int64) error {
	return tracker.Errorf(tracker.TooLarge, "the body is larger than %d KiB", limit>>10)
}

// maxSmallBody bounds every body but reports and pictures.
const maxSmallBody = 64 << 10

// fields reads the members of a JSON object, each in snake_case or camelCase,
// and collects every problem, so that one answer reports all of them.
type fields struct {
	raw      map[string]json.RawMessage
	problems tracker.FieldErrors
	asked    []string // the members asked for, in order
	unread   []string // the members that have no value because of a problem
}

// decode reads a request's JSON object; no body at all is an empty one, because
// the command-line client announces JSON with every request.
func decode(r *http.Request) (*fields, error) {
	body, err := readBody(r, maxSmallBody)
	if err != nil {
		return nil, err
	}
	return parse(body)
}

func parse(body []byte) (*fields, error) {
	f := &fields{raw: map[string]json.RawMessage{}}
	if len(bytes.TrimSpace(body)) == 0 {
		return f, nil
	}
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	if err := f.read(body); err != nil {
		return nil, &tracker.Error{Code: tracker.Invalid, Field: "body", Message: "must be a JSON object"}
	}
	return f, nil
}

// read splits the object in body into its members. It scans every byte once, while
// json.Unmarshal into a map of raw messages scans four times and copies; most bytes
// of a report are evidence that is stored as it is.
func (f *fields) read(body []byte) error {
	// A page may cut a text between the halves of a surrogate pair, so its
	// escapes need not be valid Unicode.
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := d.ReadToken(); err != nil {
		return err
	} else if t.Kind() != '{' {
		return errNoObject
	}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return err
		}
		name := t.String()
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		end := d.InputOffset() // v itself may be overwritten by the next call
		f.raw[name] = json.RawMessage(body[end-int64(len(v)) : end : end])
	}
	if _, err := d.ReadToken(); err != nil { // the closing brace
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errNoObject
	}
	return nil
}

var errNoObject = errors.New("not one JSON object")

// problem notes what is wrong with a member whose value is used nevertheless.
func (f *fields) problem(field, format string, args ...any) {
	f.problems = append(f.problems, &tracker.Error{Code: tracker.Invalid, Field: field, Message: fmt.Sprintf(format, args...)})
}

// missing notes what is wrong with a member that therefore has no value.
func (f *fields) missing(field, format string, args ...any) {
	f.unread = append(f.unread, field)
	f.problem(field, format, args...)
}

// err returns the problems noted so far together with those that a type's
// Validate found, in the order in which the members were asked for. A member
// without a value is not reported as empty as well.
func (f *fields) err(validated error) error {
	var found tracker.FieldErrors
	if validated != nil && !errors.As(validated, &found) {
		return validated
	}
	for _, p := range found {
		if !slices.Contains(f.unread, p.Field) {
			f.problems = append(f.problems, p)
		}
	}
	if len(f.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(f.problems, func(a, b *tracker.Error) int {
		return slices.Index(f.asked, a.Field) - slices.Index(f.asked, b.Field)
	})
	return f.problems
}

// get returns a member by its snake_case name, or by its camelCase one; null
// counts as there.
func (f *fields) get(name string) (json.RawMessage, bool) {
	f.asked = append(f.asked, name)
	if v, ok := f.raw[name]; ok {
		return v, true
	}
	v, ok := f.raw[camel(name)]
	return v, ok
}

func camel(snake string) string {
	if strings.IndexByte(snake, '_') < 0 {
		return snake
	}
	parts := strings.Split(snake, "_")
	for i, p := range parts[1:] {
		if p != "" {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

func isNull(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }

// text returns a member that is a string, nil when it is absent or null. NUL,
// which no database text can hold, is dropped, and newlines become \n.
func (f *fields) text(name string) *string {
	v, ok := f.get(name)
	if !ok || isNull(v) {
		return nil
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		f.missing(name, "must be text")
		return nil
	}
	if strings.ContainsAny(s, "\x00\r") {
		s = strings.NewReplacer("\x00", "", "\r\n", "\n", "\r", "\n").Replace(s)
	}
	return &s
}

// identifier returns a member that is a UUID in its canonical form, "" when it is absent
// or null.
func (f *fields) identifier(name string) string {
	s := f.text(name)
	if s == nil {
		return ""
	}
	id, err := uuid.Parse(*s)
	if err != nil || len(*s) != 36 {
		f.missing(name, "must be a UUID")
		return ""
	}
	return id.String()
}

// limited is text of low to high characters, for members that no type of
// package tracker holds.
func (f *fields) limited(name string, low, high int) *string {
	s := f.text(name)
	if s == nil {
		return nil
	}
	var found tracker.FieldErrors
	if errors.As(tracker.CheckText(name, *s, low, high), &found) {
		f.problems = append(f.problems, found...)
	}
	return s
}

// required returns the value of a member that must be there.
func required[T ~string](f *fields, name string, value *T) T {
	if value != nil {
		return *value
	}
	if v, ok := f.get(name); !ok || isNull(v) {
		f.missing(name, "is required")
	}
	return ""
}

// optional returns the value of a member that may be absent.
func optional(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

func (f *fields) boolean(name string) *bool {
	v, ok := f.get(name)
	if !ok || isNull(v) {
		return nil
	}
	var b bool
	if json.Unmarshal(v, &b) != nil {
		f.problem(name, "must be true or false")
		return nil
	}
	return &b
}

// integer returns a whole number from low to high; nil when absent or null.
func (f *fields) integer(name string, low, high int) *int {
	v, ok := f.get(name)
	if !ok || isNull(v) {
		return nil
	}
	var n int
	if json.Unmarshal(v, &n) != nil || n < low || n > high {
		f.problem(name, "must be a whole number from %d to %d", low, high)
		return nil
	}
	return &n
}

// word returns a member that is a value of an enumeration; the type's Validate
// says which values there are.
func word[T ~string](f *fields, name string) *T {
	s := f.limited(name, 0, 100)
	if s == nil {
		return nil
	}
	v := T(*s)
	return &v
}

// pathID returns a path's identifier, which must be a UUID.
func pathID(r *http.Request) (string, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil || len(r.PathValue("id")) != 36 {
		return "", &tracker.Error{Code: tracker.Invalid, Field: "id", Message: "must be a UUID"}
	}
	return id.String(), nil
}
