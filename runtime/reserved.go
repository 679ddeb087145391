package runtime

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// serveReserved answers the paths under /.well-known/spin/, which no component
// ever sees.
func (a *App) serveReserved(w http.ResponseWriter, name string) {
	switch name {
	case "health":
		w.Header()["Content-Type"] = nil // net/http must not guess
		_, _ = w.Write([]byte("OK"))     // the client may be gone
	case "info":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(a.info())
	default:
		answer(w, http.StatusNotFound, "")
	}
}

// info is what the app says of itself.
func (a *App) info() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
		Digest  string `json:"oci_image_digest,omitempty"`
	}{a.spec.Lock.Metadata.Name, a.spec.Lock.Metadata.Version, string(a.spec.Digest)})
	if err != nil {
		panic(err) // three strings
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
