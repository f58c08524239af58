package httpapi_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// noisy is a PNG of about so many bytes: a valid one with something behind it.
func noisy(t *testing.T, size int) []byte {
	t.Helper()
	return append(picture(t, 4, 4), make([]byte, size)...)
}

func TestOneAddressUploadsSoMuchAMinute(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{PictureMiBPerAddress: 3})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	_, other := u.project("bank", "")
	widget.header["X-Forwarded-For"] = "192.0.2.1"
	other.header["X-Forwarded-For"] = "192.0.2.1"
	data := noisy(t, 900<<10)
	for i, want := range []int{200, 200, 200, 429} {
		if a := widget.upload("image/png", data); a.status != want || (want == 429 && (a.header.Get("Retry-After") == "" || a.text("key") != "")) {
			t.Errorf("picture %d: %d %s", i+1, a.status, a.raw)
		}
	}
	if a := other.upload("image/png", data); a.status != 200 {
		t.Errorf("to another project: %d %s", a.status, a.raw)
	}
	widget.header["X-Forwarded-For"] = "192.0.2.2"
	if a := widget.upload("image/png", data); a.status != 200 {
		t.Errorf("of another address: %d %s", a.status, a.raw)
	}
	widget.header["X-Forwarded-For"] = "192.0.2.1"
	widget.want(201, "POST", "/reports", bug()) // reports go on
	s.ahead.Store(int64(time.Minute))
	if a := widget.upload("image/png", data); a.status != 200 {
		t.Errorf("a minute later: %d %s", a.status, a.raw)
	}
}

func TestAProjectHasSoManyUnnamedPictures(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{UnnamedMiB: 2})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	_, other := u.project("bank", "")
	data := noisy(t, 900<<10)
	var keys []string
	for range 3 {
		keys = append(keys, widget.upload("image/png", data).text("key"))
	}
	if a := widget.upload("image/png", data); a.status != 429 || !strings.Contains(a.text("detail"), "no report names") {
		t.Errorf("above the bound: %d %s", a.status, a.raw)
	}
	if a := other.upload("image/png", data); a.status != 200 {
		t.Errorf("of another project: %d %s", a.status, a.raw)
	}
	widget.want(201, "POST", "/reports", bug("screenshot_url", keys[0]))
	if a := widget.upload("image/png", data); a.status != 200 {
		t.Errorf("after a report had named one: %d %s", a.status, a.raw)
	}
}

// However small they are: each row costs the next upload some time.
func TestSmallUnnamedPicturesCountToo(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{UnnamedMiB: 1})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	taken := 0
	for ; taken < 100 && widget.upload("image/png", picture(t, 1, 1)).status == 200; taken++ {
	}
	if taken != 1<<20/(64<<10) {
		t.Errorf("%d pictures of a few bytes in 1 MiB", taken)
	}
}

// The disk's last bytes are the database's.
func TestAFullDiskTakesNothingAndIsRead(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	key := widget.upload("image/png", picture(t, 4, 4)).text("key")
	path := "/reports/" + widget.want(201, "POST", "/reports", bug("screenshot_url", key)).text("id")
	s.full.Store(true)
	for _, a := range []answer{widget.upload("image/png", picture(t, 4, 4)), widget.do("POST", "/reports", bug("title", "one more"))} {
		if a.status != 507 || !strings.Contains(a.text("detail"), "disk") || a.header.Get("Retry-After") == "" || a.header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%d %v %s", a.status, a.header, a.raw)
		}
	}
	link := u.want(200, "GET", path, nil).text("screenshotUrl")
	if a := s.nobody(t).send("GET", link, "", nil); a.status != 200 {
		t.Errorf("the picture: %d", a.status)
	}
	u.want(200, "GET", "/reports", nil)
	u.want(200, "PATCH", path, map[string]any{"status": "closed"})
	widget.want(200, "GET", "/projects/widget-config", nil)
	s.nobody(t).want(200, "POST", "/auth/login", map[string]any{"email": u.email, "password": secretWord})
	s.full.Store(false)
	widget.want(201, "POST", "/reports", bug("title", "one more"))
}

// halves are bodies of which all but the end was sent.
type halves struct {
	t     *testing.T
	conns []*tls.Conn
}

func (h *halves) begin(s *server, path, key, from, kind string, size int, sent []byte) {
	h.t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(s.URL, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "POST /api/v1%s HTTP/1.1\r\nHost: bugs\r\nX-API-Key: %s\r\nX-Forwarded-For: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, key, from, kind, size)
	c.SetWriteDeadline(time.Now().Add(2 * time.Minute))
	if _, err := c.Write(sent); err != nil {
		h.t.Fatal(err)
	}
	h.conns = append(h.conns, c)
}

// Eighty pictures and as many reports that do not come to their end cost files, not
// memory. It runs alone, because it looks at the memory of the process.
func TestUnfinishedBodiesAreNotInMemory(t *testing.T) {
	s := newServer(t, config.Limits{PictureMiB: 10})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse)
	}
	before := inUse()
	h := &halves{t: t}
	picture := append([]byte("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"), bytes.Repeat([]byte("p"), 8<<20)...)
	report := append([]byte(`{"title":"`), bytes.Repeat([]byte("r"), 3<<20)...)
	for i := range 40 {
		from := fmt.Sprintf("192.0.2.%d", i)
		h.begin(s, "/upload/screenshot", widget.header["X-API-Key"], from, "multipart/form-data; boundary=x", 9<<20, picture)
		h.begin(s, "/reports", widget.header["X-API-Key"], from, "application/json", 4<<20, report)
	}
	if grown := inUse() - before; grown > 100<<20 {
		t.Errorf("%d MiB are in memory for %d unfinished bodies", grown>>20, len(h.conns))
	}
	widget.header["X-Forwarded-For"] = "203.0.113.1"
	widget.want(201, "POST", "/reports", bug()) // somebody else
}

func TestOneAddressCannotFillTheSpool(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{PictureMiB: 10})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	h := &halves{t: t}
	begin := []byte("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n")
	var wg sync.WaitGroup
	answered := make(chan int, 20)
	for range 20 {
		h.begin(s, "/upload/screenshot", widget.header["X-API-Key"], "192.0.2.1", "multipart/form-data; boundary=x", 9<<20, begin)
	}
	for _, c := range h.conns {
		wg.Go(func() {
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				answered <- resp.StatusCode
			}
		})
	}
	for range 13 { // 7 of 9 MiB each fit into the address's 64
		if code := <-answered; code != http.StatusTooManyRequests {
			t.Errorf("answered %d", code)
		}
	}
	widget.header["X-Forwarded-For"] = "192.0.2.2"
	if a := widget.upload("image/png", picture(t, 4, 4)); a.status != 200 {
		t.Errorf("another address: %d %s", a.status, a.raw)
	}
	for _, c := range h.conns {
		c.Close()
	}
	wg.Wait()
}

// What comes before the picture in a body is read into memory, so it is short.
func TestWhatComesBeforeAPictureIsShort(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{PictureMiB: 10})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	file := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n"
	end := "\r\n" + string(picture(t, 4, 4)) + "\r\n--x--\r\n"
	long := func(n int) string { return strings.Repeat("a", n) }
	for name, tc := range map[string]struct {
		body   string
		status int
	}{
		"a header of some length":  {file + "X: " + long(8<<10) + "\r\n" + end, 200},
		"a field before":           {"--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n" + long(8<<10) + "\r\n" + file + end, 200},
		"a picture of some length": {file + "\r\n" + string(noisy(t, 5<<20)) + "\r\n--x--\r\n", 200},
		"a header of 1 MiB":        {file + "X: " + long(1<<20) + "\r\n" + end, 400},
		"many headers":             {file + strings.Repeat("X: a\r\n", 5000) + end, 400},
		"a header without an end":  {file + "X: " + long(9<<20), 400},
		"a long field before":      {"--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n" + long(64<<10) + "\r\n" + file + end, 400},
		"a long preamble":          {strings.Repeat("a line\r\n", 8<<10) + file + end, 400},
	} {
		a := widget.send("POST", "/upload/screenshot", "multipart/form-data; boundary=x", []byte(tc.body))
		if a.status != tc.status || (tc.status == 400 && !strings.Contains(a.text("detail"), "16 KiB")) {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
}
