package httpapi

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"github.com/bugspark/bugspark/internal/tracker"
)

// statusOf maps error codes to HTTP statuses.
func statusOf(c tracker.Code) int {
	switch c {
	case tracker.Invalid:
		return http.StatusUnprocessableEntity
	case tracker.Refused:
		return http.StatusBadRequest
	case tracker.Unauthorized:
		return http.StatusUnauthorized
	case tracker.Forbidden:
		return http.StatusForbidden
	case tracker.NotFound:
		return http.StatusNotFound
	case tracker.TooLarge:
		return http.StatusRequestEntityTooLarge
	case tracker.TooMany:
		return http.StatusTooManyRequests
	case tracker.Full:
		return http.StatusInsufficientStorage
	case tracker.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// problem is the body of every error. Code is set only where a client reads it,
// Error only for a rate limit, Errors only for malformed input.
type problem struct {
	Detail string         `json:"detail"`
	Code   string         `json:"code,omitempty"`
	Error  string         `json:"error,omitempty"`
	Errors []fieldProblem `json:"errors,omitempty"`
}

type fieldProblem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// passwordChangeRequired is the code that the dashboard reads.
const passwordChangeRequired = "password.change_required"

// errPasswordChange is the answer to an account that must change its password first.
var errPasswordChange = &tracker.Error{Code: tracker.Forbidden, Message: "change the one-time password first"}

// tooMany is a rate limit that ends after a known time.
type tooMany struct{ after time.Duration }

func (t tooMany) Error() string { return "too many requests" }

func (t tooMany) Unwrap() error {
	return tracker.Errorf(tracker.TooMany, "too many requests; try again in %d seconds", t.seconds())
}

func (t tooMany) seconds() int { return max(1, int(t.after.Seconds()+0.999)) }

// render turns an endpoint into a handler.
func (a *API) render(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body // as it is before a reader with a limit wraps it
		err := e(w, r)
		if err == nil {
			return
		}
		if tracker.CodeOf(err) == tracker.TooLarge {
			discardBody(w, body)
		}
		a.fail(w, r, err)
	})
}

const (
	discardBytes = 64 << 20
	discardTime  = 10 * time.Second
)

// discardBody reads the rest of a body, up to a limit. A client whose connection is
// closed while it sends may report a broken connection instead of the answer.
func discardBody(w http.ResponseWriter, body io.Reader) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(discardTime)); err != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, body, discardBytes) // any error: the answer comes next
}

// fail answers with an endpoint's error.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := tracker.CodeOf(err)
	status := statusOf(code)
	p := problem{Detail: "something went wrong on the server; its log has the details under this request's id"}
	var known *tracker.Error
	if errors.As(err, &known) && code != tracker.Internal {
		p.Detail = known.Message
		if known.Field != "" {
			p.Detail = known.Field + ": " + known.Message
		}
	}
	var invalid tracker.FieldErrors
	if errors.As(err, &invalid) {
		p.Detail = invalid.Error()
		for _, field := range invalid {
			p.Errors = append(p.Errors, fieldProblem{field.Field, field.Message})
		}
	}
	var reason told
	switch {
	case errors.As(err, &reason):
		p.Code = reason.code
	case errors.Is(err, errPasswordChange):
		p.Code = passwordChangeRequired
	}
	var limited tooMany
	switch {
	case errors.As(err, &limited):
		p.Error, p.Code = p.Detail, rateLimited
		w.Header().Set("Retry-After", strconv.Itoa(limited.seconds()))
	case code == tracker.Unavailable:
		p.Detail = "the server is busy or restarting; try again in a few seconds"
		w.Header().Set("Retry-After", "5")
	case code == tracker.Full:
		p.Code = serverFull
		w.Header().Set("Retry-After", "60")
	case code == tracker.TooLarge:
		w.Header().Set("Connection", "close") // what is left of the body is not read
	}
	if status >= 500 && r.Context().Err() == nil {
		level := slog.LevelError
		if code == tracker.Unavailable || code == tracker.Full {
			level = slog.LevelWarn
		}
		a.Log.Log(r.Context(), level, "a request failed", "method", r.Method, "route", r.Pattern, "status", status,
			"error", err, "request", w.Header().Get("X-Request-Id"))
	}
	writeJSON(w, status, p)
}

// writeJSON answers with a JSON body. A failed write means that the client left.
func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"detail":"the answer could not be encoded"}`)
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(data) + 1)}
	if h.Get("Cache-Control") == "" {
		h["Cache-Control"] = []string{"no-store"}
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}
