package storagegate

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// forwardedHeaders are the headers that MinIO gets; the signature must cover each
// one that is present. Of the other headers, harmless ones are dropped and dangerous
// ones are refused.
func forwardedHeaders() []string {
	return []string{"Content-Md5", "Content-Type", "X-Amz-Content-Sha256", "X-Amz-Date"}
}

// required must be in every signature.
func required() []string { return []string{"host", "x-amz-content-sha256", "x-amz-date"} }

var (
	authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[A-Za-z0-9._-]{3,128}/([0-9]{8})/[a-z0-9-]{1,32}/s3/aws4_request, ?` +
		`SignedHeaders=([a-z0-9-]+(?:;[a-z0-9-]+)*), ?Signature=[0-9a-f]{64}$`)
	timestamp = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z$`)
	digest    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// headers checks the signature's form and returns the headers for MinIO.
func headers(r *http.Request) (http.Header, *refusal) {
	for name, values := range r.Header {
		if dangerous(name) && !slices.Contains(forwardedHeaders(), name) {
			return nil, refuse(codeHeader, "not a header of the product")
		}
		if len(values) != 1 && (slices.Contains(forwardedHeaders(), name) || name == "Authorization") {
			return nil, refuse(codeHeader, "a header is given twice")
		}
	}
	credentials := r.Header.Get("Authorization")
	if credentials == "" {
		return nil, refuse(codeSignature, "the request is not signed")
	}
	parts := authorization.FindStringSubmatch(credentials)
	if parts == nil {
		return nil, refuse(codeSignature, "the request is not signed by header with AWS4-HMAC-SHA256")
	}
	when := r.Header.Get("X-Amz-Date")
	if !timestamp.MatchString(when) || !strings.HasPrefix(when, parts[1]) {
		return nil, refuse(codeSignature, "the time of the signature is malformed")
	}
	signed := strings.Split(parts[2], ";")
	for _, name := range required() {
		if !slices.Contains(signed, name) {
			return nil, refuse(codeSignature, "the signature does not cover "+name)
		}
	}
	if refused := payload(r); refused != nil {
		return nil, refused
	}
	out := http.Header{"Authorization": {credentials}}
	for _, name := range forwardedHeaders() {
		value := r.Header.Get(name)
		if value == "" {
			continue
		}
		if !slices.Contains(signed, strings.ToLower(name)) {
			return nil, refuse(codeSignature, "the signature does not cover "+strings.ToLower(name))
		}
		out.Set(name, value)
	}
	// A signature over a header that is not passed on could not be verified.
	for _, name := range signed {
		if name != "host" && out.Get(name) == "" {
			return nil, refuse(codeSignature, "the signature covers a header that is not of the product or not there")
		}
	}
	return out, nil
}

// payload requires that the signature covers the body's hash. The words that S3
// allows in place of a hash (STREAMING-..., UNSIGNED-PAYLOAD-TRAILER) are refused,
// except that a request without a body may be UNSIGNED-PAYLOAD.
func payload(r *http.Request) *refusal {
	sum := r.Header.Get("X-Amz-Content-Sha256")
	if digest.MatchString(sum) || (sum == "UNSIGNED-PAYLOAD" && r.ContentLength == 0) {
		return nil
	}
	return refuse(codeBody, "the body is not covered by the signature")
}

// dangerous headers mean something to S3 or MinIO: metadata, copy sources,
// replication, archives to unpack, ACLs, encryption, session tokens, and the
// ranges and conditions that our client does not use.
func dangerous(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "x-amz") || strings.HasPrefix(name, "x-minio") || strings.Contains(name, "_") ||
		strings.HasPrefix(name, "if-") || slices.Contains([]string{
		"range", "trailer", "te", "upgrade", "content-encoding",
		"x-http-method-override", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded",
	}, name)
}
