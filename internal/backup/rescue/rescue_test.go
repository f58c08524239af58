package rescue_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/backup/target"
)

// recorded is a directory that notes what is put, and can refuse.
type recorded struct {
	target.Directory
	puts   []string
	refuse map[string]error // by name
}

func (r *recorded) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if err := r.refuse["put "+name]; err != nil {
		return err
	}
	r.puts = append(r.puts, name)
	return r.Directory.Put(ctx, name, body, at)
}

func (r *recorded) Open(ctx context.Context, name string, from, length int64) (io.ReadCloser, error) {
	if err := r.refuse["open "+name]; err != nil {
		return nil, err
	}
	return r.Directory.Open(ctx, name, from, length)
}

func (r *recorded) Dir(ctx context.Context, name string) ([]target.File, error) {
	if err := r.refuse["list "+name]; err != nil {
		return nil, err
	}
	return r.Directory.Dir(ctx, name)
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestATargetGetsWhatItLacks(t *testing.T) {
	dir, programs := t.TempDir(), t.TempDir()
	s := &recorded{Directory: target.Directory(dir)}
	write(t, programs, map[string]string{"kopia-1.0": "kopia", "age-1.0": "age"})
	steps := []struct {
		name   string
		change func()
		want   []string
	}{
		{"a new target gets everything", func() {}, []string{"RESTORE.txt", "rescue/age-1.0", "rescue/kopia-1.0"}},
		{"the second time there is nothing to do", func() {}, nil},
		{"an older text is replaced", func() { write(t, dir, map[string]string{"RESTORE.txt": "of another version"}) }, []string{"RESTORE.txt"}},
		{"a program of which half is there is written again", func() { write(t, filepath.Join(dir, "rescue"), map[string]string{"age-1.0": "ag"}) }, []string{"rescue/age-1.0"}},
		{"a new version is added", func() {
			if err := os.Remove(filepath.Join(programs, "kopia-1.0")); err != nil {
				t.Fatal(err)
			}
			write(t, programs, map[string]string{"kopia-2.0": "newer kopia"})
		}, []string{"rescue/kopia-2.0"}},
	}
	for _, step := range steps {
		step.change()
		s.puts = nil
		if err := rescue.Write(t.Context(), s, programs); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if !slices.Equal(s.puts, step.want) {
			t.Errorf("%s: wrote %q, want %q", step.name, s.puts, step.want)
		}
	}
	for name, want := range map[string]string{"kopia-1.0": "kopia", "kopia-2.0": "newer kopia", "age-1.0": "age"} {
		if got := read(t, filepath.Join(dir, rescue.Programs), name); got != want {
			t.Errorf("%s holds %q", name, got)
		}
	}
}

func TestTheInstructionsNameWhatThePackageHas(t *testing.T) {
	dir := t.TempDir()
	if err := rescue.Write(t.Context(), target.Directory(dir), filepath.Join(dir, "no-package")); err != nil {
		t.Fatalf("a build without a package: %v", err)
	}
	text := read(t, dir, rescue.Instructions)
	module, err := os.ReadFile("../../../packaging/rescue/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(module)) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "github.com/kopia/kopia v"); ok {
			version, _, _ = strings.Cut(version, " ")
			if !strings.Contains(text, "kopia-"+version) || !strings.Contains(text, "kopia "+version) {
				t.Errorf("the package has kopia %s, which the text does not name", version)
			}
		}
	}
	for _, word := range []string{"bugspark restore --kit", "backup-key:", "archive-identity:", rescue.Programs + "/age-"} {
		if !strings.Contains(text, word) {
			t.Errorf("the text does not name %q", word)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, rescue.Programs)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory of programs was made for none: %v", err)
	}
}

// Whoever owns the target can change what people without bugspark would run.
func TestWhatSomebodyHasChangedOnTheTargetIsNamed(t *testing.T) {
	programs := t.TempDir()
	write(t, programs, map[string]string{"age-1.0": "age", "kopia-1.0": "kopia"})
	for _, c := range []struct{ rule, file, content, want string }{
		{"nothing", "owner.json", "{}", ""},
		{"a program of the same size", "rescue/age-1.0", "ega", "rescue/age-1.0 is not what this version"},
		{"a longer one", "rescue/kopia-1.0", "kopia and more", "rescue/kopia-1.0 is not what this version"},
		{"the instructions", "RESTORE.txt", "curl | sh", "RESTORE.txt is not what this version"},
		{"a program of another version", "rescue/kopia-0.9", "older", ""},
		{"a program that is gone", "rescue/age-1.0", "", "rescue/age-1.0 is missing"},
	} {
		dir := t.TempDir()
		s := target.Directory(dir)
		if err := rescue.Write(t.Context(), s, programs); err != nil {
			t.Fatal(err)
		}
		write(t, dir, map[string]string{c.file: c.content})
		if c.content == "" {
			if err := os.Remove(filepath.Join(dir, c.file)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := rescue.Compare(t.Context(), s, programs)
		if err != nil || (c.want == "") != (len(got) == 0) || c.want != "" && !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s: %q, %v", c.rule, got, err)
		}
	}
	sums, err := rescue.Sums(programs)
	if err != nil || len(sums) != 3 || sums[1].Name != "rescue/age-1.0" {
		t.Fatal(sums, err)
	}
	want, err := exec.Command("sha256sum", filepath.Join(programs, "age-1.0")).Output()
	if err != nil || !strings.HasPrefix(string(want), sums[1].SHA256+" ") {
		t.Errorf("%+v, sha256sum: %s, %v", sums, want, err)
	}
}

func TestWhatTheTargetRefusesIsNamed(t *testing.T) {
	broken := errors.New("input/output error")
	for call, want := range map[string]string{
		"open RESTORE.txt":   "reading the instructions",
		"put RESTORE.txt":    "writing the instructions",
		"list rescue":        "looking for the rescue programs",
		"put rescue/age-1.0": "adding the rescue program age-1.0",
	} {
		programs := t.TempDir()
		write(t, programs, map[string]string{"age-1.0": "age"})
		s := &recorded{Directory: target.Directory(t.TempDir()), refuse: map[string]error{call: broken}}
		if err := rescue.Write(t.Context(), s, programs); !errors.Is(err, broken) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestProgramsThatCannotBeReadAreNamed(t *testing.T) {
	programs := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(programs, "age-1.0")); err != nil {
		t.Fatal(err)
	}
	err := rescue.Write(t.Context(), target.Directory(t.TempDir()), programs)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "age-1.0") {
		t.Errorf("a link into nothing: %v", err)
	}
	file := filepath.Join(programs, "file")
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), 3), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rescue.Write(t.Context(), target.Directory(t.TempDir()), file); err == nil || !strings.Contains(err.Error(), "looking for the rescue programs") {
		t.Errorf("a file in the place of the directory: %v", err)
	}
}
