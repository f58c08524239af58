package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// benchIngest measures durable report ingestion through TLS against pgbench
// inserting the same payload as bare rows, on the same PostgreSQL server, in
// alternating rounds.
func benchIngest(ctx context.Context, w io.Writer, binary string) error {
	const rounds, seconds, connections = 3, 8, 16
	s, err := startStack(ctx, binary)
	if err != nil {
		return err
	}
	defer s.stop()
	key, err := s.project()
	if err != nil {
		return err
	}
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	script := filepath.Join(s.dir, "report.lua")
	if err := os.WriteFile(script, []byte(reportLua(key)), 0o644); err != nil {
		return err
	}
	insert := filepath.Join(s.dir, "insert.sql")
	// A parameter rather than a literal, which would be sent only once, when the
	// statement is prepared.
	if err := os.WriteFile(insert, []byte("INSERT INTO bench_rows (body) VALUES (:body);\n"), 0o644); err != nil {
		return err
	}
	socket := socketDir(s.dir)
	if out, err := asPostgres(ctx, s.dir, filepath.Join(bin, "psql"), "-h", socket, "-U", "postgres", "-d", "postgres", "-c",
		"CREATE TABLE bench_rows (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), body jsonb)"); err != nil {
		return fmt.Errorf("making the peer's table: %w: %s", err, out)
	}
	var ratios []float64
	for range rounds {
		out, err := exec.CommandContext(ctx, "wrk", "-t2", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds),
			"--latency", "-s", script, s.base+"/api/v1/reports").CombinedOutput()
		if err != nil {
			return fmt.Errorf("wrk: %w: %s", err, out)
		}
		ours, err := number(out, `created per second: ([\d.]+)`)
		if err != nil {
			return err
		}
		p99, err := number(out, `99%\s+([\d.]+)`)
		if err != nil {
			return err
		}
		out, err = asPostgres(ctx, s.dir, filepath.Join(bin, "pgbench"), "-n", "-M", "prepared", fmt.Sprintf("-c%d", connections), "-j2",
			fmt.Sprintf("-T%d", seconds), "-D", "body="+payload("bench"), "-f", insert, "-h", socket, "-U", "postgres", "postgres")
		if err != nil {
			return fmt.Errorf("pgbench: %w: %s", err, out)
		}
		peer, err := number(out, `tps = ([\d.]+)`)
		if err != nil {
			return err
		}
		ratios = append(ratios, ours/peer)
		fmt.Fprintf(w, "ingest   %6.0f reports/s through TLS (p99 %.1f)   pgbench %6.0f rows/s   ratio %.2f\n", ours, p99, peer, ours/peer)
	}
	slices.Sort(ratios)
	fmt.Fprintf(w, "ingest   ratio to pgbench, median of %d: %.2f (aim >= 1.0)\n", rounds, ratios[len(ratios)/2])
	return nil
}

// payload is one report of about 8 KB, as the widget sends them.
func payload(title string) string {
	var console, network strings.Builder
	for i := range 30 {
		if i > 0 {
			console.WriteByte(',')
			network.WriteByte(',')
		}
		fmt.Fprintf(&console, `{"level":"%s","message":"request %d to the orders service took %d ms and answered with state %x","timestamp":%d}`,
			[]string{"log", "warn", "error"}[i%3], i, i*37%900, i*7919*7919, 1760000000000+i*731)
		fmt.Fprintf(&network, `{"method":"GET","url":"https://shop.example.org/api/orders/%d?page=%d","status":%d,"duration":%d,"timestamp":%d}`,
			i*104729, i, []int{200, 304, 500}[i%3], i*53%700, 1760000000000+i*977)
	}
	return fmt.Sprintf(`{"title":"%s","description":"%s","severity":"high","category":"bug","reporter_identifier":"ann@example.org",`+
		`"console_logs":[%s],"network_logs":[%s],"user_actions":[],"metadata":{"url":"https://shop.example.org/cart","userAgent":"Mozilla/5.0","viewport":{"width":1280,"height":720}}}`,
		title, strings.Repeat("The total does not match what the cart said before. ", 20), console.String(), network.String())
}

// reportLua makes wrk send reports that all differ, because an identical one
// would be answered with the report stored already.
func reportLua(key string) string {
	before, after, _ := strings.Cut(payload("\x00"), "\x00")
	return `local before, after = [==[` + before + `]==], [==[` + after + `]==]
local headers = {["Content-Type"] = "application/json", ["X-API-Key"] = "` + key + `"}
local threads = {}
function setup(thread) thread:set("id", #threads); table.insert(threads, thread) end
function init() n = 0; created = 0; math.randomseed(os.time() + id); run = math.random(1, 1000000000) end
function request()
  n = n + 1
  return wrk.format("POST", nil, headers, before .. "report " .. run .. "-" .. id .. "-" .. n .. after)
end
function response(status) if status == 201 then created = created + 1 end end
function done(summary)
  local all = 0
  for _, thread in ipairs(threads) do all = all + thread:get("created") end
  print(string.format("created per second: %.1f", all / (summary.duration / 1e6)))
  local e = summary.errors
  print("refused: " .. (summary.requests - all) .. ", socket errors: " .. (e.connect + e.read + e.write + e.timeout))
end
`
}

// asPostgres runs a client as the account that owns the measured cluster.
func asPostgres(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	info, err := os.Stat(filepath.Join(dir, "state", "postgres"))
	if err != nil {
		return nil, err
	}
	if st := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 && st.Uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: st.Uid, Gid: st.Gid}}
	}
	return cmd.CombinedOutput()
}

// socketDir is where the stack's PostgreSQL listens.
func socketDir(dir string) string { return filepath.Join(dir, "run", "postgresql") }
