package storagegate_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestForm sends what differs a little from our own client's requests. Nothing
// of it may reach MinIO, whether MinIO would mind or not.
func TestForm(t *testing.T) {
	t.Parallel()
	k := keys{"access", "secret"}
	get := k.sign("GET", "/bugspark/a/b.png", "")
	put := k.sign("PUT", "/bugspark/a/b.png", "body", "Content-Type: image/png")
	list := k.sign("GET", "/bugspark/?list-type=2&prefix=a%2F&encoding-type=url&delimiter=&fetch-owner=true", "")
	replaced := func(r rawRequest, name, line string) rawRequest { return r.without(name).with(line) }
	auth := func(r rawRequest) string {
		for _, line := range r.header {
			if value, ok := strings.CutPrefix(line, "Authorization: "); ok {
				return value
			}
		}
		panic("not signed")
	}
	reauth := func(r rawRequest, from, to string) rawRequest {
		changed := strings.Replace(auth(r), from, to, 1)
		if changed == auth(r) {
			panic("the change changes nothing: " + from)
		}
		return replaced(r, "Authorization", "Authorization: "+changed)
	}

	for code, requests := range map[string]map[string]rawRequest{
		"": { // the requests that the others are derived from do pass
			"get": get, "put": put, "list": list,
			"bucket":           k.sign("HEAD", "/bugspark/", ""),
			"bucket, no slash": k.sign("HEAD", "/bugspark", ""),
			"delete":           k.sign("DELETE", "/bugspark/a", ""),
			"make bucket":      k.signPayload("PUT", "/bugspark/", "", "UNSIGNED-PAYLOAD"),
		},
		"GateRefusedPath": {
			"root":                   get.at("/"),
			"empty":                  get.at("//bugspark/a"),
			"other bucket":           get.at("/other/a"),
			"longer bucket":          get.at("/bugspark2/a"),
			"shorter bucket":         get.at("/bugspar/a"),
			"upper case bucket":      get.at("/Bugspark/a"),
			"MinIO's meta bucket":    get.at("/.minio.sys/config/config.json"),
			"MinIO's own paths":      get.at("/minio/admin/v3/info"),
			"metrics":                get.at("/minio/v2/metrics/cluster"),
			"health":                 get.at("/minio/health/live"),
			"console":                get.at("/minio/login"),
			"double slash":           get.at("/bugspark//a"),
			"double slash inside":    get.at("/bugspark/a//b"),
			"slash at the end":       get.at("/bugspark/a/"),
			"dot":                    get.at("/bugspark/./a"),
			"dot dot":                get.at("/bugspark/../other/a"),
			"dot dot at the end":     get.at("/bugspark/a/.."),
			"encoded dot dot":        get.at("/bugspark/%2e%2e/other/a"),
			"encoded dot dot, upper": get.at("/bugspark/%2E%2E/other/a"),
			"encoded twice":          get.at("/bugspark/%252e%252e/other/a"),
			"encoded slash":          get.at("/bugspark/a%2fb"),
			"encoded bucket":         get.at("/%62ugspark/a"),
			"encoded NUL":            get.at("/bugspark/a%00"),
			"encoded letter":         get.at("/bugspark/%61"),
			"backslash":              get.at(`/bugspark/..\other`),
			"semicolon":              get.at("/bugspark/a;versionId=x"),
			"whole URL":              get.at("http://localhost/bugspark/a/b.png"),
			"whole URL of another":   get.at("http://127.0.0.1:9000/minio/admin/v3/info"),
			"star":                   {method: "OPTIONS", target: "*", header: get.header},
			"long key":               get.at("/bugspark/" + strings.Repeat("a", 513)),
			"fragment":               get.at("/bugspark/a#b"),
			"dir object":             get.at("/bugspark/a__XLDIR__/"),
		},
		"GateRefusedVerb": {
			"post":           k.sign("POST", "/bugspark/", ""),
			"post an object": k.sign("POST", "/bugspark/a", ""),
			"delete bucket":  k.sign("DELETE", "/bugspark/", ""),
			"patch":          k.sign("PATCH", "/bugspark/a", ""),
			"options":        k.sign("OPTIONS", "/bugspark/a", ""),
			"trace":          k.sign("TRACE", "/bugspark/a", ""),
			"form upload": rawRequest{method: "POST", target: "/bugspark", body: "--b--",
				header: []string{"Host: localhost", "Content-Type: multipart/form-data; boundary=b", "Content-Length: 5"}},
			"lower case": {method: "get", target: "/bugspark/a", header: get.header},
		},
		"GateRefusedQuery": {
			"list version 1":       k.sign("GET", "/bugspark/?prefix=a", ""),
			"list version 3":       k.sign("GET", "/bugspark/?list-type=3", ""),
			"list, no query":       k.sign("GET", "/bugspark/", ""),
			"list twice":           list.at("/bugspark/?list-type=2&list-type=2"),
			"two prefixes":         list.at("/bugspark/?list-type=2&prefix=a&prefix=b"),
			"list with policy":     list.at("/bugspark/?list-type=2&policy"),
			"list with upper case": list.at("/bugspark/?List-Type=2"),
			"list with semicolon":  list.at("/bugspark/?list-type=2;policy"),
			"list, bad escape":     list.at("/bugspark/?list-type=2&prefix=%zz"),
			"list, half escape":    list.at("/bugspark/?list-type=2&prefix=%"),
			"list, raw slash":      list.at("/bugspark/?list-type=2&prefix=a/b"),
			"list, signed query":   list.at("/bugspark/?list-type=2&X-Amz-Signature=x&X-Amz-Credential=y"),
			"location":             k.sign("GET", "/bugspark/?location=", ""),
			"acl":                  k.sign("GET", "/bugspark/a?acl", ""),
			"version":              k.sign("DELETE", "/bugspark/a?versionId=x", ""),
			"torrent":              k.sign("GET", "/bugspark/a?torrent", ""),
			"response header":      k.sign("GET", "/bugspark/a?response-content-type=text/html", ""),
			"tagging":              k.sign("PUT", "/bugspark/a?tagging", "<Tagging/>"),
			"retention":            k.sign("PUT", "/bugspark/a?retention", "x"),
			"part":                 k.sign("PUT", "/bugspark/a?partNumber=1&uploadId=x", "x"),
			"lifecycle":            k.sign("PUT", "/bugspark/?lifecycle", "x"),
			"token service":        k.sign("POST", "/bugspark/?Action=AssumeRole&Version=2011-06-15", ""),
			"version 2 query":      k.sign("GET", "/bugspark/a?AWSAccessKeyId=x&Signature=y&Expires=9999999999", ""),
		},
		"GateRefusedHeader": {
			"copy source, unsigned":   put.with("X-Amz-Copy-Source: /bugspark/secret"),
			"copy source, signed":     k.sign("PUT", "/bugspark/a", "", "X-Amz-Copy-Source: /bugspark/secret"),
			"snowball":                put.with("X-Amz-Meta-Snowball-Auto-Extract: true"),
			"snowball, MinIO's":       put.with("X-Amz-Meta-Minio-Snowball-Prefix: x"),
			"any metadata":            put.with("x-amz-meta-a: b"),
			"odd case":                put.with("X-AMZ-ACL: public-read"),
			"acl, signed":             k.sign("PUT", "/bugspark/a", "x", "X-Amz-Acl: public-read"),
			"tagging":                 put.with("X-Amz-Tagging: a=b"),
			"session token":           put.with("X-Amz-Security-Token: x"),
			"trailer":                 put.with("X-Amz-Trailer: x-amz-checksum-crc32c"),
			"decoded length":          put.with("X-Amz-Decoded-Content-Length: 4"),
			"replication":             put.with("X-Minio-Source-Replication-Request: true"),
			"replication status":      put.with("X-Amz-Bucket-Replication-Status: REPLICA"),
			"internal":                put.with("X-Minio-Internal-Encrypted-Multipart: x"),
			"underscore":              put.with("X_Amz_Acl: public-read"),
			"lock":                    put.with("X-Amz-Object-Lock-Mode: COMPLIANCE"),
			"encryption":              put.with("X-Amz-Server-Side-Encryption: aws:kms"),
			"range":                   get.with("Range: bytes=0-1"),
			"condition":               get.with("If-None-Match: *"),
			"forwarded":               get.with("X-Forwarded-For: 127.0.0.1"),
			"two authorizations":      get.with("Authorization: " + auth(get)),
			"two dates":               get.with("X-Amz-Date: 20200101T000000Z"),
			"two hashes":              put.with("X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
			"content encoding":        put.with("Content-Encoding: aws-chunked"),
			"method override":         get.with("X-Http-Method-Override: DELETE"),
			"upgrade":                 get.with("Upgrade: h2c"),
			"header of a later MinIO": put.with("X-Minio-Something-New: x"),
		},
		"GateRefusedSignature": {
			"anonymous":             get.without("Authorization"),
			"empty":                 replaced(get, "Authorization", "Authorization: "),
			"token":                 replaced(get, "Authorization", "Authorization: Bearer eyJhbGciOiJIUzUxMiJ9.e30.x"),
			"password":              replaced(get, "Authorization", "Authorization: Basic YTpi"),
			"version 2":             replaced(get, "Authorization", "Authorization: AWS access:c2lnbmF0dXJl"),
			"version 4A":            reauth(get, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
			"no credential":         reauth(get, "Credential=access/", "Credential=/"),
			"another service":       reauth(get, "/s3/", "/sts/"),
			"no signature":          reauth(get, "Signature=", "Signature=z"),
			"empty signed headers":  reauth(get, "SignedHeaders=host;x-amz-content-sha256;x-amz-date", "SignedHeaders="),
			"host not signed":       reauth(get, "host;", ""),
			"hash not signed":       reauth(get, "x-amz-content-sha256;", ""),
			"date not signed":       reauth(get, ";x-amz-date", ""),
			"type not signed":       reauth(put, "content-type;", ""),
			"md5 not signed":        put.with("Content-Md5: 1B2M2Y8AsgTpgAmY7PhCfg=="),
			"unknown header signed": k.sign("GET", "/bugspark/a", "", "Cache-Control: no-store"),
			"absent header signed":  put.without("Content-Type"),
			"something behind it":   replaced(get, "Authorization", "Authorization: "+auth(get)+", SignedHeaders=host"),
			"no date":               get.without("X-Amz-Date"),
			"other date":            replaced(get, "X-Amz-Date", "X-Amz-Date: 20200101T000000Z"),
			"date of another form":  replaced(get, "X-Amz-Date", "X-Amz-Date: Mon, 02 Jan 2006 15:04:05 GMT"),
		},
		"GateRefusedBody": {
			"no hash":                 k.signPayload("PUT", "/bugspark/a", "x", ""),
			"unsigned":                k.signPayload("PUT", "/bugspark/a", "x", "UNSIGNED-PAYLOAD"),
			"streaming":               k.signPayload("PUT", "/bugspark/a", "x", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
			"streaming with trailer":  k.signPayload("PUT", "/bugspark/a", "x", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
			"unsigned with trailer":   k.signPayload("PUT", "/bugspark/a", "x", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
			"upper case hash":         k.signPayload("PUT", "/bugspark/a", "x", strings.Repeat("A", 64)),
			"short hash":              k.signPayload("PUT", "/bugspark/a", "x", "00"),
			"chunked":                 put.without("Content-Length").with("Transfer-Encoding: chunked"),
			"body of a download":      k.sign("GET", "/bugspark/a", "x").with("Content-Length: 1"),
			"body of a delete":        k.sign("DELETE", "/bugspark/a", "x").with("Content-Length: 1"),
			"too large":               replaced(put, "Content-Length", "Content-Length: 5368709121"),
			"too large for a bucket":  k.sign("PUT", "/bugspark/", strings.Repeat("x", 1025)),
			"another hash of nothing": k.signPayload("GET", "/bugspark/a", "", "unsigned-payload"),
		},
	} {
		for name, request := range requests {
			t.Run(code+"/"+name, func(t *testing.T) {
				t.Parallel()
				reached := false
				// Tests of other packages ask a port that was their own MinIO's whether it answers.
				upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					reached = reached || r.URL.Path != "/" || r.Header.Get("Authorization") != ""
				}))
				defer upstream.Close()
				if code == "GateRefusedBody" && request.body == "body" && strings.Contains(strings.Join(request.header, "\n"), "chunked") {
					request.body = "4\r\nbody\r\n0\r\n\r\n"
				}
				got := request.send(t, "unix", startGate(t, upstream.Listener.Addr().String(), bucket, io.Discard))
				switch {
				case code == "" && (got.status != http.StatusOK || !reached):
					t.Errorf("refused: %d %s", got.status, got.body)
				case code != "" && reached:
					t.Error("MinIO was reached")
				case code != "" && request.method != "HEAD" && (got.status != http.StatusForbidden || !strings.Contains(got.body, "<Code>"+code+"</Code>")):
					t.Errorf("the gate answered %d %s", got.status, got.body)
				}
			})
		}
	}
}
