package compose

import "flag"

// The flag is for the scripts of package component; "go test ./..." gives it to
// the tests of all packages.
var _ = flag.String("wast", "", "ignored here")
