package widget

import (
	"fmt"
	"html"
)

// Snippet is what a page needs to show the widget. The script finds its server by its own
// address. Pinned, it names this version and its hash, so that the page runs what was
// looked at, whatever the server serves later. With crossorigin, browsers tell the page of
// errors that pass through the widget.
func (s *Widget) Snippet(origin, key string, pin bool) string {
	origin, key = html.EscapeString(origin), html.EscapeString(key)
	if !pin {
		return fmt.Sprintf("<script async crossorigin src=\"%s/widget.js\"\n  data-project-key=\"%s\"></script>", origin, key)
	}
	return fmt.Sprintf("<script async crossorigin src=\"%s/%s\"\n  integrity=\"%s\"\n  data-project-key=\"%s\"></script>",
		origin, pinned(s.version), s.integrity, key)
}

// Policy are the directives that a page's Content-Security-Policy needs for the widget.
func Policy(origin string) []string {
	return []string{"script-src " + origin, "connect-src " + origin, "img-src " + origin}
}
