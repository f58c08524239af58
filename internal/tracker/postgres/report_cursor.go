package postgres

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/bugspark/bugspark/internal/tracker"
)

// listQuery is a checked ReportFilter.
type listQuery struct {
	filter tracker.ReportFilter
	sort   sortKey
	after  *cursor
}

// sortKey is a column to sort by and the type its text form is cast back to.
type sortKey struct{ name, column, kind string }

func sortKeys() []sortKey {
	return []sortKey{
		{"createdAt", "r.created_at", "timestamptz"},
		{"updatedAt", "r.updated_at", "timestamptz"},
		{"severity", "r.severity", "report_severity"},
		{"status", "r.status", "report_status"},
		{"title", "r.title", "text"}, // has no index; every match is sorted
		{"trackingId", "r.number", "integer"},
	}
}

// cursor is the last row of the page before: its sort key, as text, and its id.
// It contains the order, because it is valid only for that order.
type cursor struct {
	Sort string `json:"s"`
	Key  string `json:"k"`
	ID   string `json:"i"`
}

func newListQuery(f tracker.ReportFilter) (listQuery, error) {
	f.Page, f.PageSize = max(f.Page, 1), max(f.PageSize, 1)
	f.Search = strings.TrimSpace(f.Search)
	if f.SortBy == "" {
		f.SortBy = "createdAt"
	}
	q := listQuery{filter: f}
	for _, k := range sortKeys() {
		if k.name == f.SortBy {
			q.sort = k
		}
	}
	if q.sort.name == "" {
		return q, &tracker.Error{Code: tracker.Invalid, Field: "sort_by", Message: "is no sort key"}
	}
	if f.Cursor == "" {
		if f.Page > maxListed/f.PageSize+1 {
			return q, &tracker.Error{Code: tracker.Invalid, Field: "page", Message: "is too deep; use cursor"}
		}
		return q, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(f.Cursor)
	if err != nil {
		return q, errCursor(err)
	}
	q.after = &cursor{}
	if err := json.Unmarshal(text, q.after); err != nil {
		return q, errCursor(err)
	}
	if q.after.Sort != q.order() || checkID(q.after.ID) != nil || strings.ContainsRune(q.after.Key, 0) {
		return q, errCursor(nil)
	}
	return q, nil
}

func errCursor(err error) error {
	return &tracker.Error{Code: tracker.Invalid, Field: "cursor", Message: "is damaged or of another order", Err: err}
}

func (q listQuery) order() string {
	if q.filter.Ascending {
		return "+" + q.sort.name
	}
	return "-" + q.sort.name
}

func (q listQuery) cursorAfter(key, id string) string {
	text, err := json.Marshal(cursor{q.order(), key, id})
	if err != nil {
		panic(err) // three strings
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
