package backup_test

import (
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/backup"
)

const document = `{"format": 1, "created_at": "2026-11-26T12:00:00Z", "host": "bugs", "version": "0.1.0", "database": {
	"system_identifier": "7441234567890123456", "major": 17, "bytes": 100, "schema": 3, "rows": {"reports": 4}, "start_lsn": "0/2000028", "stop_lsn": "0/2000100", "timeline": 1},
	"logical": true, "objects": {"count": 1, "bytes": 2, "fingerprint": "aa"}, "config_files": 3}`

// Whoever has made a set may have written its description to harm its reader.
func TestADescriptionThatNobodyOfUsWritesIsRefused(t *testing.T) {
	if d, err := backup.ParseDocument("k1", []byte(document)); err != nil || d.Database.Major != 17 {
		t.Fatalf("%+v, %v", d, err)
	}
	for rule, change := range map[string][2]string{
		"a system identifier that is a path":    {`"7441234567890123456"`, `"../../pictures"`},
		"one that is empty":                     {`"7441234567890123456"`, `""`},
		"one without an end":                    {`"7441234567890123456"`, `"` + strings.Repeat("7", 1000) + `"`},
		"a host with control characters":        {`"bugs"`, `"bugs\u001b[2J"`},
		"a host that reads backwards":           {`"bugs"`, `"bugs\u202eelpmaxe"`},
		"a table that reads backwards":          {`"reports"`, `"re\u2066ports"`},
		"a version of many bytes":               {`"0.1.0"`, `"` + strings.Repeat("0", 300) + `"`},
		"a timeline of none":                    {`"timeline": 1`, `"timeline": 0`},
		"a timeline below none":                 {`"timeline": 1`, `"timeline": -1`},
		"a timeline that does not fit":          {`"timeline": 1`, `"timeline": 4294967296`},
		"a size below nothing":                  {`"bytes": 100`, `"bytes": -1`},
		"a size beyond everything":              {`"bytes": 100`, `"bytes": 9000000000000000000`},
		"objects below none":                    {`"count": 1`, `"count": -1`},
		"a major version that leads elsewhere":  {`"major": 17`, `"major": -17`},
		"a position that is none":               {`"0/2000028"`, `"here"`},
		"an end before the begin":               {`"0/2000100"`, `"0/1000000"`},
		"rows of a table with no name":          {`"reports"`, `"re\nports"`},
		"a later format":                        {`"format": 1`, `"format": 2`},
		"a format that does not fit into a int": {`"format": 1`, `"format": 1e99`},
		"something that is no JSON":             {`{"format"`, `"format"`},
	} {
		text := strings.Replace(document, change[0], change[1], 1)
		if text == document {
			t.Fatal(rule)
		}
		if d, err := backup.ParseDocument("k1", []byte(text)); err == nil || !strings.Contains(err.Error(), "set k1") {
			t.Errorf("%s: %+v, %v", rule, d, err)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(document))
	f.Add([]byte(strings.Replace(document, "7441234567890123456", "../..", 1)))
	f.Add([]byte(`{"format": 1}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := backup.ParseDocument("k1", data)
		if err != nil {
			return
		}
		for _, text := range []string{d.Host, d.Version, d.Database.SystemIdentifier} {
			if strings.ContainsAny(text, "\n\r\x1b\x00") || len(text) > 255 {
				t.Errorf("%q", text)
			}
		}
		if strings.ContainsAny(d.Database.SystemIdentifier, "/.") || d.Database.Bytes < 0 || d.Objects.Count < 0 || d.Objects.Bytes < 0 || d.Physical() && d.Database.Timeline < 1 {
			t.Errorf("%+v", d)
		}
	})
}
