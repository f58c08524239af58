package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/bugspark/bugspark/internal/tracker"
)

// The limits of evidence. Larger evidence is cut rather than refused, because a
// report with half its log is worth more than none.
const (
	maxLog      = 512 << 10
	maxMetadata = 64 << 10
)

// untitled replaces an empty title: the widget removes markup from a title after it
// has checked its length.
const untitled = "Untitled report"

// createReport stores a submission of the widget. It answers 201 after the commit.
//
// A submission with a submission_id, a UUID that the sender made, may be sent again
// at any time, with pictures that are there no more or without its log: it is stored once
// and has one number. Each answer tells that, and otherwise what was sent with it: who
// knows the id of somebody else's submission must not read their report.
func (a *API) createReport(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOfKey(r)
	if err != nil {
		return err
	}
	if err := a.limitReports(r, p); err != nil {
		return err
	}
	if err := a.Room(); err != nil {
		return err
	}
	body, done, err := a.readReport(r, int64(a.Limits.ReportBodyKiB)<<10)
	if err != nil {
		return err
	}
	defer done()
	n, honeypot, err := parseReport(body)
	if err != nil {
		return because(reportInvalid, err)
	}
	if honeypot {
		return because(reportRobot, tracker.Errorf(tracker.Refused, "this submission looks like one of a robot"))
	}
	if err := checkOrigin(p, r); err != nil {
		return err
	}
	for _, key := range []**string{&n.ScreenshotKey, &n.AnnotatedScreenshotKey} {
		if err := a.checkPictureKey(r, p.ID, key); err != nil {
			return err
		}
	}
	n.ProjectID = p.ID
	n.Fingerprint = fingerprint(p.ID, body)
	report, _, err := a.Store.CreateReport(r.Context(), n)
	if err != nil {
		return err
	}
	// Anybody can send this request with the page's public key, so the answer has no
	// picture links.
	writeJSON(w, http.StatusCreated, newReportView(report, nil, nil))
	return nil
}

// reportMemory is how much of large reports is in memory at once.
const reportMemory = 64 << 20

// readReport reads a report's body. A large one waits in the spool until it is
// complete, and then for memory, which done gives back.
func (a *API) readReport(r *http.Request, limit int64) (body []byte, done func(), err error) {
	if r.ContentLength >= 0 && r.ContentLength <= maxSmallBody {
		body, err = readBody(r, limit)
		return body, func() {}, err
	}
	if r.ContentLength > limit {
		return nil, nil, errBodyTooLarge(limit)
	}
	announced := r.ContentLength
	if announced < 0 {
		announced = limit
	}
	leave, err := a.spool.enter(clientNetwork(r), announced)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	f, err := a.spool.file()
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	n, reading, writing := a.spool.copy(f, r.Body, limit)
	switch {
	case writing != nil:
		return nil, nil, writing
	case reading != nil:
		return nil, nil, brokenBody(reading)
	case n > limit:
		return nil, nil, errBodyTooLarge(limit)
	}
	weight := min(n, reportMemory)
	if err := a.memory.Acquire(r.Context(), weight); err != nil {
		return nil, nil, err
	}
	body = make([]byte, n)
	if _, err := f.ReadAt(body, 0); err != nil {
		a.memory.Release(weight)
		return nil, nil, err
	}
	return body, func() { a.memory.Release(weight) }, nil
}

// fingerprint is the SHA-256 of a project and the whole body.
func fingerprint(project string, body []byte) (sum [32]byte) {
	h := sha256.New()
	h.Write([]byte(project))
	h.Write(body)
	h.Sum(sum[:0])
	return sum
}

// checkPictureKey checks that a picture was uploaded for this project. A URL, which
// old widgets may send, becomes nil: readers of the report would fetch it.
func (a *API) checkPictureKey(r *http.Request, project string, key **string) error {
	if *key == nil || **key == "" || strings.HasPrefix(**key, "http://") || strings.HasPrefix(**key, "https://") {
		*key = nil
		return nil
	}
	ok, err := a.Store.PictureBelongs(r.Context(), project, **key)
	if err != nil {
		return err
	}
	if !ok && ownKey(project, **key) {
		*key = nil // removed meanwhile: the report is worth more than the picture
		return nil
	}
	if !ok {
		return because(pictureUnknown, tracker.Errorf(tracker.Refused, "no picture %q was uploaded for this project", truncate(**key, 200)))
	}
	return nil
}

// ownKey reports whether an upload for this project may have been answered with key.
func ownKey(project, key string) bool {
	parts := strings.Split(key, "/")
	if len(parts) != 3 || parts[1] != project || uuid.Validate(parts[0]) != nil {
		return false
	}
	name, extension, _ := strings.Cut(parts[2], ".")
	return uuid.Validate(name) == nil && slices.Contains([]string{"png", "jpg", "webp"}, extension)
}

// parseReport reads a submission. honeypot reports whether the field that people
// cannot see was filled in.
func parseReport(body []byte) (n tracker.NewReport, honeypot bool, err error) {
	f, err := parse(body)
	if err != nil {
		return n, false, err
	}
	n.Title = required(f, "title", f.text("title"))
	if v, ok := f.get("title"); ok && !isNull(v) && strings.TrimSpace(n.Title) == "" && !slices.Contains(f.unread, "title") {
		n.Title = untitled
	}
	n.Description = optional(f.text("description"))
	n.Severity = required(f, "severity", word[tracker.Severity](f, "severity"))
	n.Category = required(f, "category", word[tracker.Category](f, "category"))
	n.ReporterIdentifier = f.text("reporter_identifier")
	n.ScreenshotKey = f.text("screenshot_url")
	n.AnnotatedScreenshotKey = f.text("annotated_screenshot_url")
	n.SubmissionID = f.identifier("submission_id")
	n.Evidence = tracker.Evidence{
		ConsoleLogs: f.evidence("console_logs", true),
		NetworkLogs: f.evidence("network_logs", true),
		UserActions: f.evidence("user_actions", true),
		Metadata:    f.evidence("metadata", false),
	}
	n.ConsoleLogsIncluded = len(n.Evidence.ConsoleLogs) > len("[]")
	trap := f.limited("hp_field", 0, 500)
	return n, trap != nil && *trap != "", f.err(n.Validate())
}

// evidence returns an object, or where lists are allowed an array, cut to its
// limit; nil when absent or null.
func (f *fields) evidence(name string, list bool) json.RawMessage {
	v, ok := f.get(name)
	if !ok || isNull(v) {
		return nil
	}
	v = bytes.TrimSpace(v)
	if len(v) < 8 || bytes.ContainsAny(v[:8], "\n\t ") {
		// Pretty-printed JSON: the limit must not count its white space.
		var tight bytes.Buffer
		if json.Compact(&tight, v) == nil {
			v = tight.Bytes()
		}
	}
	switch {
	case v[0] == '{':
	case v[0] == '[' && list:
	case list:
		f.problem(name, "must be an array or an object")
		return nil
	default:
		f.problem(name, "must be an object")
		return nil
	}
	limit := maxMetadata
	if list {
		limit = maxLog
	}
	if len(v) <= limit {
		return v
	}
	if v[0] == '[' {
		return truncateLog(v, limit)
	}
	return truncateObject(v, limit)
}

// maxMessage is the most bytes of a message in a log that is too large.
const maxMessage = 4 << 10

// truncateLog keeps the newest entries that fit, with overlong messages cut.
func truncateLog(v json.RawMessage, limit int) json.RawMessage {
	var entries []json.RawMessage
	if json.Unmarshal(v, &entries) != nil {
		return nil
	}
	size := 2
	first := len(entries)
	for first > 0 {
		e := entries[first-1]
		if len(e) > 2*maxMessage {
			e = truncateEntry(e)
			entries[first-1] = e
		}
		if size+len(e)+1 > limit {
			break
		}
		size += len(e) + 1
		first--
	}
	out, err := json.Marshal(entries[first:])
	if err != nil {
		return nil
	}
	return out
}

// truncateEntry shortens every long text of an entry.
func truncateEntry(e json.RawMessage) json.RawMessage {
	var members map[string]any
	if json.Unmarshal(e, &members) != nil {
		return json.RawMessage("null")
	}
	for name, v := range members {
		switch v := v.(type) {
		case string:
			if len(v) > maxMessage {
				members[name] = truncate(v, maxMessage) + " [cut]"
			}
		case map[string]any, []any:
			if data, err := json.Marshal(v); err != nil || len(data) > maxMessage {
				delete(members, name)
			}
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		return json.RawMessage("null")
	}
	return out
}

// truncateObject keeps the members of an object that are small.
func truncateObject(v json.RawMessage, limit int) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(v, &members) != nil {
		return nil
	}
	size := 2
	for _, name := range slices.Sorted(maps.Keys(members)) {
		m := members[name]
		if len(m) > maxMessage || size+len(m)+len(name)+4 > limit {
			delete(members, name)
			continue
		}
		size += len(m) + len(name) + 4
	}
	out, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return out
}

// checkOrigin refuses reports and pictures of pages that the project does not allow.
func checkOrigin(p tracker.Project, r *http.Request) error {
	if originAllowed(p.Domain, r.Header) {
		return nil
	}
	return because(originNotAllowed, tracker.Errorf(tracker.Refused, "this project takes no reports from this site; add it to the project's allowed origins"))
}

// originAllowed applies a project's list of hosts. A request without Origin and
// Referer comes from a script, not from a browser, and is allowed.
func originAllowed(domain string, h http.Header) bool {
	if strings.TrimSpace(domain) == "" {
		return true
	}
	from := h.Get("Origin")
	if from == "" {
		from = h.Get("Referer")
	}
	if from == "" {
		return true
	}
	u, err := url.Parse(from)
	if err != nil || u.Hostname() == "" {
		return false
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	for entry := range strings.SplitSeq(domain, ",") {
		wantHost, wantPort := hostPort(strings.ToLower(strings.TrimSpace(entry)))
		switch {
		case wantHost == "":
		case host == wantHost && (wantPort == "" || wantPort == port):
			return true
		case strings.HasSuffix(host, "."+wantHost):
			return true
		}
	}
	return false
}

// hostPort reads an entry of the list: a host, a host with a port, or a URL.
func hostPort(entry string) (host, port string) {
	if _, rest, ok := strings.Cut(entry, "://"); ok {
		entry = rest
	}
	entry, _, _ = strings.Cut(entry, "/")
	if h, p, err := net.SplitHostPort(entry); err == nil {
		return h, p
	}
	return strings.Trim(entry, "[]"), ""
}
