package httpapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// A widget keeps a report until it knows that the server has it, and sends it again
// days later, without the pictures that are gone by then.
func TestASubmissionThatIsSentAgainIsTheSameReport(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, shop := u.project("shop", "")
	_, blog := u.project("blog", "")
	const id = "01932C07-209F-7C4E-8A1B-5F6E7D8C9B0A"
	key := shop.upload("image/png", picture(t, 4, 3)).text("key")
	first := shop.want(201, "POST", "/reports", bug("submission_id", id, "screenshot_url", key, "description", "as it was"))
	u.want(200, "PATCH", "/reports/"+first.text("id"), map[string]any{"status": "closed", "title": "What the team calls it"})
	s.exec(t, `UPDATE reports SET created_at = created_at - interval '9 days', fingerprint_window = fingerprint_window - 2592`)
	s.ahead.Store(int64(time.Minute))
	again := shop.want(201, "POST", "/reports", bug("submissionId", "01932c07-209f-7c4e-8a1b-5f6e7d8c9b0a", "description", "guessed"))
	if again.text("id") != first.text("id") || again.text("trackingId") != first.text("trackingId") {
		t.Errorf("first %s, again %s", first.raw, again.raw)
	}
	if again.text("description") != "guessed" || again.text("status") != "new" || again.text("title") != "The cart shows NaN" {
		t.Errorf("who knows the id may read the report: %s", again.raw)
	}
	if r := u.want(200, "GET", "/reports/"+first.text("id"), nil); r.text("description") != "as it was" || r.text("status") != "closed" || r.text("screenshotUrl") == "" {
		t.Errorf("a repeat changed it: %s", r.raw)
	}
	if other := blog.want(201, "POST", "/reports", bug("submission_id", id)); other.text("id") == first.text("id") || other.text("trackingId") != "BUG-0001" {
		t.Errorf("another project: %s", other.raw)
	}
	if plain := shop.want(201, "POST", "/reports", bug("submission_id", nil)); plain.text("trackingId") != "BUG-0002" {
		t.Errorf("null: %s", plain.raw)
	}
	for _, bad := range []any{"", "x", 7, []any{}, "{01932c07-209f-7c4e-8a1b-5f6e7d8c9b0a}", "01932c07209f7c4e8a1b5f6e7d8c9b0a", "urn:uuid:01932c07-209f-7c4e-8a1b-5f6e7d8c9b0a"} {
		if a := shop.want(422, "POST", "/reports", bug("submission_id", bad)); fmt.Sprint(a.object["errors"].([]any)[0].(map[string]any)["field"]) != "submission_id" {
			t.Errorf("%v: %s", bad, a.raw)
		}
	}
}
