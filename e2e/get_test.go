package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

// getMain is the command `get` of the scripts:
//
//	get [-X METHOD] [-H 'name: value'] [-d BODY] [-i] [-h2c] [-absolute] [-to HOST:PORT] STATUS HOST PATH
//
// It asks the server of $READY with the Host header HOST ("-" for its own
// address), prints the body (-i: the head too), and fails if the status is not
// STATUS ("-" for any).
func getMain() {
	if err := get(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "get: %v\n", err)
		os.Exit(1)
	}
}

type headerFlag []string

func (h *headerFlag) String() string     { return strings.Join(*h, ", ") }
func (h *headerFlag) Set(s string) error { *h = append(*h, s); return nil }

func get(args []string) error {
	f := flag.NewFlagSet("get", flag.ContinueOnError)
	method := f.String("X", "GET", "method")
	body := f.String("d", "", "body")
	head := f.Bool("i", false, "print the head too")
	h2c := f.Bool("h2c", false, "speak HTTP/2 without TLS")
	absolute := f.Bool("absolute", false, "send an absolute-form request line, as to a proxy")
	to := f.String("to", "", "connect to this address")
	var headers headerFlag
	f.Var(&headers, "H", "header")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 3 {
		return fmt.Errorf("usage: get [flags] STATUS HOST PATH")
	}
	want, host, path := f.Arg(0), f.Arg(1), f.Arg(2)
	address := *to
	if address == "" {
		ready, err := readReadyFile(os.Getenv("READY"))
		if err != nil {
			return err
		}
		address = strings.TrimPrefix(ready.URLs.Base, "http://")
	}
	if host == "-" {
		host = address
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	if *h2c {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	target := "http://" + host + path
	if *absolute {
		// The client writes an absolute-form line only to a proxy.
		transport.Proxy = proxyTo(address)
	}
	req, err := http.NewRequest(*method, target, strings.NewReader(*body))
	if err != nil {
		return err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		req.Header.Add(name, strings.TrimSpace(value))
	}
	client := &http.Client{
		Transport:     transport,
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if *head {
		printHead(resp)
	}
	_, err = io.Copy(os.Stdout, resp.Body)
	if err != nil {
		return fmt.Errorf("the body broke: %w", err)
	}
	if want != "-" && want != strconv.Itoa(resp.StatusCode) {
		return fmt.Errorf("status %d, want %s", resp.StatusCode, want)
	}
	return nil
}

func printHead(resp *http.Response) {
	fmt.Println(resp.Proto, resp.Status)
	var lines []string
	for name, values := range resp.Header {
		for _, v := range values {
			lines = append(lines, strings.ToLower(name)+": "+v)
		}
	}
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, "\n") + "\n")
}

// manyMain is the command `many` of the scripts:
//
//	many [-sequence] N HOST PATH
//
// It asks N times, one after the other, fails unless each reply is 200, and
// prints how often each last word of a first line came, or all of them in order.
func manyMain() {
	if err := many(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "many: %v\n", err)
		os.Exit(1)
	}
}

func many(args []string) error {
	f := flag.NewFlagSet("many", flag.ContinueOnError)
	sequence := f.Bool("sequence", false, "print the words in order")
	if err := f.Parse(args); err != nil {
		return err
	}
	n, err := strconv.Atoi(f.Arg(0))
	if err != nil || f.NArg() != 3 {
		return fmt.Errorf("usage: many [-sequence] N HOST PATH")
	}
	ready, err := readReadyFile(os.Getenv("READY"))
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for range n {
		word, err := lastWord(ready.URLs.Base+f.Arg(2), f.Arg(1))
		if err != nil {
			return err
		}
		counts[word]++
		if *sequence {
			fmt.Println(word)
		}
	}
	for word, n := range counts {
		if !*sequence {
			fmt.Println(word, n)
		}
	}
	return nil
}

// lastWord asks once and returns the last word of the body's first line.
func lastWord(url, host string) (string, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d, %q, %v", resp.StatusCode, body, err)
	}
	line, _, _ := strings.Cut(string(body), "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		return "", fmt.Errorf("an empty reply")
	}
	return words[len(words)-1], nil
}

// readyFile is what the tests need of the ready file.
type readyFile struct {
	PID  int `json:"pid"`
	URLs struct {
		Base, API, Registry, UI string
	} `json:"urls"`
}

func readReadyFile(path string) (readyFile, error) {
	var r readyFile
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

func proxyTo(address string) func(*http.Request) (*url.URL, error) {
	return http.ProxyURL(&url.URL{Scheme: "http", Host: address})
}
