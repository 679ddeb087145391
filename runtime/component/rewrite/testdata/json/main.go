// Command json is a kernel for the benchmarks: it writes and reads JSON.
package main

import "encoding/json"

type item struct {
	Name  string            `json:"name"`
	Price float64           `json:"price"`
	Tags  []string          `json:"tags"`
	Stock map[string]int    `json:"stock"`
	More  map[string]string `json:"more,omitempty"`
}

//go:wasmexport run
func run(rounds uint32) uint32 {
	items := make([]item, 100)
	for i := range items {
		items[i] = item{"thing", float64(i) * 1.25, []string{"red", "green", "blue"}, map[string]int{"here": i, "there": 7}, map[string]string{"k": "v"}}
	}
	n := 0
	for range rounds {
		b, err := json.Marshal(items)
		if err != nil {
			panic(err)
		}
		var back []item
		if err := json.Unmarshal(b, &back); err != nil {
			panic(err)
		}
		n += len(b) + len(back)
	}
	return uint32(n)
}

func main() {}
