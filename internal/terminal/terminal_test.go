package terminal_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/terminal"
)

func TestWhatCommandsATerminalIsShown(t *testing.T) {
	for text, want := range map[string]string{
		"plain, Ünïcödé, 漢字 │ 🐛\n\ttab": "plain, Ünïcödé, 漢字 │ 🐛\n\ttab",
		"\x1b]0;owned\a\x1b[2J":         `\u001b]0;owned\u0007\u001b[2J`,
		"over\rwritten\b\x7f":           `over\u000dwritten\u0008\u007f`,
		"C1 \u009b2J":                   `C1 \u009b2J`,
		"evil\u202egro.latipsoh":        `evil\u202egro.latipsoh`,
		"\u2066\u200b\ufeff\u2028":      `\u2066\u200b\ufeff\u2028`,
		"tag \U000E0041":                `tag \udb40\udc41`,
		"\xff\x9b2J":                    "\uFFFD\uFFFD2J",
	} {
		if got := terminal.Printable(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// Characters that come in two halves are whole, wherever they are cut.
func TestAWriterKeepsCharactersTogether(t *testing.T) {
	const text = "漢字 │ 🐛 \x1b[2J \u202e \U000E0041 é\xe6"
	for size := 1; size <= len(text); size++ {
		var out bytes.Buffer
		w := terminal.NewWriter(&out)
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			if written, err := w.Write(rest[:n]); err != nil || written != n {
				t.Fatal(written, err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if want := terminal.Printable(text); out.String() != want {
			t.Errorf("pieces of %d bytes: %q, want %q", size, out.String(), want)
		}
	}
}

// A program that reads the JSON gets what was in it; what holds nothing hidden passes as it is.
func TestJSONMeansTheSame(t *testing.T) {
	for text, same := range map[string]bool{"é │ 🐛\n\t\x1b[2J <&>\u2028": true, "\u202e\u009b\x7f\U000E0041\u00a0": false} {
		value := map[string]any{"name": text, "n": 7.5}
		var plain, out bytes.Buffer
		for _, indent := range []string{"", "  "} {
			plain.Reset()
			out.Reset()
			for _, e := range []*json.Encoder{json.NewEncoder(&plain), json.NewEncoder(terminal.NewWriter(&out))} {
				e.SetIndent("", indent)
				if err := e.Encode(value); err != nil {
					t.Fatal(err)
				}
			}
			if got := out.String() == plain.String(); got != same {
				t.Errorf("%q passes as it is: %v, want %v: %s", text, got, same, out.String())
			}
			var back map[string]any
			if err := json.Unmarshal(out.Bytes(), &back); err != nil || !reflect.DeepEqual(back, value) {
				t.Errorf("%q became %q, %v", value, back, err)
			}
			if strings.ContainsFunc(out.String(), func(r rune) bool { return r == '\u202e' || r == 0x9b || r == 0x7f }) {
				t.Errorf("%q", out.String())
			}
		}
	}
}

func TestAWriterLeadsToTheFileBehind(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if terminal.Raw(terminal.NewWriter(f)) != f || terminal.Raw(f) != f {
		t.Error("it leads elsewhere")
	}
	if terminal.Is(terminal.NewWriter(f)) || terminal.Is(&bytes.Buffer{}) {
		t.Error("/dev/null is taken for a terminal")
	}
}
