package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// A process is a running server.
type process struct {
	kind
	url    string
	dir    string
	cmd    *exec.Cmd
	stdin  io.Closer
	client *http.Client
}

func start(ctx context.Context, k kind, base string) (*process, error) {
	if k.ours && k.keep == "memory" {
		base = memoryDir
	}
	dir, err := os.MkdirTemp(base, "bench-")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{kind: k, dir: dir, cmd: exec.CommandContext(ctx, self, "-serve", k.name, "-dir", dir)}
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.name, err)
	}
	p.url = "http://" + strings.TrimSpace(address)
	p.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
	return p, nil
}

func (p *process) stop() {
	p.client.CloseIdleConnections()
	p.stdin.Close()
	p.cmd.Wait()
	os.RemoveAll(p.dir)
}

// resetPeak makes the peak of the resident memory what it is now.
func (p *process) resetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// memory returns a line of /proc/PID/status, such as VmHWM, in bytes.
func (p *process) memory(what string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s", what)
}
