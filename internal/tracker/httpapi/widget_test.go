package httpapi_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAReportWithAPicture is the main job: sent by a widget, read by its team.
func TestAReportWithAPicture(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	project, widget := u.project("shop", "")
	data := picture(t, 40, 30)
	key := widget.upload("image/png", data).text("key")
	made := widget.want(201, "POST", "/reports", bug("screenshot_url", key, "description", "a < b & \"c\" > d\r\nsecond\x00 line",
		"consoleLogs", []any{map[string]any{"level": "error", "message": "total is NaN"}}, "metadata", map[string]any{"url": "https://shop.example.org"}))
	if made.text("trackingId") != "BUG-0001" || made.text("status") != "new" || made.object["screenshotUrl"] != nil {
		t.Errorf("the widget is told %s", made.raw)
	}
	list := u.want(200, "GET", "/reports?project_id="+project, nil)
	if list.object["total"] != 1.0 {
		t.Errorf("list %s", list.raw)
	}
	r := u.want(200, "GET", "/reports/"+made.text("id"), nil)
	if r.text("description") != "a < b & \"c\" > d\nsecond line" {
		t.Errorf("the description is %q", r.text("description"))
	}
	link := r.text("screenshotUrl")
	got := s.nobody(t).send("GET", link, "", nil) // an <img> sends no credentials
	if got.status != 200 || !bytes.Equal(got.raw, data) || got.header.Get("Content-Type") != "image/png" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the picture: %d %v", got.status, got.header)
	}
	s.nobody(t).send("GET", link[:len(link)-3]+"abc", "", nil)
	if a := s.nobody(t).send("GET", link[:len(link)-3]+"AAA", "", nil); a.status != 404 {
		t.Errorf("a tampered link: %d", a.status)
	}
	s.ahead.Store(int64(16 * time.Minute))
	if a := s.nobody(t).send("GET", link, "", nil); a.status != 404 {
		t.Errorf("an old link: %d", a.status)
	}
}

// A client that leaves when its picture is stored and its row is not leaves nothing for
// good: the store has known of the object before.
func TestAPictureWhoseClientLeavesIsDeleted(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	s.gone.Store(true)
	if a := widget.upload("image/png", picture(t, 4, 3)); a.status < 400 {
		t.Fatalf("the upload was acknowledged: %d %s", a.status, a.raw)
	}
	keys, err := s.store.DueObjects(t.Context(), time.Now().Add(25*time.Hour), 10)
	if err != nil || len(keys) != 1 {
		t.Fatalf("to be deleted: %v, %v", keys, err)
	}
	if r, _, err := s.objects.Get(t.Context(), keys[0]); err != nil {
		t.Errorf("the object is not there, and the test proves nothing: %v", err)
	} else {
		r.Close()
	}
}

func TestPicturesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	good := picture(t, 4, 4)
	for _, tc := range []struct {
		name, kind string
		data       []byte
		status     int
	}{
		{"a PNG", "image/png", good, 200},
		{"a PNG called JPEG", "image/jpeg", good, 400},
		{"an SVG", "image/svg+xml", []byte("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), 400},
		{"HTML called PNG", "image/png", []byte("<html><script>alert(1)</script></html>"), 400},
		{"a damaged PNG", "image/png", append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 40)...), 400},
		{"nothing", "image/png", nil, 400},
		{"a decompression bomb", "image/png", sized(t, 30_000, 30_000), 400},
		{"too large", "image/png", append(bytes.Clone(good), make([]byte, 2<<20)...), 413},
	} {
		a := widget.upload(tc.kind, tc.data)
		if a.status != tc.status || (a.text("key") != "") != (tc.status == 200) {
			t.Errorf("%s: %d %s", tc.name, a.status, a.raw)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "https://shop.example.org" {
			t.Errorf("%s: the widget cannot read the answer", tc.name)
		}
	}
	for _, body := range []string{"", "--x\r\n", "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--x--\r\n", "--x\r\n\r\n"} {
		if a := widget.send("POST", "/upload/screenshot", "multipart/form-data; boundary=x", []byte(body)); a.status < 400 || a.status >= 500 {
			t.Errorf("%q: %d %s", body, a.status, a.raw)
		}
	}
}

// A browser that still sends when it is refused sees the refusal, however slow
// it is, and not a broken connection.
func TestASlowClientHearsThatItsPictureIsTooLarge(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "")
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 4 << 20
	head := "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"
	fmt.Fprintf(conn, "POST /api/v1/upload/screenshot HTTP/1.1\r\nHost: bugs\r\nX-API-Key: %s\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n%s",
		widget.header["X-API-Key"], size, head)
	rest := make([]byte, size-len(head))
	for half := range slices.Chunk(rest, len(rest)/2+1) {
		if _, err := conn.Write(half); err != nil {
			t.Fatalf("while it sent: %v", err)
		}
		time.Sleep(time.Second)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestAPictureOfAnotherProjectIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	_, other := u.project("bank", "")
	key := other.upload("image/png", picture(t, 4, 4)).text("key")
	widget.want(400, "POST", "/reports", bug("screenshot_url", key))
	widget.want(400, "POST", "/reports", bug("screenshot_url", "../../etc/passwd"))
	widget.want(201, "POST", "/reports", bug("screenshot_url", "https://evil.example.org/x.png")) // dropped, never fetched
}

func TestEveryWidgetAnswerCanBeReadByThePage(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	wrong := s.nobody(t, "X-API-Key", "bsk_pub_wrong", "Origin", "https://shop.example.org")
	for _, a := range []answer{
		widget.want(201, "POST", "/reports", bug()), widget.want(422, "POST", "/reports", map[string]any{}),
		wrong.want(401, "POST", "/reports", bug()), wrong.want(401, "GET", "/projects/widget-config", nil),
		widget.want(200, "GET", "/projects/console-log-quota", nil), widget.want(405, "PUT", "/upload/screenshot", nil),
	} {
		h := a.header
		if h.Get("Access-Control-Allow-Origin") != "https://shop.example.org" || h.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(h.Get("Vary"), "Origin") {
			t.Errorf("%d: %v", a.status, h)
		}
	}
	pre := s.nobody(t, "Origin", "https://shop.example.org", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-api-key")
	if a := pre.want(200, "OPTIONS", "/reports", nil); a.header.Get("Access-Control-Allow-Headers") == "" || a.header.Get("Access-Control-Max-Age") != "86400" {
		t.Errorf("preflight %v", a.header)
	}
	if a := u.want(200, "GET", "/projects", nil); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("another site may read the dashboard's answers")
	}
}

func TestOnlyAllowedSitesSend(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "example.org, localhost:3000")
	for origin, status := range map[string]int{
		"https://example.org": 201, "https://shop.example.org": 201, "http://localhost:3000": 201, "": 201,
		"https://evilexample.org": 400, "https://example.org.evil.test": 400, "http://localhost:4000": 400, "null": 400,
	} {
		widget.header["Origin"] = origin
		widget.want(status, "POST", "/reports", bug("title", "from "+origin))
	}
}

func TestTheSameReportTwiceIsOne(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	first := widget.want(201, "POST", "/reports", bug())
	second := widget.want(201, "POST", "/reports", bug())
	if first.text("id") != second.text("id") {
		t.Error("a report that was sent again is stored twice")
	}
	if a := widget.want(400, "POST", "/reports", bug("hpField", "http://spam.example")); !strings.Contains(a.text("detail"), "robot") {
		t.Errorf("the honeypot: %s", a.raw)
	}
}

func TestOneAddressCannotUseUpAProject(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{ReportsPerAddress: 3, ReportsPerProject: 5})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	send := func(address, title string) answer {
		widget.header["X-Forwarded-For"] = address
		return widget.do("POST", "/reports", bug("title", title))
	}
	for i, want := range []int{201, 201, 201, 429} {
		if a := send("192.0.2.1", strings.Repeat("a", i+1)); a.status != want {
			t.Errorf("report %d: %d", i+1, a.status)
		}
	}
	for i, want := range []int{201, 201, http.StatusTooManyRequests} {
		if a := send("2001:db8::1", strings.Repeat("b", i+1)); a.status != want || (want == 429 && a.header.Get("Retry-After") == "") {
			t.Errorf("report %d of another address: %d", i+1, a.status)
		}
	}
}
