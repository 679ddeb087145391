package e2e

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/services"
)

// An objectStore has files for who signs requests with AWS's Signature Version 4.
type objectStore struct {
	access, secret string
	files          map[string]http.HandlerFunc // by bucket/key
}

func (o *objectStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := o.check(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	file, ok := o.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	file(w, r)
}

// check says what is wrong with a request's signature.
func (o *objectStore) check(r *http.Request) error {
	fields, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return fmt.Errorf("not signed: %q", r.Header.Get("Authorization"))
	}
	given := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		given[name] = value
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > 15*time.Minute {
		return fmt.Errorf("of another time: %q", r.Header.Get("X-Amz-Date"))
	}
	scope := at.Format("20060102") + "/eu-north-1/s3/aws4_request"
	if given["Credential"] != o.access+"/"+scope {
		return fmt.Errorf("who is %q", given["Credential"])
	}
	signed := strings.Split(given["SignedHeaders"], ";")
	if !slices.IsSorted(signed) || !slices.Contains(signed, "host") {
		return fmt.Errorf("headers %q", signed)
	}
	text := []string{r.Method, strings.ReplaceAll(url.QueryEscape(r.URL.Path), "%2F", "/"), r.URL.Query().Encode()}
	text[1] = strings.ReplaceAll(text[1], "+", "%20")
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		text = append(text, name+":"+strings.TrimSpace(value))
	}
	text = append(text, "", given["SignedHeaders"], r.Header.Get("X-Amz-Content-Sha256"))
	sum := sha256.Sum256([]byte(strings.Join(text, "\n")))
	key := []byte("AWS4" + o.secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	want := mac(key, "AWS4-HMAC-SHA256\n"+r.Header.Get("X-Amz-Date")+"\n"+scope+"\n"+hex.EncodeToString(sum[:]))
	if given["Signature"] != hex.EncodeToString(want) {
		return fmt.Errorf("the signature is not that of %q", text)
	}
	return nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func teachStorage(t *testing.T, l *lesson) {
	goOn := make(chan struct{})
	halves := func(w http.ResponseWriter, r *http.Request) { // the second one waits
		io.WriteString(w, "first half, ")
		http.NewResponseController(w).Flush()
		select {
		case <-goOn:
			io.WriteString(w, "second half")
		case <-r.Context().Done():
		}
	}
	store := httptest.NewServer(&objectStore{access: "AKIA", secret: "wJal/r", files: map[string]http.HandlerFunc{
		"/files/reports/2026 (Q1).txt": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"e1"`)
			http.ServeContent(w, r, "report.txt", time.Time{}, strings.NewReader("all is well"))
		},
		"/files/slow": halves, "/files/slow too": halves,
	}})
	defer store.Close()
	who := []string{"endpoint=" + store.URL, "region=eu-north-1", "access_key=AKIA"}
	l.deploy(append(who, "secret_key=wJal/r")...)
	resp := l.send("GET", "/files/reports/2026%20(Q1).txt", "")
	l.compare(resp, 200, "all is well")
	if h := resp.Header; h.Get("Etag") != `"e1"` || !strings.HasPrefix(h.Get("Content-Type"), "text/plain") || resp.ContentLength != 11 {
		t.Errorf("headers %v, length %d", h, resp.ContentLength)
	}
	resp = l.send("GET", "/files/reports/2026%20(Q1).txt", "", "Range: bytes=4-5")
	l.compare(resp, 206, "is")
	if got := resp.Header.Get("Content-Range"); got != "bytes 4-5/11" {
		t.Errorf("the range is %q", got)
	}
	l.want("GET", "/files/missing", "", 404, "the store says 404\n")
	plain, loud := l.send("GET", "/files/slow", ""), l.send("GET", "/loud/slow%20too", "")
	for resp, want := range map[*http.Response]string{plain: "first half, ", loud: "FIRST HALF, "} {
		first := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != want {
			t.Errorf("first came %q, %v; want %q", first, err, want)
		}
	}
	close(goOn)
	l.compare(plain, 200, "second half")
	l.compare(loud, 200, "SECOND HALF")

	l.deploy(append(who, "secret_key=guessed")...)
	l.want("GET", "/files/slow", "", 502, "the store says 403\n")
}

func teachRedis(t *testing.T, l *lesson) {
	address := services.Redis(t, "sesame")
	listener, other := newRedisTalk(t, address), newRedisTalk(t, address)
	listener.say("AUTH sesame", "+OK")
	listener.say("SUBSCRIBE changes", "*3", "$9", "subscribe", "$7", "changes", ":1")
	other.say("AUTH sesame", "+OK")
	l.deploy("redis_host="+address, "redis_address=redis://:sesame@"+address)
	l.want("GET", "/values/a", "", 404, "")
	l.want("PUT", "/values/a", "one\x00\xff", 204, "")
	l.want("GET", "/values/a", "", 200, "one\x00\xff")
	l.want("GET", "/lengths/a", "", 200, `{"int64":5}`)
	listener.say("", "*3", "$7", "message", "$7", "changes", "$1", "a")
	other.say("GET a", "$5", "one\x00\xff")
	l.want("POST", "/numbers/n", "", 200, `{"now":1}`)
	l.want("POST", "/numbers/n", "", 200, `{"now":2}`)
	l.want("PUT", "/sets/s/x", "", 200, `{"added":1}`)
	l.want("PUT", "/sets/s/x", "", 200, `{"added":0}`)
	l.want("PUT", "/sets/s/y", "", 200, `{"added":1}`)
	l.want("GET", "/sets/s", "", 200, `["x","y"]`)
	l.want("DELETE", "/sets/s/x", "", 200, `{"removed":1}`)
	l.want("GET", "/sets/s", "", 200, `["y"]`)
	l.want("DELETE", "/values/a", "", 200, `{"deleted":1}`)
	l.want("GET", "/values/a", "", 404, "")
	l.want("GET", "/elsewhere", "", 200, `{"error":"invalid-address"}`)
}

// teachGuestbook is about the SDK of Spin 2, which apps of its time still have.
func teachGuestbook(t *testing.T, l *lesson) {
	address := "redis://" + services.Redis(t, "")
	l.deploy("redis_address="+address, "title=met")
	l.want("GET", "/", "", 200, "met: \n")
	for i, name := range []string{"bob", "ada"} {
		resp := l.send("POST", "/"+name, "hello")
		l.compare(resp, 201, `{"said":"hello"}`)
		if got, want := resp.Header.Get("X-Guest-Number"), fmt.Sprint(i+1); got != want {
			t.Errorf("%s is guest %q, want %s", name, got, want)
		}
	}
	l.deploy("redis_address=" + address)
	l.want("GET", "/", "", 200, "guests: ada, bob\n")
	l.want("GET", "/no/page", "", 404, "no such page\n")
}

// A redisTalk is a connection to Redis, of somebody who is not a guest.
type redisTalk struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newRedisTalk(t *testing.T, address string) *redisTalk {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &redisTalk{t, conn, bufio.NewReader(conn)}
}

// say sends a command, if it is one, and compares the lines that come.
func (r *redisTalk) say(command string, lines ...string) {
	r.t.Helper()
	if command != "" {
		if _, err := io.WriteString(r.conn, command+"\r\n"); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, want := range lines {
		if got, err := r.in.ReadString('\n'); err != nil || got != want+"\r\n" {
			r.t.Fatalf("Redis says %q, %v; want %q", got, err, want)
		}
	}
}

func teachPostgres(t *testing.T, l *lesson) {
	address := services.Postgres(t, "sesame")
	if _, _, err := net.SplitHostPort(address); err != nil {
		t.Fatal(err)
	}
	l.deploy("postgres_host="+address, "postgres_address=postgres://spin:sesame@"+address+"/postgres?sslmode=disable")
	l.want("POST", "/setup", "", 204, "")
	l.want("POST", "/setup", "", 204, "")
	l.want("GET", "/notes", "", 200, `{"columns":[],"rows":[]}`) // as Spin has it without rows
	l.want("POST", "/notes", `{"title":"it's; DROP TABLE notes","stars":4.5,"day":"2026-02-28"}`, 201, `{"id":1}`)
	l.want("POST", "/notes", `{"title":"zwei ✓","day":"1969-07-20"}`, 201, `{"id":2}`)
	l.want("PUT", "/notes/2/done", "", 200, `{"changed":1}`)
	l.want("PUT", "/notes/3/done", "", 404, `{"changed":0}`)
	l.want("GET", "/notes", "", 200, `{"columns":["id","title","stars","done","day"],"rows":[`+
		`{"id":1,"title":"it's; DROP TABLE notes","stars":4.5,"done":false,"day":"2026-02-28T00:00:00.000Z"},`+
		`{"id":2,"title":"zwei ✓","stars":null,"done":true,"day":"1969-07-20T00:00:00.000Z"}]}`)
	resp := l.send("GET", "/wrong", "")
	body, err := io.ReadAll(resp.Body)
	if text := string(body); err != nil || resp.StatusCode != 200 || !strings.Contains(text, `{"tag":"query-failed","val":"`) ||
		!strings.Contains(text, `{"tag":"connection-failed","val":"address postgres://elsewhere.invalid:5432 is not permitted"}`) {
		t.Errorf("GET /wrong = %d %s, %v", resp.StatusCode, body, err)
	}
	l.deploy("postgres_host="+address, "postgres_address=postgres://spin:guess@"+address+"/postgres?sslmode=disable")
	if resp := l.send("GET", "/notes", ""); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("with a wrong password GET /notes = %d, want 500", resp.StatusCode)
	}
}
