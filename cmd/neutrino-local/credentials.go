package main

import (
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/registry/remote"
	"github.com/neutrino-local/neutrino-local/web/client"
)

// credentials are how a registry that need not be ours is reached.
type credentials struct {
	insecure           bool
	username, password string
	token              string
}

func (k *credentials) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVarP(&k.insecure, "insecure", "k", false, "reach the registry by plain http://")
	f.StringVar(&k.username, "registry-username", "", "log in to the registry as (default: as Docker's credential files say)")
	f.StringVar(&k.password, "registry-password", "", "the password; "+passwordVariable(c)+" keeps it out of the list of processes")
	f.StringVar(&k.token, "registry-token", "", "send this token to the registry, and nothing else")
	c.MarkFlagsMutuallyExclusive("registry-token", "registry-username")
}

func passwordVariable(c *cobra.Command) string {
	return "NEUTRINO_" + strings.ToUpper(c.Name()) + "_REGISTRY_PASSWORD"
}

// check refuses half a login.
func (k *credentials) check() error {
	if k.username != "" && k.password == "" {
		return usagef("--registry-username %s: give --registry-password too", k.username)
	}
	return nil
}

// options says how to reach the registry of ref. Where it is that of our own
// server, it is reached as the server is.
func (k *credentials) options(ref string, server *client.Client) remote.Options {
	switch {
	case k.token != "":
		return remote.Options{PlainHTTP: k.insecure, Token: k.token}
	case k.username != "":
		return remote.Options{PlainHTTP: k.insecure, Username: k.username, Password: k.password}
	case isOf(ref, server):
		return remote.Options{PlainHTTP: server.PlainHTTP(), Token: server.Token()}
	}
	return remote.Options{PlainHTTP: k.insecure, DockerCredentials: true}
}

// isOf reports whether ref is in the registry of the server.
func isOf(ref string, server *client.Client) bool {
	host, _, _ := strings.Cut(ref, "/")
	_, own, _ := strings.Cut(server.Base(), "://")
	if host == own {
		return true
	}
	name, port, err := net.SplitHostPort(host)
	ownName, ownPort, ownErr := net.SplitHostPort(own)
	return err == nil && ownErr == nil && port == ownPort && here(name) && here(ownName)
}

// here reports whether a host's name is one of this machine's own.
func here(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}
