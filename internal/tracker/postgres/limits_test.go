package postgres_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

type limits struct{ low, high int }

// An input that the API accepts and the database refuses would be an internal
// error, so the constraints and the constants of package tracker must agree.
func TestConstraintsRepeatTheLimits(t *testing.T) {
	t.Parallel()
	want := map[string]limits{
		"accounts.email":              {tracker.MinEmail, tracker.MaxEmail},
		"accounts.name":               {1, tracker.MaxName},
		"access_tokens.name":          {1, tracker.MaxName},
		"projects.name":               {1, tracker.MaxName},
		"projects.domain":             {0, tracker.MaxDomain},
		"reports.title":               {1, tracker.MaxTitle},
		"reports.description":         {0, tracker.MaxDescription},
		"reports.reporter_identifier": {0, tracker.MaxReporter},
	}
	rows, err := postgrestest.NewDatabase(t).Connect(t).Query(t.Context(), `SELECT conrelid::regclass::text, pg_get_constraintdef(oid)
		FROM pg_constraint WHERE contype = 'c' AND connamespace = current_schema()::regnamespace`)
	if err != nil {
		t.Fatal(err)
	}
	bound := regexp.MustCompile(`char_length\((\w+)\) (>=|<=) (\d+)`)
	got := map[string]limits{}
	var table, definition string
	_, err = pgx.ForEachRow(rows, []any{&table, &definition}, func() error {
		for _, m := range bound.FindAllStringSubmatch(definition, -1) {
			n, err := strconv.Atoi(m[3])
			if err != nil {
				return err
			}
			l := got[table+"."+m[1]]
			if m[2] == ">=" {
				l.low = n
			} else {
				l.high = n
			}
			got[table+"."+m[1]] = l
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("the database limits\n%v, and package tracker\n%v", got, want)
	}
}

// The order counts: lists sort by severity and by status.
func TestEnumerationsRepeatTheValues(t *testing.T) {
	t.Parallel()
	conn := postgrestest.NewDatabase(t).Connect(t)
	for name, want := range map[string][]string{
		"report_severity": stringsOf(tracker.Severities()),
		"report_category": stringsOf(tracker.Categories()),
		"report_status":   stringsOf(tracker.Statuses()),
	} {
		got := column(t, conn, fmt.Sprintf(`SELECT unnest(enum_range(NULL::%s))::text`, name))
		if !slices.Equal(got, want) {
			t.Errorf("%s: the database has %v, and package tracker %v", name, got, want)
		}
	}
}

func stringsOf[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
