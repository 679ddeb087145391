package runtime

import (
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
	"github.com/neutrino-local/neutrino-local/runtime/spin/mqtt"
	"github.com/neutrino-local/neutrino-local/runtime/spin/mysql"
	"github.com/neutrino-local/neutrino-local/runtime/spin/postgres"
	"github.com/neutrino-local/neutrino-local/runtime/spin/redis"
)

// close closes the connections that are kept for guests to come.
func (c *capabilities) close() {
	c.redis.Close()
	c.postgres.Close()
	c.mysql.Close()
}

// servers is how guests reach databases and brokers.
func (h *Host) servers() conns.Network { return conns.Network{Dial: h.network.Dial, Roots: h.roots} }

// grantRedis lets a component talk to the Redis servers that it may reach.
func (a *App) grantRedis(c *artifact.Component) grant {
	reach := a.reach(c)
	return func(in *component.Instance, log func(string)) {
		a.host.can.redis.Set(in, &redis.State{App: a.spec.AppID, Network: a.host.servers(), Allow: reach.For(log).Allow})
	}
}

// grantPostgres lets a component talk to the PostgreSQL servers that it may reach.
func (a *App) grantPostgres(c *artifact.Component) grant {
	reach := a.reach(c)
	return func(in *component.Instance, log func(string)) {
		a.host.can.postgres.Set(in, &postgres.State{Guest: conns.Guest{App: a.spec.AppID, Network: a.host.servers(), Allow: reach.For(log).Allow}})
	}
}

// grantMySQL lets a component talk to the MySQL servers that it may reach.
func (a *App) grantMySQL(c *artifact.Component) grant {
	reach := a.reach(c)
	return func(in *component.Instance, log func(string)) {
		a.host.can.mysql.Set(in, &mysql.State{App: a.spec.AppID, Network: a.host.servers(), Allow: reach.For(log).Allow})
	}
}

// grantMQTT lets a component publish by the MQTT brokers that it may reach.
func (a *App) grantMQTT(c *artifact.Component) grant {
	reach := a.reach(c)
	return func(in *component.Instance, log func(string)) {
		a.host.can.mqtt.Set(in, &mqtt.State{Network: a.host.servers(), Allow: reach.For(log).Allow})
	}
}
