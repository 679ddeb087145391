package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/registry/remote"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

// A deploy is one run of the verb: its flags, and then what it finds out on the
// way.
type deploy struct {
	workspace
	reference   string // --from-registry
	credentials credentials
	build       bool
	watching    bool
	createName  string
	noConfirm   bool
	variables   []string
	listen      string
	queue       bool
	wait        string
	skipCheck   bool
	healthPath  string
	readiness   time.Duration
	failover    failoverFlags
	format      string
	cacheDir    string

	say    io.Writer // the transcript
	client *client.Client
	server apitype.Server
	source source
	target target
	events []apitype.PhaseEvent
}

// failoverFlags say how to switch, where the server's defaults do not do.
type failoverFlags struct {
	cmd    *cobra.Command
	policy string
	window time.Duration
	seed   uint64
	drain  time.Duration
}

// A target is the app that a deployment is for.
type target struct {
	digest string // of what is deployed
	name   store.AppName
	app    apitype.App
	create bool // app is not there yet
	link   bool // write the link once it is
}

func deployCommand(g *globals) *cobra.Command {
	d := &deploy{workspace: workspace{globals: g}}
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Package and push an app, and create or upgrade it",
		Long: `Package the app in this folder as an OCI artifact, push it to the server's
registry, and create the app, or upgrade the one that .neutrino/config.toml
names. With --from-registry it is copied from there instead: by this command,
with its user's credentials, not by the server. Returns when the new revision is healthy and traffic has begun to go to
it, as the cloud does; the old one may answer for a short while longer.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if d.watching {
				return d.watch(c.Context())
			}
			return d.run(c.Context())
		},
	}
	d.addFlags(c)
	f := c.Flags()
	f.StringVar(&d.reference, "from-registry", "", "deploy what is in a registry at this reference, and not the app in this folder")
	d.credentials.addFlags(c)
	f.BoolVar(&d.build, "build", false, "run the components' build commands first (also SPIN_ALWAYS_BUILD)")
	f.BoolVar(&d.watching, "watch", false, "deploy again after each change of the app's files, and build what has changed; Ctrl-C ends")
	f.StringVar(&d.cacheDir, "cache-dir", "", "where downloaded components are kept")
	f.StringVar(&d.createName, "create-name", "", "create an app of this name, whatever the workspace is linked to")
	f.BoolVar(&d.noConfirm, "no-confirm", false, "do not ask")
	f.StringArrayVar(&d.variables, "variable", nil, "KEY=VALUE, KEY=@FILE, @FILE.json or @FILE.toml (the last one wins)")
	f.StringVar(&d.listen, "listen", "", "give the app a listener of its own, HOST:PORT")
	f.BoolVar(&d.queue, "queue", false, "wait for a deployment of the app that is under way")
	f.StringVar(&d.wait, "wait", "healthy", "return when healthy, or when live: the old revision has drained")
	f.BoolVar(&d.skipCheck, "skip-readiness-check", false, "return when the deployment is created")
	f.StringVar(&d.healthPath, "health-path", "", "also ask the app itself, at this path, whether it is healthy")
	f.DurationVar(&d.readiness, "readiness-timeout", 0, "how long a revision may take to get healthy (default: the server's)")
	d.failover.add(c)
	formatFlag(c, &d.format)
	c.MarkFlagsMutuallyExclusive("from-registry", "build")
	c.MarkFlagsMutuallyExclusive("from-registry", "watch")
	c.MarkFlagsMutuallyExclusive("create-name", "app-name")
	c.MarkFlagsMutuallyExclusive("create-name", "app-id")
	return c
}

func (f *failoverFlags) add(c *cobra.Command) {
	f.cmd = c
	c.Flags().StringVar(&f.policy, "failover", "", "mixed, drain or instant (default: the server's)")
	c.Flags().DurationVar(&f.window, "failover-window", 0, "how long both revisions answer under mixed (default: the server's)")
	c.Flags().Uint64Var(&f.seed, "failover-seed", 0, "decides which request goes to which revision under mixed")
	c.Flags().DurationVar(&f.drain, "drain-timeout", 0, "how long requests of the old revision may take (default: the server's)")
}

// apply puts the flags that were given into a request.
func (f *failoverFlags) apply(req *apitype.CreateDeployment) {
	req.Policy = f.policy
	if f.cmd.Flags().Changed("failover-window") {
		req.WindowMS = new(f.window.Milliseconds())
	}
	if f.cmd.Flags().Changed("failover-seed") {
		req.Seed = &f.seed
	}
	if f.cmd.Flags().Changed("drain-timeout") {
		req.DrainTimeoutMS = new(f.drain.Milliseconds())
	}
}

func (d *deploy) run(ctx context.Context) error {
	if err := d.checkFlags(); err != nil {
		return err
	}
	if err := d.findSource(); err != nil {
		return err
	}
	if err := d.findTarget(ctx); err != nil {
		return err
	}
	lock, err := d.source.make(ctx)
	if err != nil {
		return err
	}
	variables, err := d.values(lock)
	if err != nil {
		return err
	}
	if err := d.confirm(); err != nil {
		return err
	}
	digest, repository, err := d.push(ctx)
	if err != nil {
		return err
	}
	if err := d.create(ctx); err != nil {
		return err
	}
	req := apitype.CreateDeployment{
		Repository: repository, Digest: digest, Variables: variables,
		Listen: d.listen, Queue: d.queue, HealthPath: d.healthPath,
		ReadinessMS: d.readiness.Milliseconds(), Events: d.events,
	}
	d.failover.apply(&req)
	return d.follow(ctx, req)
}

// builds reports whether components are to be built before they are packaged.
func (d *deploy) builds() bool { return d.build || envBool("SPIN_ALWAYS_BUILD") }

func (d *deploy) checkFlags() error {
	d.say = d.std.Out
	if d.format == "json" {
		d.say = d.std.Err
	}
	if d.wait != "healthy" && d.wait != "live" {
		return usagef("--wait %s: use healthy or live", d.wait)
	}
	if d.failover.policy != "" {
		if _, err := store.ParsePolicy(d.failover.policy); err != nil {
			return usagef("--failover: %w", err)
		}
	}
	if d.healthPath != "" && d.healthPath[0] != '/' {
		return usagef("--health-path %s: begin it with /", d.healthPath)
	}
	return nil
}

func (d *deploy) findSource() error {
	if d.reference != "" {
		d.source = &registrySource{deploy: d, ref: d.reference}
		return d.credentials.check()
	}
	if d.credentials.insecure {
		return usagef("--insecure goes with --from-registry")
	}
	manifest, err := d.manifest()
	d.source = &folderSource{deploy: d, manifest: manifest}
	return err
}

// findTarget decides which app is meant, and whether it has to be created,
// before anything is packaged.
func (d *deploy) findTarget(ctx context.Context) (err error) {
	if d.client, err = d.workspace.client(); err != nil {
		return err
	}
	if d.server, err = d.client.Server(ctx); err != nil {
		return err
	}
	l, err := d.link()
	if err != nil && d.createName == "" {
		return err
	}
	if d.createName == "" && (l != nil || d.appName != "" || d.appID != "") {
		d.target.app, err = d.app(ctx, d.client)
		d.target.name = store.AppName(d.target.app.Name)
		return err
	}
	d.target.create, d.target.link = true, true
	return d.newName(ctx)
}

// newName takes the name of the app to create from --create-name, or else from
// the app itself and, on a terminal, from the person.
func (d *deploy) newName(ctx context.Context) (err error) {
	name := d.createName
	if name == "" {
		if name, err = d.source.name(ctx); err != nil {
			return err
		}
		if d.asks() {
			if name, err = d.std.ask("Name of new app", store.SuggestAppName(name)); err != nil {
				return err
			}
		}
	}
	if d.target.name, err = store.ParseAppName(name); err != nil {
		return err
	}
	_, err = d.client.App(ctx, name)
	switch {
	case err == nil:
		err = fmt.Errorf("%w: an app named %q is there already", store.ErrConflict, name)
		return store.Hint(err, fmt.Sprintf("upgrade it with --app-name %s, or choose another name with --create-name", name))
	case isCode("not_found")(err):
		return nil
	}
	return err
}

func (d *deploy) asks() bool { return !d.noConfirm && d.std.terminal() }

func (d *deploy) phase(p store.Phase) {
	d.events = append(d.events, apitype.PhaseEvent{Phase: string(p), At: time.Now().UTC()})
}

func (d *deploy) confirm() error {
	t, account := d.target, apitype.Account{Name: store.LocalAccountName}
	if t.create {
		fmt.Fprintf(d.say, "Creating new app %s in account %s\n", t.name, account.Name)
		fmt.Fprintln(d.say, "Note: If you would instead like to deploy to an existing app, cancel this deploy "+
			"and link this workspace to the app with `neutrino-local app link`")
	} else {
		fmt.Fprintf(d.say, "Deploying updated version of app %s in account %s (version %d → %d)\n",
			t.name, t.app.Account.Name, t.app.Current, t.app.Latest+1)
	}
	if !d.asks() {
		return nil
	}
	ok, err := d.std.confirm("OK to continue?")
	if err == nil && !ok {
		err = errors.New("cancelled: nothing was changed")
	}
	return err
}

// push pushes the artifact to account/app:revision number.
func (d *deploy) push(ctx context.Context) (digest, repository string, err error) {
	d.phase(store.Pushing)
	repository = store.LocalAccountName + "/" + string(d.target.name)
	ref := fmt.Sprintf("%s/%s:%d", d.server.URLs.Registry, repository, d.target.app.Latest+1)
	pushed, err := d.source.push(ctx, ref, remote.Options{PlainHTTP: d.client.PlainHTTP(), Token: d.client.Token()})
	return string(pushed), repository, err
}

// create makes the app if need be, and links the workspace to it.
func (d *deploy) create(ctx context.Context) error {
	if !d.target.create {
		return nil
	}
	dir, err := d.folder()
	if err != nil {
		return err
	}
	if d.target.app, err = d.client.CreateApp(ctx, apitype.CreateApp{Name: string(d.target.name)}); err != nil {
		return err
	}
	if err := writeLink(dir, linkTo(d.target.app, d.server)); err != nil {
		return fmt.Errorf("app %s is created, but the workspace is not linked to it: %w", d.target.name, err)
	}
	fmt.Fprintf(d.say, "Workspace linked to app %s\n", d.target.name)
	return nil
}

func linkTo(app apitype.App, server apitype.Server) link {
	return link{
		Application: linkedApp{ID: app.ID, Name: app.Name, Account: app.Account.Name},
		Server:      linkedServer{URL: server.URLs.Base},
	}
}
