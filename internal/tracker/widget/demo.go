package widget

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/bugspark/bugspark/internal/tracker/asset"
)

//go:embed demo
var demo embed.FS

// DemoPath is the page to try the widget on.
const DemoPath = "/widget/demo"

// demoPolicy is as strict as a page's policy can be: whatever works here works on
// every page.
const demoPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// readDemo returns the page and its files by path without the leading slash.
func readDemo() (map[string]*asset.Asset, error) {
	out := map[string]*asset.Asset{}
	for path, name := range map[string]string{"widget/demo": "index.html", "widget/demo.css": "demo.css", "widget/demo.js": "demo.js", "widget/demo.svg": "demo.svg"} {
		data, err := fs.ReadFile(demo, "demo/"+name)
		if err != nil {
			return nil, err
		}
		if out[path], err = asset.New(name, data, asset.NoCache); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func demoHeaders(h http.Header) {
	h.Set("Content-Security-Policy", demoPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
