package httpapi

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/bugspark/bugspark/internal/tracker"
)

// FuzzParseReport holds what the store relies on for every accepted body.
func FuzzParseReport(f *testing.F) {
	for _, seed := range []string{
		`{"title":"t","severity":"low","category":"ui"}`,
		`{"title":"t","severity":"low","category":"ui","consoleLogs":[{"level":"error","message":"\ud83d","timestamp":1}],"metadata":{"a":[1,2]}}`,
		` { "title" : "\u0000x" , "severity":"critical","category":"crash", "network_logs": { } , "hpField":""}`,
		`[]`, `{"title":`, "{\"title\":\"\xff\"}", `{"title":"t","severity":null,"category":"ui","user_actions":[[[[]]]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, _, err := parseReport(body)
		if err != nil {
			if tracker.CodeOf(err) != tracker.Invalid {
				t.Errorf("refused as %v", err)
			}
			return
		}
		if c := utf8.RuneCountInString(n.Title); c < 1 || c > 500 || !utf8.ValidString(n.Title) {
			t.Errorf("the title has %d characters", c)
		}
		if utf8.RuneCountInString(n.Description) > 10_000 || n.Severity == "" || n.Category == "" {
			t.Errorf("accepted %+v", n)
		}
		for name, limit := range map[*json.RawMessage]int{
			&n.Evidence.ConsoleLogs: maxLog, &n.Evidence.NetworkLogs: maxLog, &n.Evidence.UserActions: maxLog, &n.Evidence.Metadata: maxMetadata,
		} {
			if *name != nil && (len(*name) > limit || !json.Valid(*name)) {
				t.Errorf("evidence of %d bytes: %.100s", len(*name), *name)
			}
		}
	})
}
