// Package tracker has the product's types (reports, projects, accounts), their
// limits and their rules. It imports nothing but the standard library.
package tracker

import (
	"encoding/json"
	"time"
)

// Severity is how serious the reporter finds the problem.
type Severity string

// Category is the kind of problem.
type Category string

// Status is the state of the work on a report; any transition is allowed.
type Status string

// The values of the wire contract.
const (
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"

	CategoryBug         Category = "bug"
	CategoryUI          Category = "ui"
	CategoryPerformance Category = "performance"
	CategoryCrash       Category = "crash"
	CategoryOther       Category = "other"

	StatusNew        Status = "new"
	StatusTriaging   Status = "triaging"
	StatusInProgress Status = "in_progress"
	StatusResolved   Status = "resolved"
	StatusClosed     Status = "closed"
)

// Severities lists the valid severities, weakest first.
func Severities() []Severity {
	return []Severity{SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// Categories lists the valid categories in display order.
func Categories() []Category {
	return []Category{CategoryBug, CategoryUI, CategoryPerformance, CategoryCrash, CategoryOther}
}

// Statuses lists the valid statuses in the order of work.
func Statuses() []Status {
	return []Status{StatusNew, StatusTriaging, StatusInProgress, StatusResolved, StatusClosed}
}

// Evidence is what the widget collected, stored verbatim as JSON. Members are
// nil when the report carried none.
type Evidence struct {
	ConsoleLogs json.RawMessage
	NetworkLogs json.RawMessage
	UserActions json.RawMessage
	Metadata    json.RawMessage
}

// Report is one bug report. Lists leave Evidence and the picture keys empty.
type Report struct {
	ID                     string
	ProjectID              string
	TrackingID             string // BUG-0001, unique in its project
	Title                  string
	Description            string
	Severity               Severity
	Category               Category
	Status                 Status
	AssigneeID             *string
	ScreenshotKey          *string
	AnnotatedScreenshotKey *string
	Evidence               Evidence
	ReporterIdentifier     *string
	ConsoleLogsIncluded    bool
	CreatedAt              time.Time
	UpdatedAt              time.Time
}

// NewReport is a submission.
type NewReport struct {
	ProjectID              string
	Title                  string
	Description            string
	Severity               Severity
	Category               Category
	ReporterIdentifier     *string
	ScreenshotKey          *string
	AnnotatedScreenshotKey *string
	Evidence               Evidence
	ConsoleLogsIncluded    bool

	// SubmissionID is a UUID in lower case that the sender made, "" for none: a
	// submission with the same one in the same project is the same report, whatever
	// else it has.
	SubmissionID string

	// Fingerprint is the SHA-256 of the complete payload: an identical
	// submission within five minutes is the same report.
	Fingerprint [32]byte
}

// Validate returns FieldErrors, or nil. It does not check the evidence, which is cut
// to its limits before.
func (r NewReport) Validate() error {
	return join(
		checkText("title", r.Title, 1, MaxTitle),
		checkText("description", r.Description, 0, MaxDescription),
		checkOneOf("severity", r.Severity, Severities()),
		checkOneOf("category", r.Category, Categories()),
		checkOptional("reporter_identifier", r.ReporterIdentifier, 0, MaxReporter),
		checkOptional("screenshot_url", r.ScreenshotKey, 0, MaxPictureKey),
		checkOptional("annotated_screenshot_url", r.AnnotatedScreenshotKey, 0, MaxPictureKey),
	)
}

// ReportChange is an edit; nil members stay as they are.
type ReportChange struct {
	Title         *string
	Description   *string
	Severity      *Severity
	Category      *Category
	Status        *Status
	AssigneeID    *string // with SetAssignee; nil clears it
	SetAssignee   bool
	ActorID       string // the account that made the change, for the activity log
	ActorIsSystem bool
}

// Validate returns FieldErrors, or nil.
func (c ReportChange) Validate() error {
	return join(
		checkOptional("title", c.Title, 1, MaxTitle),
		checkOptional("description", c.Description, 0, MaxDescription),
		checkOptionalOneOf("severity", c.Severity, Severities()),
		checkOptionalOneOf("category", c.Category, Categories()),
		checkOptionalOneOf("status", c.Status, Statuses()),
	)
}

// ReportFilter selects a page of reports among those a viewer may see.
type ReportFilter struct {
	Viewer     Viewer
	ProjectID  string // "" is all
	Statuses   []Status
	Severities []Severity
	Search     string    // literal, case-insensitive: title, description, tracking id
	Since      time.Time // zero is all time
	SortBy     string    // "createdAt" (default), "updatedAt", "severity", "status", "title", "trackingId"
	Ascending  bool
	Page       int // from 1
	PageSize   int
	Cursor     string // opaque; replaces Page
}

// ReportPage is one page; Total counts before paging, in a search up to 10,000. When
// there are more, TotalIsEstimate.
type ReportPage struct {
	Items           []Report
	Total           int
	TotalIsEstimate bool
	NextCursor      string
}
