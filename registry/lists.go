package registry

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// maxPage is the most names in one reply; the rest is behind a Link.
const maxPage = 10_000

// A page is a part of a list of names: at most n from the one after last.
type page struct {
	n    int
	last string
}

func parsePage(q url.Values) (page, error) {
	p := page{n: maxPage, last: q.Get("last")}
	if len(p.last) > maxName {
		return page{}, fmt.Errorf("%w: last is longer than %d characters", errPage, maxName)
	}
	if q.Has("n") {
		n := number(q.Get("n"))
		if n < 0 {
			return page{}, fmt.Errorf("%w: n=%.40q; want a number", errPage, q.Get("n"))
		}
		p.n = int(min(n, maxPage))
	}
	return p, nil
}

// names fills a page by next, which returns at most n names after last, and
// sets the Link to the page behind it.
func (p page) names(w http.ResponseWriter, r *http.Request, next func(last string, n int) ([]string, error)) ([]string, error) {
	names, err := next(p.last, p.n+1) // one more, to know whether there is more
	if err != nil || len(names) <= p.n {
		return append([]string{}, names...), err
	}
	names = names[:p.n]
	if p.n > 0 {
		q := url.Values{"n": {strconv.Itoa(p.n)}, "last": {names[p.n-1]}}
		setNext(w, r, q)
	}
	return names, nil
}

// setNext sets the Link to the next part of a list.
func setNext(w http.ResponseWriter, r *http.Request, q url.Values) {
	w.Header().Set("Link", "<"+r.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
}

// listTags is GET of tags/list.
func (s *Server) listTags(w http.ResponseWriter, r *http.Request, t target) error {
	p, err := parsePage(r.URL.Query())
	if err != nil {
		return err
	}
	names, err := p.names(w, r, func(last string, n int) ([]string, error) {
		return s.index.Tags(r.Context(), t.repository, last, n)
	})
	if err != nil {
		return missing(err, errNameUnknown)
	}
	return writeJSON(w, r, "application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{t.repository, names})
}

// listRepositories is GET of _catalog: the repositories that the client may see.
func (s *Server) listRepositories(w http.ResponseWriter, r *http.Request, _ target) error {
	p, err := parsePage(r.URL.Query())
	if err != nil {
		return err
	}
	only, err := s.auth.accountOf(r)
	if err != nil {
		return err
	}
	names, err := p.names(w, r, func(last string, n int) ([]string, error) {
		return s.repositories(r, only, last, n)
	})
	if err != nil {
		return err
	}
	return writeJSON(w, r, "application/json", map[string][]string{"repositories": names})
}

// repositories returns at most n repositories of one account, or of all if only
// is "".
func (s *Server) repositories(r *http.Request, only, last string, n int) ([]string, error) {
	if only == "" {
		return s.index.Repositories(r.Context(), last, n)
	}
	end := only + "0" // '0' is the byte after '/'
	var own []string
	for last = max(last, only[:len(only)-1]); len(own) < n && last < end; {
		names, err := s.index.Repositories(r.Context(), last, n)
		if err != nil || len(names) == 0 {
			return own, err
		}
		last = names[len(names)-1]
		own = append(own, slices.DeleteFunc(names, func(name string) bool { return account(name) != only })...)
	}
	return own[:min(n, len(own))], nil
}

// A referrer is one entry in the list of referrers.
type referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

func (e referrer) weight() int {
	n := 300
	for k, v := range e.Annotations {
		n += len(k) + len(v) + 8
	}
	return n
}

const (
	maxReferrers  = 4 << 20 // bytes of one list, as for any manifest
	referrersRead = 16      // at once, since their annotations may be big
)

// listReferrers is GET of referrers: an index of the manifests whose subject is
// the digest.
func (s *Server) listReferrers(w http.ResponseWriter, r *http.Request, t target) error {
	q := r.URL.Query()
	artifactType, last := q.Get("artifactType"), q.Get("last")
	if last != "" {
		if _, err := parsed(last); err != nil {
			return err
		}
	}
	list := []referrer{}
	for room, more := maxReferrers, true; more; {
		found, err := s.index.ReferrersAfter(r.Context(), t.repository, string(t.digest), artifactType, last, referrersRead)
		if err != nil {
			return err
		}
		more = len(found) == referrersRead
		for _, m := range found {
			e := entry(m)
			if room -= e.weight(); room < 0 && len(list) > 0 {
				q.Set("last", last)
				setNext(w, r, q)
				more = false
				break
			}
			list, last = append(list, e), m.Digest
		}
	}
	if artifactType != "" {
		w.Header().Set("Oci-Filters-Applied", "artifactType")
	}
	return writeJSON(w, r, artifact.IndexType, struct {
		SchemaVersion int        `json:"schemaVersion"`
		MediaType     string     `json:"mediaType"`
		Manifests     []referrer `json:"manifests"`
	}{2, artifact.IndexType, list})
}

func entry(m store.Manifest) referrer {
	return referrer{m.MediaType, m.Digest, m.Size, m.ArtifactType, m.Annotations}
}

// warn adds a warning that people are to see, as far as there is room for it.
func warn(h http.Header, format string, args ...any) {
	text := strings.NewReplacer(`"`, "'", `\`, "/").Replace(fmt.Sprintf(format, args...))
	used := 0
	for _, have := range h.Values("Warning") {
		used += len(have)
	}
	if value := `299 - "` + text + `"`; used+len(value) <= 4096 {
		h.Add("Warning", value)
	}
}
