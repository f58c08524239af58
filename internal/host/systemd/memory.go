package systemd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memoryOf is what a process and its descendants occupy, in bytes, for systems whose
// control groups do not tell: all of the first, and of the others what they do not share.
// 0: the process is gone, or /proc does not tell.
func memoryOf(pid uint32) uint64 {
	total := occupied(pid, "VmRSS:")
	for _, child := range children(pid) {
		total += unshared(child)
	}
	return total
}

// unshared is what a process and its descendants occupy alone.
func unshared(pid uint32) uint64 {
	total := occupied(pid, "RssAnon:")
	for _, child := range children(pid) {
		total += unshared(child)
	}
	return total
}

// occupied is a line of /proc/PID/status, which has kilobytes.
func occupied(pid uint32, line string) uint64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(l, line); ok {
			n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}

func children(pid uint32) []uint32 {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	var out []uint32
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(data)) {
			if n, err := strconv.ParseUint(word, 10, 32); err == nil {
				out = append(out, uint32(n))
			}
		}
	}
	return out
}
