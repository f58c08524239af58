package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/durable/durabletest"
	"github.com/bugspark/bugspark/internal/host/exchange"
)

// childVerb makes the test program do one step of an exchange and end, so that it
// can be killed at any system call. Its arguments are the two directories.
const childVerb = "BUGSPARK_TEST_EXCHANGE"

// strace counts the calls of each thread.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	verb := os.Getenv(childVerb)
	if verb == "" {
		os.Exit(m.Run())
	}
	if err := (rig{data: os.Args[1], memory: os.Args[2]}).do(verb); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// rig is an installation whose services need no care: its data on one disk, and
// what is remembered on another.
type rig struct{ data, memory string }

type idle struct{}

func (idle) Start(context.Context, ...string) error { return nil }
func (idle) Stop(context.Context, ...string) error  { return nil }

func (r rig) exchanger() *exchange.Exchanger {
	return &exchange.Exchanger{
		Units: idle{}, Users: []string{"database"}, Dir: r.data, Memory: filepath.Join(r.memory, "setup", "restore.json"),
		Healthy: func(context.Context) error { return nil }, Report: func(string) {},
		StartNewTimeline: func(context.Context, string, string) error { return nil },
	}
}

// customers is the file that stands for the customer's database.
func (r rig) customers() string { return filepath.Join(filepath.Dir(r.data), "database") }

// customer is its mark and what it holds.
func (r rig) customer() (mark, data string, err error) {
	content, err := os.ReadFile(r.customers())
	mark, data, _ = strings.Cut(string(content), " ")
	return mark, data, err
}

func (r rig) replacer() *exchange.Replacer {
	return &exchange.Replacer{
		Units: idle{}, Users: []string{"api"}, Dir: filepath.Join(r.memory, "setup"), Place: "here",
		Healthy: func(context.Context) error { return nil }, Report: func(string) {},
		Dump: func(context.Context) (io.ReadCloser, error) {
			_, data, err := r.customer()
			return io.NopCloser(strings.NewReader(data)), err
		},
		Load: func(_ context.Context, dump io.Reader, mark string) error {
			data, err := io.ReadAll(dump)
			if err != nil {
				return err
			}
			// One rename is the commit. Its power stays on.
			next := r.customers() + ".next"
			return errors.Join(os.WriteFile(next, []byte(mark+" "+string(data)), 0o600), os.Rename(next, r.customers()))
		},
		Mark: func(context.Context) (string, error) {
			mark, _, err := r.customer()
			return mark, err
		},
	}
}

func (r rig) do(verb string) error {
	ctx := context.Background()
	switch verb {
	case "swap":
		return r.exchanger().Swap(ctx, filepath.Join(r.exchanger().Next(), "database"), "a set")
	case "undo":
		return r.exchanger().Undo(ctx)
	case "confirm":
		return r.exchanger().Confirm()
	case "replace":
		return r.replacer().Replace(ctx, strings.NewReader("new"), "a set")
	case "take back":
		return r.replacer().Undo(ctx)
	case "give up":
		return r.replacer().Confirm(ctx)
	}
	return errors.New(verb)
}

const filesOfACluster = 2

// fill makes a cluster of several files.
func (r rig) fill(t *testing.T, dir, content string) {
	t.Helper()
	for i := range filesOfACluster {
		file := filepath.Join(dir, "base", fmt.Sprint(i), "content")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// holds is the content of a cluster, or why it is none.
func (r rig) holds(dir string) string {
	content := ""
	for i := range filesOfACluster {
		data, err := os.ReadFile(filepath.Join(dir, "base", fmt.Sprint(i), "content"))
		switch {
		case err != nil:
			return "incomplete: " + err.Error()
		case i > 0 && string(data) != content:
			return "mixed"
		}
		content = string(data)
	}
	return content
}

// before makes the state that a verb begins with, on the disks.
func (r rig) before(t *testing.T, verb string) {
	t.Helper()
	for _, dir := range []string{r.data, r.memory} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(r.memory, "setup"), 0o700), os.WriteFile(r.customers(), []byte(" old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	r.fill(t, filepath.Join(r.data, "data"), "old")
	r.fill(t, filepath.Join(r.exchanger().Next(), "database"), "new")
	first := map[string]string{"undo": "swap", "confirm": "swap", "take back": "replace", "give up": "replace"}[verb]
	if first != "" {
		if err := r.do(first); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{r.data, r.memory} {
		f, err := os.Open(dir)
		if err == nil {
			err = errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// changes are the system calls by which names and contents reach a disk.
var changes = []string{"fsync", "renameat", "renameat2", "unlinkat", "mkdirat"}

// killedAt runs a verb in a process that ends before its nth call of one kind; n 0
// leaves it alone.
func (r rig) killedAt(t *testing.T, verb, call string, n int) (killed bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{self, r.data, r.memory}
	if n > 0 {
		args = append([]string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n)}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childVerb+"="+verb)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	if err == nil {
		return false
	}
	if exit := (*exec.ExitError)(nil); n > 0 && errors.As(err, &exit) && said.Len() == 0 {
		return true
	}
	t.Fatalf("%s, call %d of %s: %v: %s", verb, n, call, err, said.String())
	return false
}

// judge proves what must hold whatever happened, and what a verb has promised that
// came to its end.
func (r rig) judge(verb string, ended bool) error {
	if strings.Contains("replace take back give up", verb) {
		return r.judgeReplacer(verb, ended)
	}
	live := r.holds(filepath.Join(r.data, "data"))
	_, pending, err := r.exchanger().Pending()
	switch {
	case err != nil:
		return err
	case live != "old" && live != "new":
		return fmt.Errorf("in place is %s", live)
	case pending && live != "new":
		return fmt.Errorf("%s is in place, and an exchange waits", live)
	case verb == "swap" && ended && live != "new", verb == "confirm" && live != "new", verb == "undo" && ended && live != "old":
		return fmt.Errorf("%s is in place", live)
	case verb == "confirm" && ended && pending:
		return errors.New("what was confirmed waits")
	case live == "new" && !pending && verb != "confirm":
		return errors.New("the old data is lost")
	case !pending:
		return errors.Join(r.exchanger().Ready(), r.exchanger().Clear())
	}
	if err := r.exchanger().Undo(context.Background()); err != nil {
		return err
	}
	if live := r.holds(filepath.Join(r.data, "data")); live != "old" {
		return fmt.Errorf("undoing brought %s", live)
	}
	return nil
}

func (r rig) judgeReplacer(verb string, ended bool) error {
	_, data, err := r.customer()
	if err != nil {
		return err
	}
	_, pending, err := r.replacer().Pending(context.Background())
	switch {
	case err != nil:
		return err
	case verb == "give up" && ended && pending, verb == "take back" && ended && pending:
		return errors.New("what was ended waits")
	case verb == "replace" && ended && !pending, data == "new" && !pending && verb != "give up":
		return errors.New("the old data is lost")
	case data == "old" && pending:
		return errors.New("nothing was replaced, and something waits")
	case !pending:
		return r.replacer().Clear(context.Background())
	}
	if err := r.replacer().Undo(context.Background()); err != nil {
		return fmt.Errorf("%s is there: %w", data, err)
	}
	if _, data, err = r.customer(); err == nil && data != "old" {
		err = fmt.Errorf("undoing brought %s", data)
	}
	return err
}

// TestAPowerCutAtEveryCallLosesNothing ends a process at every system call that
// changes a disk, takes the power of both disks, one of them with luck or none, and
// looks at what is left. With BUGSPARK_SOAK it does that at every call in all ways.
func TestAPowerCutAtEveryCallLosesNothing(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace, which ends a process at a system call, is not installed")
	}
	data, memory := durabletest.NewDisk(t, "16M"), durabletest.NewDisk(t, "16M")
	r := rig{data: data.Dir, memory: memory.Dir}
	cuts := 0
	for _, verb := range []string{"swap", "undo", "confirm", "replace", "take back", "give up"} {
		calls := slices.Concat([]string{""}, changes)
		reached := 0
		for _, call := range calls {
			for n := 0; ; n++ {
				if (n == 0) != (call == "") {
					if call == "" {
						break
					}
					continue
				}
				killed := false
				lucks := [][2]bool{{false, false}, {true, false}, {false, true}}
				if n > 0 && os.Getenv("BUGSPARK_SOAK") == "" {
					lucks = lucks[cuts%3 : cuts%3+1] // a cut takes a second on a busy machine
				}
				for _, luck := range lucks {
					r.before(t, verb)
					killed = r.killedAt(t, verb, call, n)
					if n > 0 && !killed {
						break
					}
					data.Cut(t, luck[0])
					memory.Cut(t, luck[1])
					data.Restart(t)
					memory.Restart(t)
					cuts++
					if err := r.judge(verb, n == 0); err != nil {
						t.Errorf("%s, ended before call %d of %q, luck %v: %v", verb, n, call, luck, err)
					}
				}
				if n > 0 && !killed {
					break
				}
				reached++
			}
		}
		if reached < 3 {
			t.Errorf("%s: only %d calls were found", verb, reached)
		}
	}
	t.Logf("%d power cuts", cuts)
}
