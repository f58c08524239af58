package storagegate

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// request is the examined part of a request, which MinIO gets.
type request struct {
	method string
	path   string // in the alphabet of keys, so raw and decoded are the same
	query  string
	header http.Header
	length int64
}

var (
	// key is an object's key as the product's object store makes them.
	key = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)

	// plainQuery is the alphabet of an encoded query.
	plainQuery = regexp.MustCompile(`^[A-Za-z0-9%&=+._~*-]*$`)
)

const (
	maxKey    = 512
	maxObject = 5 << 30 // what S3 takes in a single PUT
	maxBucket = 1 << 10 // the document that names a region
)

// listQuery tells the query keys of ListObjectsV2 that our client sends. MinIO's
// own "metadata" and "unsorted" are not among them.
func listQuery(name string) bool {
	switch name {
	case "continuation-token", "delimiter", "encoding-type", "fetch-owner", "list-type", "max-keys", "prefix", "start-after":
		return true
	}
	return false
}

// examine decides about a request by its start line and its headers.
func (g *Gate) examine(r *http.Request) (request, *refusal) {
	rest, refused := g.target(r)
	if refused != nil {
		return request{}, refused
	}
	limit, refused := verb(r.Method, rest, r.URL.RawQuery)
	if refused != nil {
		return request{}, refused
	}
	if refused := body(r, limit); refused != nil {
		return request{}, refused
	}
	header, refused := headers(r)
	if refused != nil {
		return request{}, refused
	}
	return request{
		method: r.Method, path: r.URL.Path, query: r.URL.RawQuery,
		header: header, length: r.ContentLength,
	}, nil
}

// target checks the path to the last character and returns the key, which is
// empty for the bucket itself.
func (g *Gate) target(r *http.Request) (string, *refusal) {
	// The request line itself, because net/http has decoded URL.Path. It must be a
	// path, not the whole URL that clients send to a proxy.
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	if raw != r.URL.Path || r.URL.RawPath != "" || r.URL.Fragment != "" {
		return "", refuse(codePath, "the path is not plain")
	}
	rest, ours := strings.CutPrefix(raw, "/"+g.bucket)
	if !ours || (rest != "" && rest[0] != '/') {
		return "", refuse(codePath, "not the bucket of this gate")
	}
	if rest == "" || rest == "/" {
		return "", nil
	}
	rest = rest[1:]
	if len(rest) > maxKey || !key.MatchString(rest) {
		return "", refuse(codePath, "not a key of the product")
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == "." || part == ".." {
			return "", refuse(codePath, "not a key of the product")
		}
	}
	return rest, nil
}

// verb refuses methods that the product does not use, and returns the largest body.
func verb(method, key, query string) (limit int64, refused *refusal) {
	if key == "" && method == http.MethodGet {
		return 0, listing(query)
	}
	// Sub-resources, multipart uploads, Select, versions and signatures in the
	// query all need a query; POST policies and STS need POST.
	if query != "" {
		return 0, refuse(codeQuery, "this request has no query")
	}
	switch {
	case key == "" && method == http.MethodHead:
	case key == "" && method == http.MethodPut:
		return maxBucket, nil
	case key != "" && method == http.MethodPut:
		return maxObject, nil
	case key != "" && slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodDelete}, method):
	default:
		return 0, refuse(codeVerb, "not a verb of the product here")
	}
	return 0, nil
}

func listing(query string) *refusal {
	values, err := url.ParseQuery(query)
	if err != nil || !plainQuery.MatchString(query) {
		return refuse(codeQuery, "the query is malformed")
	}
	for name, given := range values {
		if !listQuery(name) || len(given) != 1 {
			return refuse(codeQuery, "not a query of the product")
		}
	}
	if values.Get("list-type") != "2" {
		return refuse(codeQuery, "not a query of the product")
	}
	return nil
}

func body(r *http.Request, limit int64) *refusal {
	switch {
	// A body of unknown length comes in chunks, and only chunks have trailers.
	case r.ContentLength < 0, len(r.TransferEncoding) > 0, len(r.Trailer) > 0:
		return refuse(codeBody, "the length of the body is not given")
	case r.ContentLength > limit:
		return refuse(codeBody, "the body is too long")
	}
	return nil
}
