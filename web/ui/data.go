package ui

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const (
	defaultStore = "default"
	maxEdited    = 64 << 10 // bytes of a value that can be edited on the page
	maxDumped    = 512      // bytes of another value that are shown
)

type dataPage struct {
	frame
	Is     apitype.App
	Data   apitype.KeyValue
	Store  string
	Size   apitype.KeyValueStore // of that store
	Prefix string
	Later  bool // not the first page
	Keys   []apitype.KeyValueEntry
	Next   string
	Reads  meter
	Writes meter
	// Refused is how many reads and writes of the last minute were.
	Refused int64
}

// A meter is what guests did in the last minute, as a spark.
type meter struct {
	Points string
	Rate   string // a second, over the last ten
	Limit  int64  // a second; 0 is none
}

// Stores are the labels to choose from.
func (p dataPage) Stores() []string {
	labels := []string{defaultStore}
	for _, s := range append(p.Data.Stores, apitype.KeyValueStore{Label: p.Store}) {
		if s.Label != labels[0] && s.Label != labels[len(labels)-1] {
			labels = append(labels, s.Label)
		}
	}
	return labels
}

// Empty reports whether the app has no pair at all.
func (p dataPage) Empty() bool { return len(p.Data.Stores) == 0 }

// dataFrame returns what the pages of an app's data have in common.
func (p *Pages) dataFrame(c echo.Context, title string) (frame, apitype.App, error) {
	app, err := p.api.App(c.Request().Context(), ref(c), time.Time{})
	f := p.frame("data", title+" of "+app.Name)
	f.App = app.Name
	return f, app, err
}

func (p *Pages) data(c echo.Context) error {
	ctx := c.Request().Context()
	f, app, err := p.dataFrame(c, "Data")
	if err != nil {
		return err
	}
	page := dataPage{frame: f, Is: app, Store: storeOf(c), Prefix: c.QueryParam("prefix"), Later: c.QueryParam("from") != ""}
	page.Events = "/api/v1/events?app=" + url.QueryEscape(app.ID)
	if page.Data, err = p.api.KeyValueOf(ctx, app.ID); err != nil {
		return err
	}
	for _, s := range page.Data.Stores {
		if s.Label == page.Store {
			page.Size = s
		}
	}
	page.measure(time.Now())
	keys, err := p.api.Keys(ctx, app.ID, page.Store, keyvalue.Range{Prefix: page.Prefix, From: c.QueryParam("from"), Max: namesShown})
	if err != nil {
		return err
	}
	page.Keys, page.Next = keys.Keys, keys.Next
	return p.show(c, "data", page)
}

// measure makes the meters.
func (p *dataPage) measure(now time.Time) {
	var reads, writes [sparkSeconds]int64
	end := now.Truncate(time.Second)
	for _, s := range p.Data.Seconds {
		if i := sparkSeconds - int(end.Sub(s.At)/time.Second); i >= 0 && i < sparkSeconds {
			reads[i], writes[i] = s.Reads, s.Writes
		}
		p.Refused += s.Refused
	}
	p.Reads = meter{line(reads[:]), rate(reads[sparkSeconds-10:]), p.Data.Limits.Reads}
	p.Writes = meter{line(writes[:]), rate(writes[sparkSeconds-10:]), p.Data.Limits.Writes}
}

type valuePage struct {
	frame
	Is    apitype.App
	Store string
	Key   string
	Size  int64
	Text  string // if it can be edited here
	Edit  bool
	Dump  string // of the beginning, if not
}

func (p *Pages) value(c echo.Context) error {
	f, app, err := p.dataFrame(c, "Value")
	if err != nil {
		return err
	}
	page := valuePage{frame: f, Is: app, Store: storeOf(c), Key: c.QueryParam("key")}
	value, err := p.api.Value(c.Request().Context(), app.ID, page.Store, page.Key)
	if err != nil {
		return err
	}
	page.Size = int64(len(value))
	if page.Edit = editable(value); page.Edit {
		page.Text = string(value)
	} else {
		page.Dump = hex.Dump(value[:min(len(value), maxDumped)])
	}
	return p.show(c, "value", page)
}

// editable reports whether a form gives a value back as it was. It would make a
// line end of each CR.
func editable(value []byte) bool {
	hidden := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	return len(value) <= maxEdited && utf8.Valid(value) && !bytes.ContainsFunc(value, hidden)
}

// setValue takes the key from the URL, as it is, or from the form of a new pair.
func (p *Pages) setValue(c echo.Context) error {
	label, key := storeOf(c), c.FormValue("key")
	if c.QueryParams().Has("key") {
		key = c.QueryParam("key")
	}
	value := strings.ReplaceAll(c.FormValue("value"), "\r\n", "\n") // browsers send these
	if err := p.api.SetValue(c.Request().Context(), ref(c), label, key, []byte(value)); err != nil {
		return err
	}
	return back(c, "/data/value?"+url.Values{"store": {label}, "key": {key}}.Encode())
}

func (p *Pages) deleteValue(c echo.Context) error {
	label := storeOf(c)
	if err := p.api.DeleteValue(c.Request().Context(), ref(c), label, c.QueryParam("key")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/_neutrino/apps/"+url.PathEscape(ref(c))+"/data?store="+url.QueryEscape(label))
}

func storeOf(c echo.Context) string { return cmp.Or(c.QueryParam("store"), defaultStore) }

// shownKey returns a key as a person can read it: quoted if it has what cannot be
// seen.
func shownKey(key string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if key == "" || strings.ContainsFunc(key, hidden) || strings.TrimSpace(key) != key {
		return strconv.Quote(key)
	}
	return key
}
