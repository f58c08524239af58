package storagegate_test

import (
	"archive/tar"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/bugspark/bugspark/internal/objectstore/storetest"
)

// bypass is a request that MinIO accepts although it must not happen here: past
// its authentication, or within it but beyond what the product does. Each is
// shown to work against a real MinIO and to be refused by the gate.
type bypass struct {
	code    string // of the gate's refusal
	request func(k keys) rawRequest

	// worked proves what the request did to MinIO; nil means a 2xx is proof.
	worked func(direct answer, read func(path string) answer) bool
}

var bypasses = map[string]bypass{
	"CVE-2026-40344: archive unpacked with a key id alone": {
		code: "GateRefusedHeader",
		request: func(k keys) rawRequest {
			body := archive("planted.txt", "planted")
			r := forged(k, "PUT", "/bugspark/archive.tar", "UNSIGNED-PAYLOAD", body)
			return r.without("X-Amz-Content-Sha256").with(
				"X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Meta-Snowball-Auto-Extract: true")
		},
		worked: func(_ answer, read func(string) answer) bool {
			return read("/bugspark/planted.txt").body == "planted"
		},
	},
	"CVE-2026-41145: unsigned trailer with query credentials": {
		code: "GateRefusedQuery",
		request: func(k keys) rawRequest {
			r := forged(k, "PUT", "/bugspark/trailer.txt?"+queryCredential(k), "", chunked("planted")).without("Authorization")
			return r.without("X-Amz-Content-Sha256").with(
				"X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length: 7")
		},
		worked: func(_ answer, read func(string) answer) bool {
			return read("/bugspark/trailer.txt").body == "planted"
		},
	},
	"CVE-2026-34204: replication headers make an object unreadable": {
		code: "GateRefusedHeader",
		request: func(k keys) rawRequest {
			return k.sign("PUT", "/bugspark/victim.txt", "gone",
				"X-Minio-Replication-Server-Side-Encryption-Sealed-Key: x",
				"X-Minio-Replication-Server-Side-Encryption-Seal-Algorithm: DAREv2-HMAC-SHA256",
				"X-Minio-Replication-Server-Side-Encryption-Iv: x")
		},
		worked: func(direct answer, read func(string) answer) bool {
			return direct.status == http.StatusOK && read("/bugspark/victim.txt").status != http.StatusOK
		},
	},
	"SN-2026-011: unsigned copy source on a presigned upload": {
		code: "GateRefusedQuery",
		request: func(k keys) rawRequest {
			r := dump(signer.PreSignV4(*k.request("PUT", "/bugspark/copied.txt", nil), k.access, k.secret, "", "us-east-1", 60), "")
			return r.with("X-Amz-Copy-Source: /bugspark/secret.txt")
		},
		worked: func(_ answer, read func(string) answer) bool {
			return read("/bugspark/copied.txt").body == "secret"
		},
	},
	"copy source that is not under the signature": {
		code: "GateRefusedHeader",
		request: func(k keys) rawRequest {
			return k.sign("PUT", "/bugspark/copied.txt", "").with("X-Amz-Copy-Source: /bugspark/secret.txt")
		},
		worked: func(_ answer, read func(string) answer) bool {
			return read("/bugspark/copied.txt").body == "secret"
		},
	},
	"presigned download": {
		code: "GateRefusedQuery",
		request: func(k keys) rawRequest {
			return dump(signer.PreSignV4(*k.request("GET", "/bugspark/secret.txt", nil), k.access, k.secret, "", "us-east-1", 60), "")
		},
		worked: func(direct answer, _ func(string) answer) bool { return direct.body == "secret" },
	},
	"signature version 2": {
		code: "GateRefusedSignature",
		request: func(k keys) rawRequest {
			return dump(signer.SignV2(*k.request("GET", "/bugspark/secret.txt", nil), k.access, k.secret, false), "")
		},
		worked: func(direct answer, _ func(string) answer) bool { return direct.body == "secret" },
	},
	"unsigned payload": {
		code: "GateRefusedBody",
		request: func(k keys) rawRequest {
			return k.signPayload("PUT", "/bugspark/unsigned.txt", "planted", "UNSIGNED-PAYLOAD")
		},
	},
	"metadata in the query": {
		code: "GateRefusedQuery",
		request: func(k keys) rawRequest {
			return k.sign("PUT", "/bugspark/meta.txt?x-amz-meta-a=b", "planted")
		},
	},
	"another bucket": {
		code:    "GateRefusedPath",
		request: func(k keys) rawRequest { return k.sign("GET", "/other/secret.txt", "") },
	},
	"list of buckets": {
		code:    "GateRefusedPath",
		request: func(k keys) rawRequest { return k.sign("GET", "/", "") },
	},
	"anonymous access by bucket policy": {
		code: "GateRefusedQuery",
		request: func(k keys) rawRequest {
			return k.sign("PUT", "/bugspark/?policy=", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::bugspark/*"]}]}`)
		},
	},
	"token service": {
		code: "GateRefusedPath",
		request: func(k keys) rawRequest {
			body := "Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600"
			r := k.request("POST", "/", []string{"Content-Type: application/x-www-form-urlencoded"})
			r.Header.Set("X-Amz-Content-Sha256", digest(body))
			return dump(signer.SignV4STS(*r, k.access, k.secret, "us-east-1"), body)
		},
	},
	"administration": {
		code:    "GateRefusedPath",
		request: func(k keys) rawRequest { return k.sign("GET", "/minio/admin/v3/info", "") },
	},
	"health": {
		code:    "GateRefusedPath",
		request: func(keys) rawRequest { return dump(keys{}.request("GET", "/minio/health/live", nil), "") },
	},
	"select": {
		code: "GateRefusedQuery",
		request: func(k keys) rawRequest {
			return k.sign("POST", "/bugspark/table.csv?select=&select-type=2", `<SelectObjectContentRequest><Expression>select * from s3object</Expression><ExpressionType>SQL</ExpressionType>`+
				`<InputSerialization><CSV/></InputSerialization><OutputSerialization><CSV/></OutputSerialization></SelectObjectContentRequest>`)
		},
		worked: func(direct answer, _ func(string) answer) bool {
			return direct.status == http.StatusOK && strings.Contains(direct.body, "1,2,3")
		},
	},
	"delete of many": {
		code: "GateRefusedQuery",
		request: func(k keys) rawRequest {
			body := "<Delete><Object><Key>tree/a</Key></Object></Delete>"
			sum := md5.Sum([]byte(body))
			return k.sign("POST", "/bugspark/?delete=", body, "Content-Md5: "+base64.StdEncoding.EncodeToString(sum[:]))
		},
	},
	"multipart upload": {
		code:    "GateRefusedQuery",
		request: func(k keys) rawRequest { return k.sign("POST", "/bugspark/parts.bin?uploads=", "") },
	},
	"versions": {
		code:    "GateRefusedQuery",
		request: func(k keys) rawRequest { return k.sign("GET", "/bugspark/?versions=", "") },
	},
	"MinIO's own listing with metadata": {
		code:    "GateRefusedQuery",
		request: func(k keys) rawRequest { return k.sign("GET", "/bugspark/?list-type=2&metadata=true", "") },
	},
	"force delete of a whole prefix": {
		code: "GateRefusedHeader",
		request: func(k keys) rawRequest {
			return k.sign("DELETE", "/bugspark/tree", "", "X-Minio-Force-Delete: true")
		},
		worked: func(_ answer, read func(string) answer) bool {
			return read("/bugspark/tree/a").status == http.StatusNotFound
		},
	},
	"delete of the bucket": {
		code: "GateRefusedVerb",
		request: func(k keys) rawRequest {
			return k.sign("DELETE", "/bugspark/", "")
		},
		// It is not empty, which is the only reason why MinIO keeps it.
		worked: func(direct answer, _ func(string) answer) bool {
			return strings.Contains(direct.body, "BucketNotEmpty")
		},
	},
}

func TestKnownBypasses(t *testing.T) {
	t.Parallel()
	for name, b := range bypasses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			minio := storetest.StartMinIO(t)
			k := keys{minio.AccessKey, minio.SecretKey}
			direct := func(r rawRequest) answer { return r.send(t, "tcp", minio.Address) }
			read := func(path string) answer { return direct(k.sign("GET", path, "")) }
			for _, path := range []string{"/bugspark/", "/other/"} {
				direct(k.sign("PUT", path, ""))
			}
			for path, body := range map[string]string{
				"/bugspark/secret.txt": "secret", "/other/secret.txt": "secret", "/bugspark/victim.txt": "victim",
				"/bugspark/table.csv": "1,2,3\n", "/bugspark/tree/a": "a",
			} {
				if got := direct(k.sign("PUT", path, body)); got.status != http.StatusOK {
					t.Fatalf("preparing %s: %d %s", path, got.status, got.body)
				}
			}

			var log bytes.Buffer
			socket := startGate(t, minio.Address, bucket, &log)
			refused := b.request(k).send(t, "unix", socket)
			if refused.status != http.StatusForbidden || !strings.Contains(refused.body, "<Code>"+b.code+"</Code>") {
				t.Errorf("the gate answered %d %s, want %s", refused.status, refused.body, b.code)
			}
			if !strings.Contains(log.String(), "code="+b.code) || strings.Contains(log.String(), k.access) {
				t.Errorf("log: %s", log.String())
			}
			if got := read("/bugspark/secret.txt"); got.body != "secret" {
				t.Errorf("after the refusal MinIO holds %d %s", got.status, got.body)
			}

			// Without the gate it works: the test would otherwise prove nothing.
			got := direct(b.request(k))
			worked := got.status/100 == 2
			if b.worked != nil {
				worked = b.worked(got, read)
			}
			if !worked {
				t.Errorf("MinIO itself refused: %d %s; the gate's test proves nothing any more", got.status, got.body)
			}
		})
	}
}

// forged carries an access key id and a signature that is none.
func forged(k keys, method, target, payload, body string) rawRequest {
	r := k.signPayload(method, target, body, payload).without("Authorization")
	return r.with(fmt.Sprintf("Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/us-east-1/s3/aws4_request, "+
		"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=%s", k.access, today(), strings.Repeat("0", 64)))
}

func queryCredential(k keys) string {
	return fmt.Sprintf("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F%s%%2Fus-east-1%%2Fs3%%2Faws4_request"+
		"&X-Amz-Date=%sT000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=%s",
		k.access, today(), today(), strings.Repeat("0", 64))
}

func today() string { return time.Now().UTC().Format("20060102") }

// chunked is a body in the framing of S3's unsigned chunks.
func chunked(s string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n\r\n", len(s), s) }

func archive(name, content string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
		panic(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}
