package foreground

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/unit"
)

// process is one service under supervision.
type process struct {
	o       Options
	unit    unit.Unit
	log     *log
	sockets *sockets
	notify  *notify

	mu       sync.Mutex
	main     *child   // nil before the first start
	last     []string // the last lines of all its children
	stopping bool
}

// child is one operating-system process of a service.
type child struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has been waited for
	exit  error         // valid then
}

func newProcess(o Options, u unit.Unit, log *log) (*process, error) {
	s, err := listen(o, u)
	if err != nil {
		return nil, err
	}
	n, err := listenNotify(filepath.Join(o.Dirs.Run, "notify-"+short(u.Name)))
	if err != nil {
		s.close()
		return nil, err
	}
	return &process{o: o, unit: u, log: log, sockets: s, notify: n}, nil
}

// start runs the service's commands in systemd's order and returns when it is
// ready, or with its last lines when it ended before that.
func (p *process) start(ctx context.Context) error {
	s := p.unit.Service
	for _, c := range s.ExecStartPre {
		if err := p.runToEnd(ctx, c); err != nil {
			return err
		}
	}
	if s.Type == "oneshot" {
		return p.runToEnd(ctx, s.ExecStart)
	}
	p.notify.reset()
	main, err := p.launch(s.ExecStart, true)
	if err != nil {
		return err
	}
	timeout := make(<-chan time.Time)
	if s.TimeoutStart > 0 {
		timer := time.NewTimer(s.TimeoutStart)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-p.notify.ready:
	case <-main.ended:
		return p.died("ended before it was ready")
	case <-timeout:
		_ = main.cmd.Process.Kill() // supervise sees it end and tries again
		return p.died(fmt.Sprintf("was not ready after %s", s.TimeoutStart))
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, c := range s.ExecStartPost {
		if err := p.runToEnd(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// supervise restarts the service when it ends unasked, and gives up after five
// ends within half a minute.
func (p *process) supervise(ctx context.Context, failed chan<- error) {
	if p.unit.Service.Type == "oneshot" {
		return
	}
	var ends []time.Time
	for {
		p.mu.Lock()
		main := p.main
		p.mu.Unlock()
		<-main.ended
		if p.isStopping() || ctx.Err() != nil {
			return
		}
		ends = append(ends, time.Now())
		if len(ends) >= 5 && ends[len(ends)-1].Sub(ends[len(ends)-5]) < 30*time.Second {
			failed <- p.died("keeps ending")
			return
		}
		p.log.line(short(p.unit.Name), fmt.Sprintf("ended unexpectedly (%v); starting it again", main.exit))
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.unit.Service.RestartSec):
		}
		if err := p.start(ctx); err != nil && !p.isStopping() && ctx.Err() == nil {
			p.log.line(short(p.unit.Name), err.Error())
		}
	}
}

func (p *process) isStopping() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopping
}

// stop ends the service as its unit says, and kills what is left of it after
// its timeout (half a minute where the unit waits for ever).
func (p *process) stop() {
	p.mu.Lock()
	p.stopping = true
	main := p.main
	p.mu.Unlock()
	defer p.sockets.close()
	defer p.notify.close()
	if main == nil {
		return
	}
	// ESRCH: it has ended already, which is what is wanted.
	_ = main.cmd.Process.Signal(killSignal(p.unit.Service))
	timeout := p.unit.Service.TimeoutStop
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	select {
	case <-main.ended:
	case <-time.After(timeout):
		p.log.line(short(p.unit.Name), "did not stop in time and is killed")
	}
	_ = syscall.Kill(-main.cmd.Process.Pid, syscall.SIGKILL) // the rest of its group, if any
	<-main.ended
}

func (p *process) died(how string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	words := strings.Join(p.last, "\n  ")
	if words == "" {
		words = "(nothing)"
	}
	return fault.New(fault.Failed, "", "%s %s; it said last:\n  %s", short(p.unit.Name), how, words)
}

// runToEnd runs one of the unit's auxiliary commands.
func (p *process) runToEnd(ctx context.Context, words []string) error {
	c, err := p.launch(words, false)
	if err != nil {
		return err
	}
	select {
	case <-c.ended:
	case <-ctx.Done():
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		<-c.ended
		return ctx.Err()
	}
	if c.exit != nil {
		return p.died(fmt.Sprintf("failed (%s: %v)", strings.Join(words[1:], " "), c.exit))
	}
	return nil
}

func (p *process) launch(words []string, main bool) (*child, error) {
	binary := words[0]
	if binary == "/usr/bin/bugspark" {
		binary = p.o.Binary
	}
	cmd := exec.Command(binary, words[1:]...)
	cmd.Args[0] = filepath.Base(words[0])
	cmd.Dir = "/"
	cmd.Env = p.environment(main)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, // Ctrl-C is ours to pass on, in order
		// If we are killed, the children must not outlive us.
		Pdeathsig: killSignal(p.unit.Service),
	}
	if a := p.o.Account; a != nil && short(p.unit.Name) == "postgres" {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID}
	}
	if main {
		cmd.ExtraFiles = p.sockets.files
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.unit.Name, err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return nil, errors.Join(errStopped, read.Close(), write.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", p.unit.Name, err), read.Close(), write.Close())
	}
	write.Close()
	c := &child{cmd: cmd, ended: make(chan struct{})}
	if main {
		p.main = c
	}
	go p.follow(c, read)
	return c, nil
}

// follow logs a child's lines until it and everybody holding its output ended.
func (p *process) follow(c *child, out *os.File) {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		defer out.Close()
		lines := bufio.NewReaderSize(out, 64<<10)
		for {
			line, err := lines.ReadString('\n')
			if line = strings.TrimRight(line, "\n"); line != "" {
				p.log.line(short(p.unit.Name), line)
				p.mu.Lock()
				p.last = append(p.last[max(0, len(p.last)-7):], line)
				p.mu.Unlock()
			}
			if err != nil {
				return
			}
		}
	}()
	c.exit = c.cmd.Wait()
	select {
	case <-drained:
	case <-time.After(2 * time.Second): // a grandchild keeps the pipe open
	}
	close(c.ended)
}

func killSignal(s *unit.Service) syscall.Signal {
	if s.KillSignal == "SIGINT" {
		return syscall.SIGINT
	}
	return syscall.SIGTERM
}
