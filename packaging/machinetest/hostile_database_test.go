package machinetest

import (
	"strings"
	"testing"
)

// steal is what code of a database does that wants to leave: it notes who it is, and looks
// for keys and a network. It writes wherever an account of ours may write.
const steal = `#!/bin/bash
read -r -t 1 row # COPY fails where its program ends before it has read
for at in scratch backup postgres; do
	{ echo "$1 runs as $(id -un)"
	  cat /run/credentials/*/* /etc/bugspark/credentials/* && echo KEYS
	  exec 3<>/dev/tcp/127.0.0.1/443 && echo NETWORK
	  test -S /run/bugspark/supervisor.sock && echo SOCKETS
	} >>/var/lib/bugspark/$at/traces 2>/dev/null
done
exit 0
`

// plant is run by whoever was superuser of the database once. COPY runs a program, an index
// has an expression that amcheck computes again, and triggers run on DDL and on login.
const plant = `
CREATE FUNCTION public.steal(what text) RETURNS void SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'bash /usr/local/lib/steal ' || what); END $$;
CREATE FUNCTION public.computed(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('index'); RETURN n; END $$;
CREATE TABLE public.bait (n int);
INSERT INTO public.bait VALUES (1);
CREATE INDEX ON public.bait (public.computed(n));
CREATE FUNCTION public.on_ddl() RETURNS event_trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('ddl'); END $$;
CREATE FUNCTION public.on_login() RETURNS event_trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('login'); END $$;
CREATE EVENT TRIGGER stealing ON ddl_command_start EXECUTE FUNCTION public.on_ddl();
ALTER EVENT TRIGGER stealing ENABLE ALWAYS;
CREATE EVENT TRIGGER stealing_at_login ON login EXECUTE FUNCTION public.on_login();
ALTER EVENT TRIGGER stealing_at_login ENABLE ALWAYS;
ALTER ROLE bugspark SET session_preload_libraries = 'auto_explain';
ALTER ROLE postgres SET session_preload_libraries = 'auto_explain';
ALTER SYSTEM SET recovery_end_command = 'bash /usr/local/lib/steal recovery-end';
ALTER SYSTEM SET archive_cleanup_command = 'bash /usr/local/lib/steal cleanup';
ALTER SYSTEM SET archive_command = 'bash /usr/local/lib/steal archive';
`

const asPostgres = `cd /; setpriv --reuid=bugspark-postgres --regid=bugspark-postgres --clear-groups `

// TestAHostileDatabaseFindsNoKeys holds drills of a database whose superuser wants the keys
// of the backups, and restores it.
func TestAHostileDatabaseFindsNoKeys(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	s := setUpWith(t, m, "")
	if _, err := s.report("the only one", ""); err != nil {
		t.Fatal(err)
	}
	firstSet(t, m)
	m.Write(t, "/usr/local/lib/steal", steal)
	m.Write(t, "/root/plant.sql", plant)
	m.Shell(t, "chmod 755 /usr/local/lib/steal; "+asPostgres+"psql -q -v ON_ERROR_STOP=1 -h /run/bugspark/postgresql -U postgres bugspark </root/plant.sql")
	m.Run(t, "bugspark", "backup", "create")
	archived(t, m)
	m.Shell(t, "rm -f /var/lib/bugspark/*/traces")

	m.Run(t, "systemctl", "start", "bugspark-backup-drill.service")
	traces, _ := m.Try("cat", "/var/lib/bugspark/scratch/traces")
	t.Logf("in the drill ran:\n%s", traces)
	if !strings.Contains(traces, "index runs as bugspark-scratch") {
		t.Error("the index did not run, and the test proves nothing")
	}
	for _, part := range []string{"ddl", "login runs", "recovery-end", "cleanup", "archive runs", "KEYS", "AGE-SECRET-KEY", "NETWORK", "SOCKETS", "bugspark-backup"} {
		if strings.Contains(traces, part) {
			t.Errorf("the code of the database got to %q", part)
		}
	}
	if out, status := m.Try("cat", "/var/lib/bugspark/backup/traces"); status == 0 {
		t.Errorf("it ran with the keys:\n%s", out)
	}
	if r, status := drill(t, m); !r.Passed || status != 0 || r.Rows["reports"] != 1 {
		t.Errorf("a drill on demand: %d, %+v", status, r)
	}
	said := m.Shell(t, "journalctl -u bugspark-scratch.service --no-pager")
	for _, part := range []string{"switched off", "event trigger: stealing", "session_preload_libraries"} {
		if !strings.Contains(said, part) {
			t.Errorf("the journal does not say %q:\n%s", part, said)
		}
	}

	m.Shell(t, "rm -f /var/lib/bugspark/*/traces")
	m.Run(t, "bugspark", "restore", "--set", "latest", "--yes")
	for _, at := range []string{"postgres", "backup", "scratch"} {
		traces, _ := m.Try("cat", "/var/lib/bugspark/"+at+"/traces")
		for _, part := range []string{"KEYS", "AGE-SECRET-KEY", "runs as root", "recovery-end", "bugspark-backup"} {
			if strings.Contains(traces, part) {
				t.Errorf("in the restore it got to %q:\n%s", part, traces)
			}
		}
	}
	m.Run(t, "bugspark", "restore", "undo", "--yes")
	healthy(t, m)
}
