package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingPrintedCommandsTheTerminal has commands print what others may have written:
// a name here, the notes of services and the errors of hostile peers elsewhere.
func TestNothingPrintedCommandsTheTerminal(t *testing.T) {
	const hostile = "\x1b]0;owned\a\x1b[2J\u202egro.latipsoh\u009b\r"
	dir := filepath.Join(t.TempDir(), hostile)
	env := map[string]string{"BUGSPARK_CONFIG_DIR": dir, "BUGSPARK_SERVER_NAME": "bugs.test"}
	for _, args := range [][]string{{"config", "show"}, {"config", "show", "--json"}, {"--" + hostile}, {"backup", "list", hostile}} {
		var out, errs bytes.Buffer
		Run(t.Context(), Env{Args: args, Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs})
		text := out.String() + errs.String()
		if strings.ContainsAny(text, "\x1b\a\u202e\u009b\r") {
			t.Errorf("%q printed %q", args, text)
		}
		if !strings.Contains(text, "owned") {
			t.Errorf("%q does not print what it was given: %q", args, text)
		}
		if args[len(args)-1] == "--json" {
			var shown struct {
				Credentials []struct {
					Path string `json:"path"`
				} `json:"credentials"`
			}
			if err := json.Unmarshal(out.Bytes(), &shown); err != nil || len(shown.Credentials) == 0 || !strings.HasPrefix(shown.Credentials[0].Path, dir) {
				t.Errorf("%v, %q", err, shown.Credentials)
			}
		}
	}
}
