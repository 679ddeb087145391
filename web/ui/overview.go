package ui

import (
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

type overview struct {
	frame
	Apps   []appRow
	Uptime string
}

type appRow struct {
	apitype.App
	Spark spark
}

func (p *Pages) overview(c echo.Context) error {
	apps, err := p.api.Apps(c.Request().Context(), time.Time{})
	if err != nil {
		return err
	}
	now := time.Now()
	page := overview{frame: p.frame("overview", "Overview"), Uptime: now.Sub(p.api.About().StartedAt).Round(time.Second).String()}
	page.Events = "/api/v1/events"
	lines := sparks(p.api.Counts("", now.Add(-(sparkSeconds+1)*time.Second)), now)
	for _, app := range apps {
		row := appRow{App: app, Spark: lines[app.ID]}
		if row.Spark.Points == "" {
			row.Spark = spark{Points: line(make([]int64, sparkSeconds)), Rate: "0"}
		}
		page.Apps = append(page.Apps, row)
	}
	return p.show(c, "overview", page)
}
