package alert

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswersOfSystemd(t *testing.T) {
	say := func(text string, err error) Systemd {
		return Systemd{Run: func(ctx context.Context, name string, args ...string) ([]byte, error) {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Errorf("%s %v may take for ever", name, args)
			}
			return []byte(text), err
		}}
	}
	for text, want := range map[string]UnitState{
		"ActiveState=failed\nInactiveExitTimestamp=@1772337600\n": {Active: "failed", Started: time.Unix(1772337600, 0)},
		"ActiveState=inactive\nInactiveExitTimestamp=\n":          {Active: "inactive"},
		"InactiveExitTimestamp=@0\nActiveState=active\n":          {Active: "active"},
		"ActiveState=failed\nInactiveExitTimestamp=n/a\n":         {Active: "failed"},
	} {
		if got, err := say(text, nil).State(t.Context(), "x.service"); err != nil || got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
	if _, err := say("", nil).State(t.Context(), "x.service"); err == nil {
		t.Error("no answer is taken for one")
	}
	broken := say("", errors.New("no bus"))
	if _, err := broken.State(t.Context(), "x.service"); err == nil {
		t.Error("State: no error")
	}
	if _, err := broken.Failed(t.Context()); err == nil {
		t.Error("Failed: no error")
	}
	if got := broken.LastLines(t.Context(), "x.service"); !strings.Contains(got, "no bus") {
		t.Errorf("%q", got)
	}
	failed, err := say("bugspark-a.service loaded failed failed A\nbugspark-alert@x.service loaded failed failed B\n\n", nil).Failed(t.Context())
	if err != nil || !reflect.DeepEqual(failed, []string{"bugspark-a.service", "bugspark-alert@x.service"}) {
		t.Errorf("%q %v", failed, err)
	}
	if none, err := say("", nil).Failed(t.Context()); err != nil || len(none) != 0 {
		t.Errorf("%q %v", none, err)
	}
}

// An alert tells why this run failed, and not what runs before it said.
func TestAnAlertTellsTheErrorOfTheLastRunFirst(t *testing.T) {
	for rule, c := range map[string]struct {
		id      string
		journal map[string]string // by match
		want    string
	}{
		"the error, then the rest of the run": {"ab12\n", map[string]string{
			"_SYSTEMD_UNIT=x.service": "Saved set 1\nSaved set 2\nbugspark: full", "_SYSTEMD_INVOCATION_ID=ab12": "  copy 5 MB\n  more\nbugspark: the target is full: no space\n  next: make room\n",
		}, "bugspark: the target is full: no space\n  next: make room\n  copy 5 MB\n  more"},
		"nothing but the error":                {"ab12", map[string]string{"_SYSTEMD_INVOCATION_ID=ab12": "bugspark: no\n"}, "bugspark: no"},
		"another program":                      {"ab12", map[string]string{"_SYSTEMD_INVOCATION_ID=ab12": "LOG a\nFATAL b\n"}, "LOG a\nFATAL b"},
		"a unit that could not start":          {"ab12", map[string]string{"INVOCATION_ID=ab12": "Failed to set up credentials\n"}, "Failed to set up credentials"},
		"a unit of which systemd knows no run": {"\n", map[string]string{"_SYSTEMD_UNIT=x.service": "a\nb"}, "a\nb"},
	} {
		s := Systemd{Run: func(_ context.Context, name string, args ...string) ([]byte, error) {
			if name == "systemctl" {
				return []byte(c.id), nil
			}
			return []byte(c.journal[args[len(args)-1]]), nil
		}}
		got := s.LastLines(t.Context(), "x.service")
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(c.want), " ") {
			t.Errorf("%s: %q, want %q", rule, got, c.want)
		}
	}
}

func TestUnitNamesAreNoOptions(t *testing.T) {
	s := Systemd{Run: func(_ context.Context, _ string, args ...string) ([]byte, error) {
		if n := len(args); args[n-1] != "--now" || args[n-2] != "--" {
			t.Errorf("%q", args)
		}
		return []byte("ActiveState=inactive"), nil
	}}
	if _, err := s.State(t.Context(), "--now"); err != nil {
		t.Error(err)
	}
}

// A question that systemd breaks off once is no review that failed.
func TestAQuestionThatIsBrokenOffIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := Systemd{Run: func(context.Context, string, ...string) ([]byte, error) {
			if asked++; asked < 3 {
				return nil, errors.New("transport endpoint is not connected")
			}
			return []byte("bugspark-api.service loaded failed failed BugSpark API\n"), nil
		}}
		if failed, err := s.Failed(t.Context()); err != nil || len(failed) != 1 || asked != 3 {
			t.Errorf("%v, %v after %d questions", failed, err, asked)
		}
	})
}
