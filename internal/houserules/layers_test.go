package houserules

import (
	"slices"
	"strings"
	"testing"
)

// room says what the packages below a directory may import of ours, and why.
// The longest matching directory rules.
type room struct {
	dir string
	may []string
	why string
}

func rooms() []room {
	ground := []string{"internal/config", "internal/fault", "internal/lifecycle"}
	with := func(more ...string) []string { return append(slices.Clone(ground), more...) }
	return []room{
		{"cmd", []string{"internal/cli"}, "main is a page: signals and exit status"},
		{"internal/cli", []string{"internal", "migrations", "systemd"}, ""},
		{"internal/manual", []string{"internal/cli", "internal/config"}, "the manual is written by the program itself"},
		{"internal/bench", []string{"internal", "migrations", "systemd"}, ""},
		{"internal/config", []string{"internal/fault"}, "the ground floor carries, it does not climb"},
		{"internal/fault", nil, "the ground floor carries, it does not climb"},
		{"internal/lifecycle", []string{"internal/fault"}, "the ground floor carries, it does not climb"},
		{"internal/host/unit", with("systemd"), "the unit set knows none of its consumers"},
		{"internal/host/systemd", with("internal/host/unit", "systemd"), "consumers of the unit set are strangers to each other"},
		{"internal/host/foreground", with("internal/host/unit"), "consumers of the unit set are strangers to each other"},
		{"internal/host/setup", with("internal/host/unit", "internal/backup", "internal/backup/kit", "internal/backup/target"), "setup is handed the service manager, the CA and the checks by cli"},
		{"internal/host/supervisor", with("internal/host/unit"), "the supervisor is handed the service manager by cli"},
		{"internal/host/storagegate", with(), "the gate knows S3's verbs, nothing of ours"},
		{"internal/tracker", with("internal/tracker", "internal/objectstore", "migrations"), "the product knows nothing of the machine it runs on"},
		{"internal/tracker/httpapi", with("internal/tracker", "internal/tracker/password", "internal/objectstore"), "cli hands the store in, so that the contract is not written for one database"},
		{"internal/tracker/postgres", with("internal/tracker", "internal/tracker/postgres", "migrations"), "the store does not know who asks"},
		{"internal/tracker/dashboard", with(), "the dashboard's server serves files"},
		{"internal/tracker/password", nil, "a leaf"},
		{"internal/host/exchange", with(), "the exchange is handed the service manager by cli"},
		{"internal/host/account", with("internal/durable"), "accounts of the machine, whoever acts as them"},
		{"internal/alert", with(), "whoever failed, the way to people is the same"},
		{"internal/durable", nil, "a leaf"},
		{"internal/quantity", nil, "a leaf"},
		{"internal/backup", with("internal/backup/repository", "internal/backup/archive", "internal/backup/target", "internal/pgcluster", "internal/objectstore", "internal/durable", "internal/quantity"), "a set is made of a cluster and a store, whoever uses them"},
		{"internal/backup/job", with("internal/backup", "internal/pgcluster", "internal/objectstore", "internal/durable"), "jobs know everything of backups, and nothing of the machine or the product"},
		{"internal/backup/health", with("internal/backup/history", "internal/backup/kit", "internal/backup/target", "internal/durable", "internal/quantity"), "health judges what is remembered, and asks only the target"},
		{"internal/backup/history", with("internal/backup", "internal/backup/archive", "internal/backup/target", "internal/durable"), "the history is files, whoever writes them"},
		{"internal/backup/kit", with("internal/backup/target", "internal/durable"), "a page must be readable without any backup"},
		{"internal/backup/repository", with("internal/backup/target"), "kopia stays behind one border"},
		{"internal/backup/target", with("internal/durable"), "where files are and whose, whatever lies in them"},
		{"internal/backup/target/targettest", with("internal/backup/target", "internal/objectstore/storetest"), "servers for tests"},
		{"internal/backup/rescue", with("internal/backup/target"), "plain files that need nothing of ours"},
		{"internal/backup/archive", with("internal/objectstore", "internal/backup/target"), "the archive is read with age and zstd alone"},
		{"internal/proxy", with("internal/proxy"), "the proxy knows sockets, not what is behind them"},
		{"internal/pgcluster", with(), ""},
		{"internal/objectstore", with("internal/objectstore"), ""},
		{"internal/browser", nil, "the test harness tests the product from outside"},
		{"internal/machine", with(), "the test harness tests the product from outside"},
		{"internal/houserules", nil, ""},
		{"packaging", with("internal/machine", "internal/cli"), ""},
		{"migrations", nil, "plain files"},
		{"systemd", nil, "plain files"},
	}
}

func below(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

func TestImportsFollowTheRooms(t *testing.T) {
	all := rooms()
	for _, s := range sources(t) {
		if s.test {
			continue // tests may wire what they test
		}
		var rule *room
		for i := range all {
			if below(s.pkg, all[i].dir) && (rule == nil || len(all[i].dir) > len(rule.dir)) {
				rule = &all[i]
			}
		}
		if rule == nil {
			t.Errorf("%s: no room is declared for %s; add it here and to docs/architecture.md", s.path, s.pkg)
			continue
		}
		for _, imported := range s.imports {
			if imported == s.pkg || slices.ContainsFunc(rule.may, func(dir string) bool { return below(imported, dir) }) {
				continue
			}
			t.Errorf("%s imports %s: %s", s.path, imported, rule.why)
		}
	}
}

// Neither wing may know the other, whatever single rooms are allowed.
func TestTheWingsDoNotMeet(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			if (below(s.pkg, "internal/tracker") && below(imported, "internal/host")) ||
				(below(s.pkg, "internal/host") && below(imported, "internal/tracker")) {
				t.Errorf("%s imports %s: tracker is the product, host is the machine; they meet in cli", s.path, imported)
			}
		}
	}
}
