package storagegate

import (
	"encoding/xml"
	"net/http"
)

// The codes of refusals: the <Code> of the answer and of the log line.
const (
	codeVerb      = "GateRefusedVerb"
	codePath      = "GateRefusedPath"
	codeQuery     = "GateRefusedQuery"
	codeHeader    = "GateRefusedHeader"
	codeSignature = "GateRefusedSignature"
	codeBody      = "GateRefusedBody"

	// S3's own code, which clients answer with a retry.
	codeUnavailable = "ServiceUnavailable"
)

// refusal is why MinIO does not get a request. The reason is a fixed text, so that
// no answer and no log line contains what a client sent.
type refusal struct {
	status int
	code   string
	reason string
}

func refuse(code, reason string) *refusal {
	return &refusal{status: http.StatusForbidden, code: code, reason: reason}
}

// write answers in the form of S3's errors.
func (f *refusal) write(w http.ResponseWriter, r *http.Request) {
	document, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: f.code, Message: "the storage gate: " + f.reason})
	if err != nil {
		http.Error(w, f.code, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	// The body of a refused upload is not read.
	w.Header().Set("Connection", "close")
	w.WriteHeader(f.status)
	if r.Method == http.MethodHead {
		return
	}
	// A client that is gone already needs no answer.
	_, _ = w.Write(append([]byte(xml.Header), document...))
}
