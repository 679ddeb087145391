package apitype

import "time"

// A KeyValue is what an app has in its key-value stores.
type KeyValue struct {
	Stores     []KeyValueStore  `json:"stores"`      // that have pairs
	TotalBytes int64            `json:"total_bytes"` // of the stores of all apps, keys and values
	Limits     KeyValueLimits   `json:"limits"`
	Seconds    []KeyValueSecond `json:"seconds"` // of the last minute, oldest first, in which the app did something
}

// A KeyValueStore is how much is under a label.
type KeyValueStore struct {
	Label string `json:"label"`
	Keys  int64  `json:"keys"`
	Bytes int64  `json:"bytes"` // of keys and values
}

// KeyValueLimits are those of the server's profile; 0 means none.
type KeyValueLimits struct {
	KeyBytes   int64 `json:"key_bytes"`
	ValueBytes int64 `json:"value_bytes"`
	TotalBytes int64 `json:"total_bytes"` // of the stores of all apps
	Reads      int64 `json:"reads"`       // of an app in a second
	Writes     int64 `json:"writes"`      // of an app in a second
}

// A KeyValueSecond is what the guests of an app did in one second.
type KeyValueSecond struct {
	At      time.Time `json:"at"` // its beginning
	Reads   int64     `json:"reads"`
	Writes  int64     `json:"writes"`
	Refused int64     `json:"refused"` // reads and writes that were over the limit
}

// A KeyValuePage is some of the keys of a store, in byte order.
type KeyValuePage struct {
	Keys []KeyValueEntry `json:"keys"`
	Next string          `json:"next,omitempty"` // the first key of the next page
}

// A KeyValueEntry is a key.
type KeyValueEntry struct {
	Key  string `json:"key"`
	Size int64  `json:"size"` // bytes of its value
}

// A KeyValuePair is a line of an export.
type KeyValuePair struct {
	Key   string `json:"key"`
	Value string `json:"value"` // in base64
}

// A KeyValueImported is what was read from an import.
type KeyValueImported struct {
	Pairs int `json:"pairs"`
}
