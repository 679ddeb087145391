package main

import (
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/store"
)

// config is what `up` is told: flags, then NEUTRINO_ variables, then defaults.
// It is read once and checked once.
type config struct {
	listen       string
	domains      []string
	tlsCert      string
	tlsKey       string
	stateDir     string
	ephemeral    bool
	readyFile    string
	token        string
	requireToken bool
	profileName  string
	maxInstances int
	instances    string
	guestMemory  size

	failover       string
	window         time.Duration
	seed           uint64
	drainTimeout   time.Duration
	handlerTimeout time.Duration
	healthInterval time.Duration
	readiness      time.Duration
	keepRevisions  int
	ledgerSize     int

	registry registryFlags
	outbound outboundFlags

	logFormat string
	logLevel  string
	demo      bool

	profile profile      // of profileName, with the flags that override it
	policy  store.Policy // of failover
}

func upCommand(g *globals) *cobra.Command {
	cfg := &config{}
	c := &cobra.Command{
		Use:     "up",
		Aliases: []string{"serve"},
		Short:   "Start the cloud: registry, control API, host, router and page",
		Long: `Start the cloud on one listener and serve until SIGINT or SIGTERM; then finish
the requests that are under way and exit with 0. State persists by default, see
--state-dir and --ephemeral. Every flag has a variable: --state-dir is also
NEUTRINO_STATE_DIR.`,
		Args: cobra.NoArgs,
	}
	cfg.addFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg.stateDir, cfg.token = g.stateDir, g.token
		cfg.drainDefault(c.Flags().Changed("drain-timeout"), c.Flags().Changed("handler-timeout"))
		if err := cfg.check(); err != nil {
			return err
		}
		log, err := newLogger(g.std.Err, cfg.logFormat, cfg.logLevel)
		if err != nil {
			return err
		}
		return serve(c.Context(), *cfg, log, g.std)
	}
	return c
}

func (cfg *config) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&cfg.listen, "listen", defaultListen, "HOST:PORT to listen on; port 0 means any")
	f.StringSliceVar(&cfg.domains, "domain", nil, "one more domain that apps have their hosts below")
	f.StringVar(&cfg.tlsCert, "tls-cert", "", "PEM file of a certificate: serve https")
	f.StringVar(&cfg.tlsKey, "tls-key", "", "PEM file of its key")
	f.BoolVar(&cfg.ephemeral, "ephemeral", false, "keep state in a private directory and remove it at exit")
	f.StringVar(&cfg.readyFile, "ready-file", "", "write this file when ready, remove it at exit")
	f.BoolVar(&cfg.requireToken, "require-token", false, "need a token on loopback too (made up unless --token gives it)")
	f.StringVar(&cfg.profileName, "profile", defaultProfile, "whose limits: "+strings.Join(profileNames(), " or "))
	f.IntVar(&cfg.maxInstances, "max-instances", 0, "most instances of an app at once (default 64)")
	f.StringVar(&cfg.instances, "instances", "auto", "after a request, an instance is: auto (reset in the best way that works here), pooled (reset page by page, or up fails), fresh (thrown away)")
	f.Var(&cfg.guestMemory, "guest-memory", "most bytes of all instances together, such as 4GiB (default: no limit)")
	f.StringVar(&cfg.failover, "failover", string(store.Mixed), "how deployments switch: mixed, drain or instant")
	f.DurationVar(&cfg.window, "failover-window", 2*time.Second, "how long both revisions answer under mixed")
	f.Uint64Var(&cfg.seed, "failover-seed", 0, "decides which request goes to which revision under mixed")
	f.DurationVar(&cfg.drainTimeout, "drain-timeout", 0, "how long requests of an old revision may take (default: the handler's limit and 5s; 5m with --profile spin)")
	f.DurationVar(&cfg.handlerTimeout, "handler-timeout", 0, "how long a handler may take (default: the profile's)")
	f.DurationVar(&cfg.healthInterval, "health-interval", 100*time.Millisecond, "how often a new revision is asked whether it is healthy")
	f.DurationVar(&cfg.readiness, "readiness-timeout", time.Minute, "how long a new revision may take to get healthy")
	f.IntVar(&cfg.keepRevisions, "keep-revisions", 20, "how many revisions of an app to keep")
	f.IntVar(&cfg.ledgerSize, "ledger-size", 100_000, "how many replies the ledger keeps")
	cfg.registry.add(c)
	cfg.outbound.add(c)
	f.StringVar(&cfg.logFormat, "log-format", "text", "text or json")
	f.StringVar(&cfg.logLevel, "log-level", "info", "debug, info, warn or error")
	f.BoolVar(&cfg.demo, "demo", false, "deploy a sample app, upgrade it under load, and tell what was seen")
}

// drainDefault lets the limit of a handler decide how long draining takes.
func (cfg *config) drainDefault(drainSet, handlerSet bool) {
	p, err := findProfile(cfg.profileName)
	if err != nil {
		return // check tells
	}
	if handlerSet {
		p.handler = cfg.handlerTimeout
		if p.handler > 0 {
			p.drain = p.handler + 5*time.Second
		}
	}
	if drainSet {
		p.drain = cfg.drainTimeout
	}
	cfg.profile = p
}

func (cfg *config) check() (err error) {
	if _, err := findProfile(cfg.profileName); err != nil {
		return err
	}
	if !slices.Contains([]string{"auto", "pooled", "fresh"}, cfg.instances) {
		return usagef("--instances %s: use auto, pooled or fresh", cfg.instances)
	}
	if cfg.policy, err = store.ParsePolicy(cfg.failover); err != nil {
		return usagef("--failover: %w", err)
	}
	if _, _, err := net.SplitHostPort(cfg.listen); err != nil {
		return usagef("--listen %s: want HOST:PORT", cfg.listen)
	}
	if (cfg.tlsCert == "") != (cfg.tlsKey == "") {
		return usagef("--tls-cert and --tls-key go together")
	}
	for _, path := range []string{cfg.tlsCert, cfg.tlsKey} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return usagef("tls: %w", err)
		}
	}
	if err := cfg.outbound.check(); err != nil {
		return err
	}
	if err := cfg.registry.check(); err != nil {
		return err
	}
	return cfg.checkNumbers()
}

func (cfg *config) checkNumbers() error {
	for _, d := range []struct {
		flag  string
		value time.Duration
		least time.Duration
	}{
		{"failover-window", cfg.window, 0},
		{"drain-timeout", cfg.profile.drain, 0},
		{"handler-timeout", cfg.profile.handler, 0},
		{"health-interval", cfg.healthInterval, time.Millisecond},
		{"readiness-timeout", cfg.readiness, time.Millisecond},
	} {
		if d.value < d.least {
			return usagef("--%s %s: want at least %s", d.flag, d.value, d.least)
		}
	}
	for _, n := range []struct {
		flag         string
		value, least int
	}{
		{"keep-revisions", cfg.keepRevisions, 2},
		{"ledger-size", cfg.ledgerSize, 1},
		{"max-instances", cfg.maxInstances, 0},
	} {
		if n.value < n.least {
			return usagef("--%s %d: want at least %d", n.flag, n.value, n.least)
		}
	}
	return nil
}

// scheme returns http or https.
func (cfg *config) scheme() string {
	if cfg.tlsCert != "" {
		return "https"
	}
	return "http"
}

// allDomains returns the domains that apps have their hosts below.
func (cfg *config) allDomains() []string {
	all := []string{"localhost", "neutrino.test"}
	for _, d := range cfg.domains {
		if d = hostname(d); d != "" {
			all = append(all, d)
		}
	}
	return all
}

// loopback reports whether an address can be reached from this machine only.
func loopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
