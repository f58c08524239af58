package unit_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bugspark/bugspark/internal/host/unit"
)

// files turns name, content, name, content into a file system.
func files(pairs ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return out
}

func TestDropInsMergeAsSystemdDoes(t *testing.T) {
	const main = "[Service]\nExecStart=/bin/true\nUser=main\nEnvironment=A=1\nLoadCredential=x:/a\nLoadCredential=y:/b\nSupplementaryGroups=one\n" +
		"RestrictAddressFamilies=AF_UNIX\nProtectHome=no\n[Unit]\nAfter=b-c.service\n"
	for _, tc := range []struct {
		rule string
		more []string
		get  func(unit.Unit) any
		want string
	}{
		{"the drop-in wins over the unit file", []string{"b-a.service.d/1.conf", "[Service]\nUser=own\n"},
			func(u unit.Unit) any { return u.Service.User }, "own"},
		{"a prefix directory counts for every unit below it", []string{"b-.service.d/1.conf", "[Service]\nUser=prefix\n"},
			func(u unit.Unit) any { return u.Service.User }, "prefix"},
		{"the file name decides, not the directory", []string{"b-.service.d/20.conf", "[Service]\nUser=prefix\n", "b-a.service.d/10.conf", "[Service]\nUser=own\n"},
			func(u unit.Unit) any { return u.Service.User }, "prefix"},
		{"of the same file name the more specific directory counts", []string{"b-.service.d/10.conf", "[Service]\nUser=prefix\n", "b-a.service.d/10.conf", "[Service]\nKillMode=process\n"},
			func(u unit.Unit) any { return u.Service.User + " " + u.Service.KillMode }, "main process"},
		{"an empty file masks", []string{"b-.service.d/10.conf", "[Service]\nUser=prefix\n", "b-a.service.d/10.conf", "# nothing\n"},
			func(u unit.Unit) any { return u.Service.User }, "main"},
		{"only .conf is read", []string{"b-a.service.d/README", "[Service]\nUser=own\n"},
			func(u unit.Unit) any { return u.Service.User }, "main"},
		{"lists add up", []string{"b-a.service.d/1.conf", "[Service]\nSupplementaryGroups=two\nEnvironment=B=2\n"},
			func(u unit.Unit) any { return strings.Join(append(u.Service.Groups, u.Service.Environment...), " ") }, "one two A=1 B=2"},
		{"an empty assignment resets a list", []string{"b-a.service.d/1.conf", "[Service]\nSupplementaryGroups=\nEnvironment=\nEnvironment=B=2\n"},
			func(u unit.Unit) any { return strings.Join(append(u.Service.Groups, u.Service.Environment...), " ") }, "B=2"},
		{"a credential of the same name is replaced", []string{"b-a.service.d/1.conf", "[Service]\nLoadCredential=x:/other\n"},
			func(u unit.Unit) any { return u.Service.Credentials }, "[{y /b} {x /other}]"},
		{"an empty assignment resets credentials", []string{"b-a.service.d/1.conf", "[Service]\nLoadCredential=\nLoadCredential=z:/c\n"},
			func(u unit.Unit) any { return u.Service.Credentials }, "[{z /c}]"},
		{"an empty assignment resets commands", []string{"b-a.service.d/1.conf", "[Service]\nExecStart=\nExecStart=/bin/false\nExecStartPre=/bin/a\nExecStartPre=\nExecStartPre=/bin/b\n"},
			func(u unit.Unit) any { return [][]string{u.Service.ExecStart, u.Service.ExecStartPre[0]} }, "[[/bin/false] [/bin/b]]"},
		{"a dependency cannot be reset", []string{"b-a.service.d/1.conf", "[Unit]\nAfter=\nAfter=b-d.service\n"},
			func(u unit.Unit) any { return u.After }, "[b-c.service b-d.service]"},
		{"a scalar without a field: the last counts", []string{"b-a.service.d/1.conf", "[Service]\nProtectHome=yes\n", "b-a.service.d/2.conf", "[Service]\nProtectHome=tmpfs\n"},
			func(u unit.Unit) any { return u.Values("Service", "ProtectHome") }, "[tmpfs]"},
		{"a list without a field adds up", []string{"b-a.service.d/1.conf", "[Service]\nRestrictAddressFamilies=AF_INET\n"},
			func(u unit.Unit) any { return u.Values("Service", "RestrictAddressFamilies") }, "[AF_UNIX AF_INET]"},
		{"a list without a field is reset", []string{"b-a.service.d/1.conf", "[Service]\nRestrictAddressFamilies=\nRestrictAddressFamilies=AF_INET\n"},
			func(u unit.Unit) any { return u.Values("Service", "RestrictAddressFamilies") }, "[ AF_INET]"},
		{"drop-ins are listed in their order", []string{"b-.service.d/20.conf", "", "b-a.service.d/30.conf", "", "b-a.service.d/10.conf", ""},
			func(u unit.Unit) any { return u.DropIns }, "[b-a.service.d/10.conf b-.service.d/20.conf b-a.service.d/30.conf]"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			s, err := unit.Load(files(append([]string{"b-a.service", main}, tc.more...)...))
			if err != nil {
				t.Fatal(err)
			}
			u, err := s.Unit("b-a.service")
			if err != nil {
				t.Fatal(err)
			}
			if got := sprint(tc.get(u)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestTemplatesHaveTheDropInsOfTheirPrefix(t *testing.T) {
	s, err := unit.Load(files("b-a@.service", "[Service]\nExecStart=/bin/true\n", "b-.service.d/1.conf", "[Service]\nUser=prefix\n",
		"b-a@.service.d/2.conf", "[Service]\nKillMode=process\n", "b-a-c.service", "[Service]\nExecStart=/bin/true\n", "b-a-.service.d/3.conf", "[Service]\nKillSignal=SIGINT\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"b-a@.service":  "[b-.service.d/1.conf b-a@.service.d/2.conf]",
		"b-a-c.service": "[b-.service.d/1.conf b-a-.service.d/3.conf]",
	} {
		if u, err := s.Unit(name); err != nil || sprint(u.DropIns) != want {
			t.Errorf("%s has %v, want %s (%v)", name, u.DropIns, want, err)
		}
	}
}

// unreadable is a file system in which one path cannot be opened.
type unreadable struct {
	fstest.MapFS
	path string
}

func (u unreadable) Open(name string) (fs.File, error) {
	if name == u.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Open(name)
}

func (u unreadable) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == u.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return fs.ReadDir(u.MapFS, name)
}

func TestBadDropInsAreRefused(t *testing.T) {
	const service = "[Service]\nExecStart=/bin/true\n"
	for _, tc := range []struct{ name, file, text, want string }{
		{"unknown unit", "b-x.service.d/1.conf", service, "b-x.service.d holds drop-ins of a unit that is not shipped"},
		{"every service of the machine", "service.d/1.conf", service, "service.d holds drop-ins of a unit that is not shipped"},
		{"unknown section", "b-a.service.d/1.conf", "[Sevice]\nUser=x\n", "b-a.service.d/1.conf: [Sevice] User=x: there is no such section"},
		{"a section of other units", "b-a.service.d/1.conf", "[Socket]\nListenStream=80\n", "this unit is no socket"},
		{"a second command", "b-a.service.d/1.conf", "[Service]\nExecStart=/bin/false\n", "there is a command already"},
		{"installation", "b-a.service.d/1.conf", "[Install]\nWantedBy=x.target\n", "belongs into the unit file"},
		{"what scripts read", "b-a.service.d/1.conf", "[X-BugSpark]\nUpgrade=restart\n", "belongs into the unit file"},
		{"unknown key of ours", "b-a.service.d/1.conf", "[X-BugSpark]\nWhenn=log.level\n", "there is no such key"},
		{"dangling alert", "b-a.service.d/1.conf", "[Unit]\nOnFailure=bugspark-nobody@%n.service\n", "bugspark-nobody@%n.service, which is not shipped"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := unit.Load(files("b-a.service", service, tc.file, tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	for _, path := range []string{"b-a.service.d", "b-a.service.d/1.conf", "b-a.service"} {
		_, err := unit.Load(unreadable{files("b-a.service", service, "b-a.service.d/1.conf", service), path})
		if err == nil || !strings.Contains(err.Error(), "permission denied") || !strings.Contains(err.Error(), path) {
			t.Errorf("unreadable %s: %v", path, err)
		}
	}
}

func TestBadKeysOfOursAreRefused(t *testing.T) {
	for key, want := range map[string]string{
		"When=databse.mode=managed":    `"databse.mode" is no setting`,
		"When=database=managed":        `"database" is no setting`,
		"When=database.mode=":          "compares with nothing",
		"When=recovery-kit=yes":        "is no setting",
		"When=backup.target|":          `"" is no setting`,
		"Inputs=server logs":           `"logs" is no setting`,
		"Reach=internet":               "is none of",
		"Provides=mail":                "is none of",
		"Writes=storage":               "is none of",
		"Certificates=files":           "is none of",
		"Upgrade=reload":               "is none of",
		"Listen=server.port":           "is no setting",
		"Calendar=backup":              "is no setting",
		"Foreground=never":             "neither yes nor no",
		"Serves=":                      "neither yes nor no",
		"ExecStart=/usr/bin/something": "no such key",
	} {
		_, err := unit.Load(files("b-a.service", "[Service]\nExecStart=/bin/true\n[X-BugSpark]\n"+key+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "b-a.service: [X-BugSpark]") {
			t.Errorf("%s: got %v, want %q", key, err, want)
		}
	}
}

func sprint(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return strings.TrimSuffix(fmt.Sprint(v), "\n")
}

func TestEveryServiceTellsOfItsFailureExceptTheAlert(t *testing.T) {
	for _, u := range shipped(t).Services() {
		want := []string{"bugspark-alert@%n.service"}
		if u.Name == "bugspark-alert@.service" {
			want = nil
		}
		if !slices.Equal(u.OnFailure, want) {
			t.Errorf("%s has OnFailure=%v", u.Name, u.OnFailure)
		}
	}
}

// systemd refuses the sixth start within ten seconds unless told otherwise. A job that
// is started so often is wanted, and one that nothing starts again cannot loop.
func TestJobsOfTheBackupsCanBeStartedInARow(t *testing.T) {
	for _, u := range shipped(t).Services() {
		if !strings.HasPrefix(u.Name, "bugspark-backup") {
			continue
		}
		if limit := u.Values("Unit", "StartLimitIntervalSec"); u.Service.Restart != "" || !slices.Equal(limit, []string{"0"}) {
			t.Errorf("%s has StartLimitIntervalSec=%v and Restart=%s", u.Name, limit, u.Service.Restart)
		}
	}
}

// A timer starts the service of its name, or the one that it names.
func TestWhatATimerStartsIsShipped(t *testing.T) {
	service := "[Service]\nExecStart=/usr/bin/bugspark x\n"
	for _, c := range []struct{ rule, timer, says string }{
		{"of its own name", "", ""},
		{"named, an instance of a template", "Unit=bugspark-t@x.service\n", ""},
		{"named, and not shipped", "Unit=bugspark-gone.service\n", "triggers bugspark-gone.service"},
		{"the last one counts", "Unit=bugspark-gone.service\nUnit=bugspark-a.service\n", ""},
	} {
		_, err := unit.Load(fstest.MapFS{
			"bugspark-a.service":  {Data: []byte(service)},
			"bugspark-t@.service": {Data: []byte(service)},
			"bugspark-a.timer":    {Data: []byte("[Timer]\nOnActiveSec=1\n" + c.timer)},
		})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}
