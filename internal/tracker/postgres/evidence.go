package postgres

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"

	"github.com/bugspark/bugspark/internal/tracker"
)

// maxEvidence bounds what a report may carry before compression, and what
// reading one back may cost. It is above the largest body the API lets in.
const maxEvidence = 16 << 20

// evidenceCodec converts evidence to the column evidence and back. PostgreSQL would
// parse a jsonb column on every insert, and write five times as much WAL.
type evidenceCodec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// evidenceDocument is the stored form; absent members are left out.
type evidenceDocument struct {
	ConsoleLogs json.RawMessage `json:"consoleLogs,omitempty"`
	NetworkLogs json.RawMessage `json:"networkLogs,omitempty"`
	UserActions json.RawMessage `json:"userActions,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
}

func newEvidenceCodec() (*evidenceCodec, error) {
	// The fastest level: the next one saves a few percent for twice the time.
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("preparing compression: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(2*maxEvidence), zstd.WithDecoderConcurrency(0))
	if err != nil {
		return nil, fmt.Errorf("preparing decompression: %w", err)
	}
	return &evidenceCodec{encoder, decoder}, nil
}

// encode returns the stored form of e, and e as a reader will see it.
func (c *evidenceCodec) encode(e tracker.Evidence) ([]byte, tracker.Evidence, error) {
	members := []struct {
		name string
		doc  *json.RawMessage
	}{
		{"consoleLogs", &e.ConsoleLogs}, {"networkLogs", &e.NetworkLogs}, {"userActions", &e.UserActions}, {"metadata", &e.Metadata},
	}
	total := 0
	for _, m := range members {
		if *m.doc == nil {
			continue
		}
		if total += len(*m.doc); total > maxEvidence {
			return nil, tracker.Evidence{}, tracker.Errorf(tracker.TooLarge, "the report's logs are larger than %d MiB", maxEvidence>>20)
		}
		*m.doc = cleanJSON(*m.doc)
		if !jsontext.Value(*m.doc).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
			return nil, tracker.Evidence{}, &tracker.Error{Code: tracker.Invalid, Field: m.name, Message: "must be valid JSON"}
		}
	}
	// Not json.Marshal, which would scan and copy every member again.
	doc := append(make([]byte, 0, total+64), '{')
	for _, m := range members {
		if *m.doc == nil {
			continue
		}
		if len(doc) > 1 {
			doc = append(doc, ',')
		}
		doc = append(doc, '"')
		doc = append(doc, m.name...)
		doc = append(doc, '"', ':')
		doc = append(doc, *m.doc...)
	}
	doc = append(doc, '}')
	return c.encoder.EncodeAll(doc, make([]byte, 0, len(doc)/3)), e, nil
}

func (c *evidenceCodec) decode(stored []byte) (tracker.Evidence, error) {
	doc, err := c.decoder.DecodeAll(stored, nil)
	if err != nil {
		return tracker.Evidence{}, fmt.Errorf("decompressing evidence: %w", err)
	}
	var d evidenceDocument
	if err := json.Unmarshal(doc, &d); err != nil {
		return tracker.Evidence{}, fmt.Errorf("reading evidence: %w", err)
	}
	return tracker.Evidence(d), nil
}

func (c *evidenceCodec) close() {
	c.decoder.Close()
	c.encoder.Close()
}
