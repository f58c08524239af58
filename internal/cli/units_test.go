package cli_test

import (
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/cli"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/systemd"
)

// A unit that names a command or a flag that does not exist fails on the customer's
// machine and nowhere else.
func TestEveryCommandOfTheUnitsExists(t *testing.T) {
	set, err := unit.Load(systemd.Units)
	if err != nil {
		t.Fatal(err)
	}
	checks := 0
	for _, u := range set.Services() {
		commands := append(append(u.Service.ExecStartPre, u.Service.ExecStart), u.Service.ExecStartPost...)
		if check := u.Compose["HealthCmd"]; check != "" {
			commands = append(commands, strings.Fields(check))
			checks++
		}
		for _, words := range commands {
			if words[0] != "/usr/bin/bugspark" && words[0] != "bugspark" {
				t.Errorf("%s runs %v", u.Name, words)
			}
			if err := parses(words[1:]); err != "" {
				t.Errorf("%s: %s: %s", u.Name, strings.Join(words, " "), err)
			}
		}
	}
	if checks != 6 {
		t.Errorf("%d units say how to ask for their health", checks)
	}
}

// parses tells why a command line is none, "" if it is one that runs something.
func parses(args []string) string {
	c, rest, err := cli.New(cli.Env{}).Find(args)
	if err != nil {
		return err.Error()
	}
	if err := c.ParseFlags(rest); err != nil {
		return err.Error()
	}
	if !c.Runnable() {
		return "this only groups commands"
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		return err.Error()
	}
	return ""
}

func TestWrongCommandsOfUnitsAreFound(t *testing.T) {
	for line, want := range map[string]string{
		"status --answer": "unknown flag", "postgres chek": "", "alert": "arg(s)", "nothing": "", "health api now": "",
	} {
		got := parses(strings.Fields(line))
		if got == "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
