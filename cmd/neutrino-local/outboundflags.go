package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// outboundFlags are what `up` is told of what guests reach.
type outboundFlags struct {
	offline bool
	caFiles []string

	roots *x509.CertPool // nil: the system's
}

func (o *outboundFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.offline, "offline", false, "guests reach their own app and this machine's loopback only")
	f.StringSliceVar(&o.caFiles, "ca-file", nil, "PEM file of certificates that guests' connections trust, besides the system's")
}

// maxCAFile bounds a file of certificates.
const maxCAFile = 16 << 20

// check reads the files.
func (o *outboundFlags) check() error {
	if len(o.caFiles) == 0 {
		return nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // of a system that has none
	}
	for _, name := range o.caFiles {
		pem, err := readCAFile(name)
		if err != nil {
			return usagef("--ca-file: %w", err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return usagef("--ca-file %s: it has no certificate in PEM", name)
		}
	}
	o.roots = roots
	return nil
}

func readCAFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pem, err := io.ReadAll(io.LimitReader(f, maxCAFile+1))
	if err == nil && len(pem) > maxCAFile {
		err = fmt.Errorf("%s: more than %d bytes", name, maxCAFile)
	}
	return pem, err
}
