package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteSample writes bugspark.yaml with every setting commented out at its
// default, which is what the package installs and the manual shows.
func WriteSample(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# BugSpark configuration. Every setting is shown at its default; remove the # to change it,\n" +
		"# then run 'bugspark plan' to see what would change and 'bugspark apply' to do it.\n" +
		"# For 'bugspark up' each can also be an environment variable: server.name is BUGSPARK_SERVER_NAME.\n" +
		"# Secrets are not kept here but in /etc/bugspark/credentials/.\n")
	var open []string
	for _, s := range Settings() {
		parts := strings.Split(s.Key, ".")
		head := parts[:len(parts)-1]
		for depth := range head {
			if depth < len(open) && open[depth] == head[depth] {
				continue
			}
			if depth == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "#%s%s:\n", strings.Repeat("  ", depth), head[depth])
			open = append(open[:min(depth, len(open))], head[depth])
		}
		open = open[:len(head)]
		pad := strings.Repeat("  ", len(head))
		fmt.Fprintf(&b, "#%s# %s\n", pad, s.Doc)
		if accepts := s.Accepts(); accepts != "" {
			fmt.Fprintf(&b, "#%s# Accepts %s.\n", pad, accepts)
		}
		if with := s.OnlyWith(); with != "" {
			fmt.Fprintf(&b, "#%s# %s\n", pad, with)
		}
		fmt.Fprintf(&b, "#%s%s: %s\n", pad, parts[len(parts)-1], literal(s.Default))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
