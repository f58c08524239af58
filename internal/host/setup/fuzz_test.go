package setup_test

import (
	"reflect"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// FuzzAnswers completes any answers file. What is accepted must mean the same when it is
// read as bugspark.yaml, and completing it again must change nothing.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		"", "---\n", "# a note\n", "server:\n  name: bugs.test\n", "server: {name: bugs.test, https_port: 8443}\n",
		"tls:\n  hsts: true # on purpose\n", "backup:\n  target: \"\"\n", "backup: null\n", "server: &a\n  name: bugs.test\nproxy: *a\n",
		"server:\n  name: ''\naccounts:\n  admin_email: \"\"\n", "a: &a [*a]\n", "server:\n- name\n", "\xff\xfe", "server:\n  name: bugs.test\n...\n---\nserver: 1\n",
	} {
		f.Add([]byte(seed))
	}
	dirs := config.Dirs{Config: "/nowhere", State: "/nowhere", Backups: "/var/backups/bugspark"}
	f.Fuzz(func(t *testing.T, answers []byte) {
		data, cfg, err := setup.CompleteConfig("answers", answers, noEnv)
		if err != nil {
			return
		}
		read, err := config.Parse("bugspark.yaml", data, noEnv)
		if err != nil || !reflect.DeepEqual(read, cfg) {
			t.Fatalf("%q was completed to\n%s\n%v\n%+v\n%+v", answers, data, err, read, cfg)
		}
		named, with, err := setup.NameTarget(dirs, data, noEnv)
		if err != nil {
			t.Fatalf("naming a target in\n%s\n%v", data, err)
		}
		again, same, err := setup.NameTarget(dirs, named, noEnv)
		if err != nil || string(again) != string(named) || !reflect.DeepEqual(with, same) {
			t.Fatalf("named twice:\n%s\n%s\n%v", named, again, err)
		}
	})
}
