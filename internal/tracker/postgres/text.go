package postgres

import (
	"bytes"

	"github.com/bugspark/bugspark/internal/tracker"
)

func cleanOptional(s *string) *string {
	if s == nil {
		return nil
	}
	c := tracker.CleanText(*s)
	return &c
}

// cleanJSON is CleanText for a JSON text: it also takes out the escape \u0000,
// which jsonb and most readers of evidence refuse. doc must be valid JSON.
func cleanJSON(doc []byte) []byte {
	doc = bytes.ToValidUTF8(doc, []byte("\uFFFD"))
	if bytes.IndexByte(doc, 0) < 0 && !bytes.Contains(doc, []byte(`\u0000`)) {
		return doc
	}
	out := make([]byte, 0, len(doc))
	for i := 0; i < len(doc); i++ {
		switch {
		case doc[i] == 0:
		case doc[i] != '\\' || i+1 == len(doc):
			out = append(out, doc[i])
		case bytes.HasPrefix(doc[i:], []byte(`\u0000`)):
			i += len(`\u0000`) - 1
		default: // another escape, of which the second byte may be a backslash
			out = append(out, doc[i], doc[i+1])
			i++
		}
	}
	return out
}
