package pgcluster

import (
	"fmt"
	"strings"
)

// setting is one line of postgresql.conf with its reason.
type setting struct{ name, value, why string }

type settings []setting

// String is the settings as a configuration file.
func (s settings) String() string {
	var b strings.Builder
	for _, line := range s {
		if line.why != "" {
			fmt.Fprintf(&b, "# %s\n", line.why)
		}
		fmt.Fprintf(&b, "%s = %s\n", line.name, quote(line.value))
	}
	return b.String()
}

const mib = 1 << 20

// machine is what the settings depend on.
type machine struct {
	major     int
	memory    uint64 // bytes
	lz4       bool   // the server was built with it
	sharedMiB int    // 0 means a quarter of memory
	pool      int    // connections the API keeps
	disk      int64  // bytes of the file system that holds the WAL
}

// tune chooses settings for a server that shares its machine with the rest of
// the stack.
func tune(m machine) settings {
	memoryMiB, sharedMiB := int(m.memory/mib), m.sharedMiB
	if sharedMiB == 0 {
		sharedMiB = clamp(memoryMiB/4, 64, 4096)
	}
	wal, toast := "on", "pglz"
	if m.lz4 {
		wal, toast = "lz4", "lz4"
	}
	connections := m.pool + 20 // migrations, setup, backups and an administrator come on top
	s := settings{
		{"max_connections", fmt.Sprint(connections), "database.pool and a reserve"},
		{"unix_socket_permissions", "0777", "the directory is what keeps strangers out, and peer authentication who is who"},
		{"shared_buffers", mb(sharedMiB), "database.shared_buffers_mib"},
		{"effective_cache_size", mb(max(sharedMiB, memoryMiB/2)), "the page cache is shared with the rest of the stack"},
		{"work_mem", mb(clamp(memoryMiB/4/connections, 4, 64)), ""},
		{"maintenance_work_mem", mb(clamp(memoryMiB/16, 64, 1024)), ""},
		{"jit", "off", "needs memory that is writable and executable, which the unit forbids; our queries are short"},
		{"random_page_cost", "1.1", "solid state disks"},
		{"effective_io_concurrency", "16", ""},

		{"wal_level", "replica", "backups archive the WAL"},
		{"max_wal_senders", "4", ""},
		{"max_replication_slots", "4", ""},
		{"wal_compression", wal, "page images are most of the WAL after a checkpoint"},
		{"checkpoint_timeout", "15min", "fewer page images; recovery after a crash stays under a minute"},
		{"max_wal_size", mb(maxWALMiB(m.disk)), "a tenth of the disk at most"},
		{"min_wal_size", mb(min(160, maxWALMiB(m.disk))), ""},
		{boundSetting, mb(slotBoundMiB(m.disk)), "what backups may keep while their target is away: a fifth of the disk at most, so that the database goes on"},
		{"default_toast_compression", toast, ""},

		{"log_destination", "stderr", "the journal keeps it, with time and process"},
		{"logging_collector", "off", ""},
		{"log_line_prefix", "%q%u@%d ", ""},
		{"log_error_verbosity", "terse", "the details of an error quote rows, which may be personal data"},
		{"log_parameter_max_length", "0", "so may parameters"},
		{"log_lock_waits", "on", ""},
		{"log_checkpoints", "on", ""},
		{"log_timezone", "UTC", ""},
		{"timezone", "UTC", ""},

		{"idle_in_transaction_session_timeout", "10min", "a forgotten transaction keeps vacuum from its work"},
		{"cluster_name", "bugspark", "seen in the list of processes"},
		{"lc_messages", "C.UTF-8", ""},
		{"lc_monetary", "C.UTF-8", ""},
		{"lc_numeric", "C.UTF-8", ""},
		{"lc_time", "C.UTF-8", ""},
	}
	if m.major >= 18 {
		s = append(s, setting{"io_method", "worker", "io_uring is outside the unit's system calls"})
	}
	return s
}

// boundSetting is how much WAL the server keeps for a replication slot.
const boundSetting = "max_slot_wal_keep_size"

// slotBoundMiB is a fifth of a disk, between four segments and 10 GiB.
func slotBoundMiB(disk int64) int { return clamp(int(disk/5/mib), 64, 10<<10) }

// maxWALMiB is a tenth of a disk, between four segments and 2 GiB. PostgreSQL may
// have as much WAL again on top of what it keeps for a slot.
func maxWALMiB(disk int64) int { return clamp(int(disk/10/mib), 64, 2<<10) }

func mb(n int) string { return fmt.Sprintf("%dMB", n) }

func clamp(n, low, high int) int { return min(max(n, low), high) }
