package cli

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
)

// tree is every command as Run uses it, the hidden ones and cobra's own too.
func tree(t *testing.T) []*cobra.Command {
	t.Helper()
	root := New(Env{Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}})
	refuseWrongUsage(root)
	var out []*cobra.Command
	eachCommand(root, func(c *cobra.Command) { out = append(out, c) })
	if len(out) < 40 {
		t.Fatalf("only %d commands were found", len(out))
	}
	return out
}

// path is the words that call a command, without the program's name.
func path(c *cobra.Command) []string { return strings.Fields(c.CommandPath())[1:] }

// execute runs the program with an empty environment: its configuration is not
// there, so a command that gets past its arguments does not end with 2.
func execute(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	var out, err bytes.Buffer
	status = Run(t.Context(), Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err,
		Lookup: func(name string) (string, bool) { return dir, strings.HasSuffix(name, "_DIR") },
	})
	return status, out.String(), err.String()
}

func group(c *cobra.Command) bool { return c.Annotations[groupAnnotation] != "" }

func TestEveryCommandHasHelp(t *testing.T) {
	for _, c := range tree(t) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			if c.Short == "" {
				t.Error("it has no Short")
			}
			status, stdout, stderr := execute(t, append(path(c), "--help")...)
			if status != 0 || stderr != "" || !strings.Contains(stdout, "Usage:\n  "+c.CommandPath()) {
				t.Errorf("status %d, standard error %q, printed\n%s", status, stderr, stdout)
			}
			about, _, _ := strings.Cut(cmp.Or(c.Long, c.Short), "\n")
			if !strings.Contains(stdout, about) {
				t.Errorf("its help does not say what it does:\n%s", stdout)
			}
			if _, viaHelp, _ := execute(t, append([]string{"help"}, path(c)...)...); viaHelp != stdout {
				t.Errorf("'help %s' printed\n%s", strings.Join(path(c), " "), viaHelp)
			}
		})
	}
}

func TestEveryCommandRefusesWrongUsage(t *testing.T) {
	for _, c := range tree(t) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			wrong := [][]string{{"--no-such-flag"}}
			if !strings.Contains(c.Use, "]...") && c.Name() != "help" {
				wrong = append(wrong, slices.Repeat([]string{"n0nsense"}, 4))
			}
			for _, args := range wrong {
				status, stdout, stderr := execute(t, append(path(c), args...)...)
				if status != int(fault.Usage) || stdout != "" || !strings.Contains(stderr, "  next: ") {
					t.Errorf("%q: status %d, standard output %q, standard error\n%s", args, status, stdout, stderr)
				}
				if takesNone := c.Args == nil || group(c) || !strings.Contains(c.Use, " "); takesNone && !strings.Contains(stderr, args[0]) {
					t.Errorf("%q: the answer does not say what was typed:\n%s", args, stderr)
				}
			}
		})
	}
}

func TestABareGroupShowsItsHelpAndFails(t *testing.T) {
	for _, c := range tree(t) {
		if c.HasSubCommands() != group(c) && c.Name() != "restore" {
			t.Errorf("%q has commands and does work of its own", c.CommandPath())
		}
		if !group(c) {
			continue
		}
		status, stdout, stderr := execute(t, path(c)...)
		if status != int(fault.Usage) || stdout != "" || !strings.Contains(stderr, "Usage:") || !strings.Contains(stderr, "needs one of its commands") {
			t.Errorf("%q: status %d, standard output %q, standard error\n%s", c.CommandPath(), status, stdout, stderr)
		}
		if strings.Contains(stderr, "Usage:\n  "+c.CommandPath()+"\n") || strings.Contains(stderr, c.CommandPath()+" [flags]") {
			t.Errorf("the help of %q offers it without a command:\n%s", c.CommandPath(), stderr)
		}
	}
}

// A letter too few or too many in the name of any visible command is recognised.
func TestATypoIsRecognised(t *testing.T) {
	for _, c := range tree(t) {
		if !c.HasParent() || !c.IsAvailableCommand() || len(c.Name()) < 4 {
			continue
		}
		words := path(c)
		last := len(words) - 1
		for _, typo := range []string{words[last] + "x", words[last][:2] + words[last][3:]} {
			typed := append(slices.Clone(words[:last]), typo, "--json")
			status, stdout, stderr := execute(t, typed...)
			if status != int(fault.Usage) || stdout != "" || !strings.Contains(stderr, typo) || !strings.Contains(stderr, "did you mean") ||
				!strings.Contains(strings.SplitN(stderr, "did you mean", 2)[1], words[last]) {
				t.Errorf("%q: status %d, standard output %q, standard error\n%s", typed, status, stdout, stderr)
			}
		}
	}
}

func TestTheRootHelpNamesEveryExitStatus(t *testing.T) {
	_, stdout, _ := execute(t, "--help")
	text := strings.Join(strings.Fields(stdout), " ")
	for kind, want := range map[fault.Kind]string{
		0: "0 done", fault.Failed: "1 failed", fault.Usage: "2 wrong usage", fault.Preflight: "3 refused",
		fault.Pending: "4 changes wait", fault.NeedsAttention: "5 runs but needs attention",
	} {
		if !strings.HasPrefix(want, string(rune('0'+kind))) || !strings.Contains(text, want) {
			t.Errorf("status %d: the help lacks %q:\n%s", kind, want, stdout)
		}
	}
}
