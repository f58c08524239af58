package dashboard

import "net/http"

// policy is what the page may load and do. There is no nonce and no exception:
// styles come from files, pictures from our origin or from a blob the page made
// itself, and nothing comes from anywhere else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// permissions switches off every device and feature the page has no use for.
const permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), " +
	"microphone=(), midi=(), payment=(), usb=(), clipboard-write=(self), fullscreen=(self)"

// setHeaders puts the policy on every answer, errors included. X-Frame-Options
// repeats frame-ancestors for scanners that look only for it.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}
