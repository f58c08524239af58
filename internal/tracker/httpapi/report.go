package httpapi

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bugspark/bugspark/internal/tracker"
)

// reportItem is a report in a list.
type reportItem struct {
	ID                 string           `json:"id"`
	ProjectID          string           `json:"projectId"`
	TrackingID         string           `json:"trackingId"`
	Title              string           `json:"title"`
	Description        string           `json:"description"`
	Severity           tracker.Severity `json:"severity"`
	Category           tracker.Category `json:"category"`
	Status             tracker.Status   `json:"status"`
	AssigneeID         *string          `json:"assigneeId"`
	ReporterIdentifier *string          `json:"reporterIdentifier"`
	CreatedAt          time.Time        `json:"createdAt"`
	UpdatedAt          time.Time        `json:"updatedAt"`
}

// reportView is a whole report.
type reportView struct {
	reportItem
	ScreenshotURL          *string         `json:"screenshotUrl"`
	AnnotatedScreenshotURL *string         `json:"annotatedScreenshotUrl"`
	ConsoleLogs            json.RawMessage `json:"consoleLogs"`
	NetworkLogs            json.RawMessage `json:"networkLogs"`
	UserActions            json.RawMessage `json:"userActions"`
	Metadata               json.RawMessage `json:"metadata"`
	ConsoleLogsIncluded    bool            `json:"consoleLogsIncluded"`
}

func newReportItem(r tracker.Report) reportItem {
	return reportItem{
		r.ID, r.ProjectID, r.TrackingID, r.Title, r.Description, r.Severity, r.Category, r.Status,
		r.AssigneeID, r.ReporterIdentifier, r.CreatedAt.UTC(), r.UpdatedAt.UTC(),
	}
}

func newReportView(r tracker.Report, picture, annotated *string) reportView {
	return reportView{
		reportItem: newReportItem(r), ScreenshotURL: picture, AnnotatedScreenshotURL: annotated,
		ConsoleLogs: r.Evidence.ConsoleLogs, NetworkLogs: r.Evidence.NetworkLogs, UserActions: r.Evidence.UserActions,
		Metadata: r.Evidence.Metadata, ConsoleLogsIncluded: r.ConsoleLogsIncluded,
	}
}

// viewWithLinks is the view of a report for somebody who may see its pictures.
func (a *API) viewWithLinks(r tracker.Report) (reportView, error) {
	picture, err := a.pictureLink(r.ScreenshotKey)
	if err != nil {
		return reportView{}, err
	}
	annotated, err := a.pictureLink(r.AnnotatedScreenshotKey)
	return newReportView(r, picture, annotated), err
}

func (a *API) listReports(w http.ResponseWriter, r *http.Request) error {
	f, err := reportFilter(r.URL.Query(), a.Now())
	if err != nil {
		return err
	}
	f.Viewer = callerOf(r).viewer()
	page, err := a.Store.ListReports(r.Context(), f)
	if err != nil {
		return err
	}
	items := make([]reportItem, len(page.Items))
	for i, item := range page.Items {
		items[i] = newReportItem(item)
	}
	out := map[string]any{"items": items, "total": page.Total, "page": f.Page, "pageSize": f.PageSize}
	if page.TotalIsEstimate {
		out["totalIsEstimate"] = true
	}
	if page.NextCursor != "" {
		out["nextCursor"] = page.NextCursor
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// reportFilter reads a list's query.
func reportFilter(q url.Values, now time.Time) (tracker.ReportFilter, error) {
	in := &fields{}
	f := tracker.ReportFilter{Page: 1, PageSize: 20, Search: strings.ReplaceAll(truncate(q.Get("search"), 500), "\x00", ""), Cursor: q.Get("cursor")}
	if id := q.Get("project_id"); id != "" {
		parsed, err := uuid.Parse(id)
		if err != nil {
			in.problem("project_id", "must be a UUID")
		}
		f.ProjectID = parsed.String()
	}
	f.Statuses = listOf(in, "status", q.Get("status"), tracker.Statuses())
	f.Severities = listOf(in, "severity", q.Get("severity"), tracker.Severities())
	number := func(name string, low, high int, into *int) {
		text := q.Get(name)
		if text == "" {
			return
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			in.problem(name, "must be a whole number from %d to %d", low, high)
			return
		}
		*into = n
	}
	number("page", 1, 1_000_000, &f.Page)
	number("limit", 1, math.MaxInt32, &f.PageSize) // the command-line client's: more than 100 is 100
	f.PageSize = min(f.PageSize, 100)
	number("page_size", 1, 100, &f.PageSize)
	today := time.Date(now.UTC().Year(), now.UTC().Month(), now.UTC().Day(), 0, 0, 0, 0, time.UTC)
	// Unknown ranges, orders and directions are ignored: scripts send what the original
	// ignored too.
	switch text := q.Get("date_range"); text {
	case "today":
		f.Since = today
	case "7d", "30d", "90d":
		days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
		if err != nil {
			return f, err
		}
		f.Since = now.AddDate(0, 0, -days)
	}
	if by := camel(q.Get("sort_by")); slices.Contains([]string{"createdAt", "updatedAt", "severity", "status", "title", "trackingId"}, by) {
		f.SortBy = by
	}
	f.Ascending = q.Get("sort_order") == "asc"
	return f, in.err(nil)
}

func listOf[T ~string](in *fields, name, text string, allowed []T) []T {
	var out []T
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		if !slices.Contains(allowed, T(word)) {
			in.problem(name, "must be some of %s", tracker.Words(allowed))
			return nil
		}
		out = append(out, T(word))
	}
	return out
}

// reportOf reads the path's report for a caller with at least that role.
func (a *API) reportOf(r *http.Request, need tracker.Role) (tracker.Report, error) {
	id, err := pathID(r)
	if err != nil {
		return tracker.Report{}, err
	}
	report, err := a.Store.Report(r.Context(), id)
	if err != nil {
		return report, err
	}
	_, err = a.authorize(r, report.ProjectID, need)
	return report, err
}

func (a *API) getReport(w http.ResponseWriter, r *http.Request) error {
	report, err := a.reportOf(r, tracker.RoleViewer)
	if err != nil {
		return err
	}
	return a.writeReport(w, report)
}

func (a *API) writeReport(w http.ResponseWriter, report tracker.Report) error {
	view, err := a.viewWithLinks(report)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, view)
	return nil
}

func (a *API) changeReport(w http.ResponseWriter, r *http.Request) error {
	report, err := a.reportOf(r, tracker.RoleEditor)
	if err != nil {
		return err
	}
	f, err := decode(r)
	if err != nil {
		return err
	}
	c := tracker.ReportChange{
		Title: f.text("title"), Description: f.text("description"),
		Severity: word[tracker.Severity](f, "severity"), Category: word[tracker.Category](f, "category"),
		Status: word[tracker.Status](f, "status"), ActorID: callerOf(r).account.ID,
	}
	if v, ok := f.get("assignee_id"); ok {
		c.SetAssignee = true
		if !isNull(v) {
			var text string
			id, err := uuid.Parse(strings.Trim(string(v), `"`))
			if json.Unmarshal(v, &text) != nil || err != nil {
				f.problem("assignee_id", "must be a UUID or null")
			}
			text = id.String()
			c.AssigneeID = &text
		}
	}
	if err := f.err(c.Validate()); err != nil {
		return err
	}
	changed, err := a.Store.ChangeReport(r.Context(), report.ID, c)
	if err != nil {
		return err
	}
	return a.writeReport(w, changed)
}

func (a *API) deleteReport(w http.ResponseWriter, r *http.Request) error {
	report, err := a.reportOf(r, tracker.RoleAdmin)
	if err != nil {
		return err
	}
	if err := a.Store.DeleteReport(r.Context(), report.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
