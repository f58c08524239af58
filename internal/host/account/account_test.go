package account

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLookupOfAnAccountThatIsNotInstalledIsNone(t *testing.T) {
	c, err := Lookup("bugspark-nobody-made-this")
	if c != nil || err != nil {
		t.Errorf("%v, %v", c, err)
	}
}

func TestLookupKnowsTheGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root becomes other accounts")
	}
	c, err := Lookup("nobody")
	if err != nil || c == nil || c.Uid != 65534 || len(c.Groups) == 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestTheFirstMatchingBitsOfAModeHold(t *testing.T) {
	me := &syscall.Credential{Uid: 10, Gid: 20, Groups: []uint32{20, 21}}
	for _, c := range []struct {
		rule     string
		mode     fs.FileMode
		uid, gid uint32
		want     fs.FileMode
	}{
		{"the owner's bits, even when others may do more", 0o077, 10, 99, 0},
		{"the primary group's bits", 0o740, 99, 20, 4},
		{"a supplementary group's bits", 0o740, 99, 21, 4},
		{"the group's bits, even when others may do more", 0o707, 99, 21, 0},
		{"the bits of others", 0o704, 99, 98, 4},
	} {
		if got := permitted(c.mode, c.uid, c.gid, me); got != c.want {
			t.Errorf("%s: %o of %o, want %o", c.rule, got, c.mode, c.want)
		}
	}
}

func TestMayReadNamesThePathThatForbidsIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the files must belong to root")
	}
	dir, err := os.MkdirTemp("/var/tmp", "account")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := MayRead("nobody", path); err == nil || !strings.Contains(err.Error(), "because of the permissions of "+dir) {
		t.Errorf("a closed directory: %v", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := MayRead("nobody", path); err != nil {
		t.Errorf("an open one: %v", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MayRead("nobody", path); err == nil || !strings.Contains(err.Error(), "because of the permissions of "+path) {
		t.Errorf("a closed file: %v", err)
	}
	if err := MayRead("nobody-made-this", path); err == nil {
		t.Error("an account that is not there may read it")
	}
}

func TestADirectoryIsGivenWithNothingThatIsInIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := filepath.Join(t.TempDir(), "of the account")
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	if err := MakeDir(dir, nobody); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MakeDir(dir, nobody); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{dir: 65534, file: 0} {
		info, err := os.Stat(path)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != want {
			t.Errorf("%s: %v, %v", path, info.Sys(), err)
		}
	}
}
