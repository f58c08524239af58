package houserules

import (
	"slices"
	"strings"
	"testing"
)

// layer says what the packages below a directory may import of ours, and why
// nothing else. The longest matching directory rules.
type layer struct {
	dir string
	may []string
	why string
}

func layers() []layer {
	ground := []string{"internal/config", "internal/fault", "internal/lifecycle", "internal/durable", "internal/quantity"}
	with := func(more ...string) []string { return append(slices.Clone(ground), more...) }
	storage := []string{"internal/backup", "internal/pgcluster", "internal/objectstore"}
	return []layer{
		{"cmd", []string{"internal/cli"}, "main holds signals and the exit status, nothing that needs a test"},
		{"cmd/bugspark-license", []string{"internal/license/command"}, "main holds the exit status, nothing that needs a test"},
		{"internal/cli", []string{"internal", "migrations", "systemd"}, ""},
		{"internal/assembly", with("internal", "migrations", "systemd"), "it wires packages and prints nothing"},
		{"internal/manual", []string{"internal/cli", "internal/config"}, "the manual is written by the program itself"},
		{"internal/bench", []string{"internal", "migrations", "systemd"}, ""},

		{"internal/config", []string{"internal/fault"}, "every package reads settings, so settings may read no package"},
		{"internal/fault", nil, "every package makes faults, so faults may use no package"},
		{"internal/durable", []string{"internal/fault"}, "files and locks are the same whatever is in them"},
		{"internal/quantity", nil, "it turns numbers into text"},
		{"internal/terminal", nil, "it makes text printable, whoever wrote it"},
		{"internal/progress", []string{"internal/quantity", "internal/terminal", "internal/backup", "internal/host/setup"}, "it shows what others do, and does nothing"},
		{"internal/lifecycle", []string{"internal/fault"}, "every service starts and stops the same way, whatever it serves"},

		{"internal/host/unit", with("systemd"), "the unit set knows none of its consumers"},
		{"internal/host/systemd", with("internal/host/unit", "systemd"), "consumers of the unit set do not know each other"},
		{"internal/host/foreground", with("internal/host/unit", "internal/terminal"), "consumers of the unit set do not know each other"},
		{"internal/host/account", with(), "accounts are the operating system's, whatever runs in them"},
		{"internal/host/setup", with("internal/host/unit", "internal/host/account", "internal/backup", "systemd"), "setup is handed the service manager, the CA and the checks"},
		{"internal/host/preflight", with(append(storage, "internal/host/unit", "internal/host/account", "internal/host/minio", "internal/host/setup")...), "a check looks at the machine and changes nothing, so it needs no service manager"},
		{"internal/host/health", with("internal/host/unit", "internal/host/account", "internal/host/setup"), "health asks the running services, as a client would"},
		{"internal/host/minio", with("internal/host/storagegate"), "MinIO listens where the gate asks, and needs nothing else of the other services"},
		{"internal/host/restore", with(append(storage, "internal/host")...), "a restore exchanges data on the machine; of the tables it knows only what backup declares"},
		{"internal/host/exchange", with(), "the exchange is handed the service manager"},
		{"internal/host/supervisor", with("internal/host/unit"), "the supervisor runs as root, so it holds few verbs and is handed the service manager"},
		{"internal/host/storagegate", with(), "the gate knows S3's verbs, nothing of ours"},

		{"internal/tracker", nil, "the words and rules of the product need nothing but the standard library"},
		{"internal/tracker/httpapi", with("internal/tracker", "internal/tracker/password", "internal/objectstore"), "the store is handed in, so that the contract is not written for one database"},
		{"internal/tracker/postgres", with("internal/tracker", "internal/tracker/postgres", "migrations"), "the store does not know who asks"},
		{"internal/tracker/cleanup", with("internal/tracker", "internal/objectstore"), "cleaning up works on interfaces, so that a test can lose a race on purpose"},
		{"internal/tracker/probe", with("internal/tracker", "internal/objectstore"), "the probe answers for a restored database, wherever it was restored"},
		{"internal/tracker/asset", nil, "it serves files, whatever is in them"},
		{"internal/tracker/dashboard", with("internal/tracker/asset"), "the dashboard's server serves files"},
		{"internal/tracker/widget", with("internal/tracker/asset"), "the widget's server serves files; who may see the page to try it on is httpapi's"},
		{"internal/tracker/password", nil, "hashing needs nothing of ours"},

		{"internal/backup", with("internal/backup/repository", "internal/backup/archive", "internal/backup/target", "internal/backup/scratch", "internal/pgcluster", "internal/objectstore"), "a set is made of a cluster and a store; who starts it stands above"},
		{"internal/backup/job", with(storage...), "a job returns a result; who prints it and who schedules it stand above"},
		{"internal/backup/health", with("internal/backup"), "health judges what the jobs wrote down, and starts none"},
		{"internal/backup/history", with("internal/backup", "internal/backup/target", "internal/backup/archive"), "history is read by every job, so it may start none"},
		{"internal/backup/writer", with(), "who may write the archive is known where there is none"},
		{"internal/backup/kit", with("internal/backup/target", "internal/backup/writer", "internal/backup/rescue"), "the recovery kit must be readable where no database and no set is"},
		{"internal/backup/repository", with("internal/backup/target"), "kopia stays behind one package"},
		{"internal/backup/target", with(), "a target keeps files, whatever is in them"},
		{"internal/backup/target/targettest", with("internal/backup/target", "internal/objectstore/storetest"), "servers that targets are tested against"},
		{"internal/backup/scratch", with("internal/pgcluster"), "the process that runs what was restored knows no target and no key"},
		{"internal/backup/rescue", with("internal/backup/target"), "plain files that need nothing of ours"},
		{"internal/backup/archive", with("internal/objectstore", "internal/backup/target", "internal/backup/writer"), "the archive can be read with age and zstd alone"},

		{"internal/license", []string{"internal/fault"}, "a licence is checked without a network, a database or a setting"},
		{"internal/license/issuer", []string{"internal/license"}, "the vendor signs what a customer's machine checks"},
		{"internal/license/command", []string{"internal/license", "internal/fault"}, "the vendor's tool knows nothing of an installation"},
		{"internal/alert", with(), "the way to people is the same for every service that failed"},
		{"internal/proxy", with("internal/proxy"), "the proxy knows sockets, not what is behind them"},
		{"internal/pgcluster", with(), "a cluster runs whatever tables it has"},
		{"internal/objectstore", with("internal/objectstore"), "a store keeps objects, whoever owns them"},
		{"internal/browser", nil, "the test harness tests the product from outside"},
		{"internal/machine", with(), "the test harness tests the product from outside"},
		{"internal/houserules", nil, "rules that import what they judge would have to build before they can complain"},
		{"packaging", with("internal/machine", "internal/cli"), "machine tests use the installed package"},
		{"migrations", nil, "plain files"},
		{"systemd", nil, "plain files"},
	}
}

func below(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// ruleFor returns the rule of a package; nil when none was written.
func ruleFor(all []layer, pkg string) *layer {
	var rule *layer
	for i := range all {
		if below(pkg, all[i].dir) && (rule == nil || len(all[i].dir) > len(rule.dir)) {
			rule = &all[i]
		}
	}
	return rule
}

func TestImportsFollowTheLayers(t *testing.T) {
	all := layers()
	for _, s := range sources(t) {
		if s.test {
			continue // tests may wire what they test
		}
		rule := ruleFor(all, s.pkg)
		if rule == nil {
			t.Errorf("%s: no rule says what %s may import; add it here and to docs/architecture.md", s.path, s.pkg)
			continue
		}
		for _, imported := range s.imports {
			if imported != s.pkg && !slices.ContainsFunc(rule.may, func(dir string) bool { return below(imported, dir) }) {
				t.Errorf("%s imports %s: %s", s.path, imported, rule.why)
			}
		}
	}
}

// A package of host or backup without a rule of its own would take the rule of
// its parent directory, which was not written for it.
func TestEveryPackageHasARuleOfItsOwn(t *testing.T) {
	all := layers()
	for _, s := range sources(t) {
		rule := ruleFor(all, s.pkg)
		if s.test || rule == nil || !(below(s.pkg, "internal/host") || below(s.pkg, "internal/backup") || below(s.pkg, "internal/tracker")) {
			continue
		}
		if rule.dir != s.pkg && rule.dir != "internal/tracker/postgres" {
			t.Errorf("%s: %s has no rule of its own; %s is another package", s.path, s.pkg, rule.dir)
		}
	}
}

// direction is an import that no rule of a single package may allow.
type direction struct{ from, to, why string }

func directions() []direction {
	return []direction{
		{"internal/tracker/httpapi", "internal/tracker/postgres", "the store is handed in, so that the contract is not written for one database"},
		{"internal/tracker", "internal/host", "tracker is the product and runs on any machine; assembly brings the two together"},
		{"internal/host", "internal/tracker", "host is the machine and must not change when a table does; assembly brings the two together"},
		{"internal/tracker", "internal/backup", "the product must not know how it is saved; backup declares what it needs and the store satisfies it"},
		{"internal/backup", "internal/host", "sets are made and judged the same with and without systemd"},
		{"internal/backup", "internal/tracker", "a new table must not need a change of the backups; backup declares an interface"},
		{"internal/pgcluster", "internal/backup", "a cluster runs whether anybody copies it or not"},
		{"internal/objectstore", "internal/backup", "a store works whether anybody copies it or not"},
		{"internal/proxy", "internal/host", "the proxy faces the network and gets nothing that acts on the machine"},
		{"internal/proxy", "internal/tracker", "the proxy faces the network and gets nothing that reads reports"},
		{"internal/alert", "internal/backup", "alerts tell of every service"},
		{"internal", "internal/cli", "what prints stands on top; whoever needs a command's work calls the package below it"},
		{"internal/cli", "internal/license/issuer", "what signs is the vendor's, and no customer's program holds it"},
		{"internal/cli", "internal/license/command", "what signs is the vendor's, and no customer's program holds it"},
		{"internal/assembly", "internal/license/issuer", "what signs is the vendor's, and no customer's program holds it"},
		{"internal", "internal/assembly", "parts are handed in; a package that builds its own cannot be tested with others"},
	}
}

func TestNoImportGoesUpOrAcross(t *testing.T) {
	// The manual and the measurements use the program as a whole.
	above := []string{"internal/cli", "internal/assembly", "internal/manual", "internal/bench"}
	for _, s := range sources(t) {
		if s.test && strings.HasSuffix(s.file.Name.Name, "_test") || slices.ContainsFunc(above, func(dir string) bool { return s.pkg == dir }) {
			continue // a test outside its package may wire what it tests
		}
		for _, imported := range s.imports {
			for _, d := range directions() {
				if below(s.pkg, d.from) && below(imported, d.to) && !below(s.pkg, d.to) {
					t.Errorf("%s imports %s: %s", s.path, imported, d.why)
				}
			}
		}
	}
}
