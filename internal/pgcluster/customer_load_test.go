package pgcluster

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script writes a program; the tests stand it in for pg_restore and psql, of which
// no machine has all versions.
func script(t *testing.T, name, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnOlderServerIsNotToldWhatItDoesNotKnow(t *testing.T) {
	const row = "SET transaction_timeout = 0;"
	sql := "--\nSET statement_timeout = 0;\n" + row + "\nSET client_encoding = 'UTF8';\n" + strings.Repeat("CREATE TABLE t ();\n", 200) + "COPY t FROM stdin;\n" + row + "\n\\.\n"
	var out bytes.Buffer
	if err := withoutNewSetting(&out, strings.NewReader(sql)); err != nil || out.String() != strings.Replace(sql, row+"\n", "", 1) {
		t.Errorf("%v: %.200s", err, out.String())
	}
}

// TestNothingIsCommittedThatIsNotWhole lets pg_restore, psql and the dump break: psql
// must not be told to commit.
func TestNothingIsCommittedThatIsNotWhole(t *testing.T) {
	committed := filepath.Join(t.TempDir(), "committed")
	commits := "grep -qx 'COMMIT;' && touch " + committed
	for name, c := range map[string]struct {
		restore, psql string
		dump          io.Reader
		whole         bool
	}{
		"all is well":                        {"cat", "read first; test \"$first\" = 'BEGIN;' && " + commits, strings.NewReader("\\restrict x\nSELECT 1;\n"), true},
		"pg_restore fails":                   {"echo 'SELECT 1;'; echo no such schema >&2; exit 1", commits, strings.NewReader(""), false},
		"psql fails":                         {"echo '\\\\restrict x'; cat", "echo server gone >&2; exit 2", io.LimitReader(endless{}, 8<<20), false},
		"the dump breaks":                    {"cat", commits, io.MultiReader(strings.NewReader("\\restrict x\nSELECT 1;\n"), endless{after: 1}), false},
		"commands to psql are not forbidden": {"cat", commits, strings.NewReader("SELECT 1;\n"), false},
	} {
		os.Remove(committed)
		err := transaction{begin: "BEGIN;\n", end: "COMMIT;\n", older: true}.load(exec.Command(script(t, "pg_restore", c.restore)), exec.Command(script(t, "psql", c.psql)), c.dump)
		_, there := os.Stat(committed)
		if (err == nil) != c.whole || (there == nil) != c.whole {
			t.Errorf("%s: %v, committed %v", name, err, there == nil)
		}
	}
}

// endless is a stream that breaks after so many reads, if after is set.
type endless struct{ after int }

var errBroke = errors.New("the target went away")

func (e endless) Read(p []byte) (int, error) {
	if e.after > 0 {
		return 0, errBroke
	}
	return copy(p, bytes.Repeat([]byte("SELECT 1;\n"), len(p)/10+1)), nil
}

// TestACommandToPsqlInADumpIsNotRun loads what a hostile server can put among its rows
// (CVE-2025-8714) with the programs that are installed.
func TestACommandToPsqlInADumpIsNotRun(t *testing.T) {
	s := initialized(t)
	if err := s.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	ran := filepath.Join(s.Dir, "ran")
	for name, dump := range map[string]string{
		"by a pg_restore that forbids it": "\\restrict x\nCREATE TABLE t (c text);\nCOPY t FROM stdin;\n\\.\n\\! touch " + ran + "\n\\unrestrict x\n",
		"by one that does not":            "CREATE TABLE t (c text);\n\\! touch " + ran + "\n",
	} {
		psql := s.command(t.Context(), "psql", "--host="+s.Dir, "--username=postgres", "--dbname=postgres", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")
		load := transaction{begin: "BEGIN;\n", end: "COMMIT;\n", as: s.as()}
		err := load.load(exec.Command("cat"), psql, strings.NewReader(dump))
		if err == nil {
			t.Errorf("%s: the dump was loaded", name)
		}
		if _, there := os.Stat(ran); there == nil {
			t.Errorf("%s: psql ran the command of the dump", name)
		}
		t.Log(err)
	}
}
