package machinetest

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain is the attacker where TestFloods starts this program inside the machine, in
// which the loopback has any number of addresses. It ends when the file /root/flood.stop
// is there.
func TestMain(m *testing.M) {
	f := &flood{key: os.Getenv("BUGSPARK_FLOOD_KEY")}
	switch os.Getenv("BUGSPARK_FLOOD") {
	case "slow":
		f.slow(10_000, 40)
	case "uploads":
		f.uploads(200)
	case "pings":
		f.pings(30)
	default:
		flag.Parse()
		given := false
		flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
		if !given {
			// Machines wait most of their time, for timers and for what must not happen.
			flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
		}
		os.Exit(m.Run())
	}
	fmt.Printf("opened %d, refused %d, cut off %d; answers: 200 %d, 429 %d, others %d\n", f.opened.Load(), f.refused.Load(), f.cut.Load(), f.ok.Load(), f.limited.Load(), f.other.Load())
}

type flood struct {
	key                                      string
	opened, refused, cut, ok, limited, other atomic.Int64
}

func stopped() bool { _, err := os.Stat("/root/flood.stop"); return err == nil }

func dialFrom(address string, protocol string) (*tls.Conn, error) {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: time.Minute}
	return tls.DialWithDialer(d, "tcp", "127.0.0.1:443", &tls.Config{InsecureSkipVerify: true, ServerName: "bugs.test", NextProtos: []string{protocol}})
}

// slow keeps n connections open from so many addresses and opens each anew that is
// closed: some send headers by drops, some a body by drops, and most read nothing of
// what they ask for again and again, which is what lasts longest.
func (f *flood) slow(n, addresses int) {
	var wg sync.WaitGroup
	dialing := make(chan struct{}, 32)
	for i := range n {
		from := fmt.Sprintf("127.0.1.%d", 1+i%addresses)
		wg.Go(func() {
			for !stopped() {
				dialing <- struct{}{}
				c, err := dialFrom(from, "http/1.1")
				<-dialing
				if err != nil {
					f.refused.Add(1)
					time.Sleep(5 * time.Second)
					continue
				}
				f.opened.Add(1)
				f.hold(c, i%20)
				c.Close()
			}
		})
	}
	wg.Wait()
}

func (f *flood) hold(c net.Conn, kind int) {
	const head = "Host: bugs.test\r\n"
	start, drop, pause := "GET /api/v1/projects HTTP/1.1\r\n"+head+"X-Slow: ", "x", 3*time.Second
	switch {
	case kind == 0:
	case kind < 4:
		start = "POST /api/v1/reports HTTP/1.1\r\n" + head + "X-API-Key: " + f.key + "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
	default:
		pause = 20 * time.Second
		drop = "GET / HTTP/1.1\r\n" + head + "\r\n"
		start = strings.Repeat(drop, 4)
	}
	if _, err := c.Write([]byte(start)); err != nil {
		f.cut.Add(1)
		return
	}
	for !stopped() {
		for end := time.Now().Add(pause); time.Now().Before(end) && !stopped(); {
			time.Sleep(time.Second)
		}
		if _, err := c.Write([]byte(drop)); err != nil {
			f.cut.Add(1)
			return
		}
	}
}

// uploads sends pictures of 10 MiB from one address, so many at once, until it is
// stopped.
func (f *flood) uploads(parallel int) {
	body := append([]byte("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"s.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("p"), 10<<20-200)...)
	body = append(body, "\r\n--x--\r\n"...)
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for !stopped() {
				c, err := dialFrom("127.0.2.1", "http/1.1")
				if err != nil {
					f.refused.Add(1)
					time.Sleep(time.Second)
					continue
				}
				f.opened.Add(1)
				c.SetDeadline(time.Now().Add(time.Minute))
				fmt.Fprintf(c, "POST /api/v1/upload/screenshot HTTP/1.1\r\nHost: bugs.test\r\nConnection: close\r\nX-API-Key: %s\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n", f.key, len(body))
				go c.Write(body)
				answer := make([]byte, 12)
				_, err = c.Read(answer)
				switch {
				case err != nil:
					f.cut.Add(1)
				case bytes.HasSuffix(answer, []byte(" 200")), bytes.HasSuffix(answer, []byte(" 400")):
					f.ok.Add(1) // taken whole: it is no real picture
				case bytes.HasSuffix(answer, []byte(" 429")):
					f.limited.Add(1)
				default:
					f.other.Add(1)
				}
				c.Close()
				time.Sleep(200 * time.Millisecond)
			}
		})
	}
	wg.Wait()
}

// pings asks for a sign of life on so many HTTP/2 connections without end, and reads every
// answer.
func (f *flood) pings(connections int) {
	var wg sync.WaitGroup
	many := bytes.Repeat([]byte("\x00\x00\x08\x06\x00\x00\x00\x00\x00flooding"), 900) // frames of 17 bytes, nearly a record of TLS
	for range connections {
		wg.Go(func() {
			for !stopped() {
				c, err := dialFrom("127.0.3.1", "h2")
				if err != nil {
					f.refused.Add(1)
					time.Sleep(time.Second)
					continue
				}
				f.opened.Add(1)
				go io.Copy(io.Discard, c)
				_, err = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
				for err == nil && !stopped() {
					c.SetWriteDeadline(time.Now().Add(10 * time.Second))
					_, err = c.Write(many)
				}
				if err != nil {
					f.cut.Add(1)
				}
				c.Close()
			}
		})
	}
	wg.Wait()
}
