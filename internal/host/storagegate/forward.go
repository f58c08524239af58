package storagegate

import (
	"io"
	"net/http"
	"net/url"
)

// forward makes the admitted request to MinIO and streams the answer back.
func (g *Gate) forward(w http.ResponseWriter, r *http.Request, admitted request) {
	out := (&http.Request{
		Method:        admitted.method,
		URL:           &url.URL{Scheme: "http", Host: g.upstream, Path: admitted.path, RawQuery: admitted.query},
		Host:          r.Host, // the signature covers it
		Header:        admitted.header,
		ContentLength: admitted.length,
	}).WithContext(r.Context())
	if admitted.length > 0 {
		out.Body = r.Body
	}
	// Without an entry net/http would add its own.
	out.Header["User-Agent"] = nil

	resp, err := g.transport.RoundTrip(out)
	if err != nil {
		if r.Context().Err() != nil {
			return // the client went away
		}
		g.log.Error("MinIO does not answer", "error", err)
		unavailable := refusal{http.StatusServiceUnavailable, codeUnavailable, "MinIO does not answer"}
		unavailable.write(w, r)
		return
	}
	defer resp.Body.Close()
	// These are between MinIO and the gate.
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		resp.Header.Del(name)
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, resp.Body); err != nil {
		// The status is sent already, so only a broken connection tells the client
		// that the object is incomplete.
		panic(http.ErrAbortHandler)
	}
}
