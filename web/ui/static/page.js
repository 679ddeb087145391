// The page works without this; it keeps the page fresh. Every number comes from
// the server's event stream, at most ten times a second.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const live = byId("live");
  let paused = false;

  function say(state, text) {
    if (!live) return;
    live.hidden = false;
    live.className = "live " + state;
    live.textContent = text;
  }

  // throttled calls f at once and then at most each ms, the last call included.
  function throttled(ms, f) {
    let waiting = false, again = false;
    return function run() {
      if (waiting) { again = true; return; }
      f();
      waiting = true;
      setTimeout(() => { waiting = false; if (again) { again = false; run(); } }, ms);
    };
  }

  // A tail reads one event stream. It closes while the page is hidden, since a
  // browser has few connections for one server, and goes on where it stopped.
  function tail(url, names, resume) {
    let source = null, retry = 0;
    function open() {
      clearTimeout(retry);
      if (source || document.hidden) return;
      source = new EventSource(resume ? resume(url) : url);
      source.onopen = () => say(paused ? "" : "on", paused ? "paused" : "live");
      source.onerror = () => {
        say("off", "reconnecting…");
        if (source && source.readyState === EventSource.CLOSED) {
          close();
          retry = setTimeout(open, 2000);
        }
      };
      for (const [name, f] of Object.entries(names)) source.addEventListener(name, f);
    }
    function close() {
      if (source) source.close();
      source = null;
    }
    document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    open();
    return close;
  }

  // Parts of the page that htmx renews listen for these two.
  const announce = (name) => () => {
    if (!paused) document.body.dispatchEvent(new CustomEvent("neutrino:" + name));
  };
  const appsChanged = throttled(400, announce("apps"));
  const repliesCame = throttled(1000, announce("counts"));

  function pauseButton(onResume) {
    const button = byId("pause");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      paused = !paused;
      button.setAttribute("aria-pressed", String(paused));
      button.textContent = paused ? "Resume" : "Pause";
      say(paused ? "" : "on", paused ? "paused" : "live");
      if (!paused) onResume();
    });
  }

  function copyButtons() {
    if (!navigator.clipboard) return;
    const show = () => document.querySelectorAll("[data-copy][hidden]").forEach((b) => { b.hidden = false; });
    show();
    document.body.addEventListener("htmx:after:swap", show);
    document.addEventListener("click", async (e) => {
      const button = e.target.closest("[data-copy]");
      if (!button) return;
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const toneOf = (revision) => "rev" + ((((revision - 1) % 6) + 6) % 6);

  // failoverChart draws replies by revision as areas that are stacked, failed
  // ones as a line, and the phases of deployments as marks on the time axis.
  function failoverChart(box) {
    const seconds = Number(box.dataset.seconds), least = 60, app = box.dataset.app;
    const bySecond = new Map(); // second → revision → count
    const deployments = new Map(); // id → marks
    const legend = byId("legend");
    let plot = null, shown = "";

    function add(counts) {
      for (const c of counts) {
        const at = Date.parse(c.second) / 1000;
        if (!bySecond.has(at)) bySecond.set(at, new Map());
        bySecond.get(at).set(c.revision, c);
      }
    }

    function mark(d) {
      const marks = [];
      for (const [i, e] of d.events.entries()) {
        if (!["switching", "draining", "live", "failed"].includes(e.phase)) continue;
        const next = d.events[i + 1];
        if (!e.detail && next && next.phase === e.phase && Date.parse(next.at) - Date.parse(e.at) < 100) continue; // the first step says more
        const text = "r" + d.revision + " " + (e.phase === "switching" && e.detail ? e.detail.replace("%", " %") : e.phase);
        const at = Date.parse(e.at) / 1000, before = marks[marks.length - 1];
        if (before && before.text === text) continue;
        marks.push({ at, text });
      }
      deployments.set(d.id, marks);
      if (deployments.size > 20) deployments.delete(deployments.keys().next().value);
    }

    // series returns, up to the last second that is over and has had time to
    // arrive, the columns that uPlot draws: time, sums from the last
    // revision down to the first, failed.
    function series() {
      const end = Math.floor((Date.now() - 400) / 1000) - 1, oldest = end - seconds;
      const revisions = new Set();
      let first = end;
      for (const [at, row] of bySecond) {
        if (at < oldest) { bySecond.delete(at); continue; }
        first = Math.min(first, at);
        for (const r of row.keys()) revisions.add(r);
      }
      const start = Math.max(oldest, Math.min(first - 2, end - least)); // what is new fills the chart
      const order = [...revisions].sort((a, b) => a - b);
      const times = [], failed = [], sums = order.map(() => []);
      let anyFailed = false;
      for (let at = start; at <= end; at++) {
        const row = bySecond.get(at);
        let sum = 0, bad = 0;
        order.forEach((r, i) => {
          const c = row && row.get(r);
          sum += c ? c.replies : 0;
          bad += c ? c.failed : 0;
          sums[i].push(sum);
        });
        times.push(at);
        failed.push(bad);
        anyFailed = anyFailed || bad > 0;
      }
      if (!anyFailed) failed.fill(null); // no line
      return { order, columns: [times, ...sums.reverse(), failed], start, end };
    }

    // drawMarks draws all lines first, so that none crosses the text of another.
    function drawMarks(u) {
      const ctx = u.ctx, ratio = devicePixelRatio, right = u.bbox.left + u.bbox.width;
      const marks = [...deployments.values()].flat().sort((a, b) => a.at - b.at)
        .map((m) => ({ text: m.text, x: u.valToPos(m.at, "x", true) })).filter((m) => m.x >= u.bbox.left && m.x <= right);
      ctx.save();
      ctx.font = 11 * ratio + "px system-ui, sans-serif";
      ctx.textAlign = "left"; // uPlot leaves its own
      ctx.textBaseline = "alphabetic";
      ctx.strokeStyle = color("--quiet");
      ctx.setLineDash([3 * ratio, 4 * ratio]);
      for (const { x } of marks) {
        ctx.beginPath();
        ctx.moveTo(x, u.bbox.top);
        ctx.lineTo(x, u.bbox.top + u.bbox.height);
        ctx.stroke();
      }
      let row = 0, before = -Infinity;
      for (const { x, text } of marks) {
        row = x - before < 110 * ratio ? row + 1 : 0;
        before = x;
        const wide = ctx.measureText(text).width + 8 * ratio;
        const left = x + wide + 4 * ratio > right ? x - wide - 3 * ratio : x + 3 * ratio;
        const top = u.bbox.top + (2 + 16 * (row % 12)) * ratio;
        ctx.fillStyle = color("--card");
        ctx.globalAlpha = 0.85;
        ctx.fillRect(left, top, wide, 14 * ratio);
        ctx.globalAlpha = 1;
        ctx.fillStyle = color("--ink");
        ctx.fillText(text, left + 4 * ratio, top + 11 * ratio);
      }
      ctx.restore();
    }

    function build(order, columns) {
      if (plot) plot.destroy();
      const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
      const areas = [...order].reverse().map((r) => ({
        label: "r" + r, stroke: color("--" + toneOf(r)), fill: color("--" + toneOf(r)), width: 1, points: { show: false },
      }));
      plot = new uPlot({
        width: box.clientWidth, height: box.clientHeight, padding: [null, 28, null, null], legend: { show: false }, cursor: { show: false },
        scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(4, high * 1.15)] } },
        axes: [{ ...axis, space: 90, values: (_, splits) => splits.map((at) => new Date(at * 1000).toISOString().slice(11, 19)) }, { ...axis, size: 56 }],
        series: [{}, ...areas, { label: "failed", stroke: color("--bad"), width: 2, points: { show: false } }],
        hooks: { draw: [drawMarks] },
      }, columns, box);
    }

    function label(order, columns) {
      const at = columns[0].length - 1;
      const row = bySecond.get(columns[0][at]) || new Map();
      const items = order.map((r) => [toneOf(r), "r" + r, row.has(r) ? row.get(r).replies : 0]);
      items.push(["bad", "failed", columns[columns.length - 1][at] || 0]);
      while (legend.children.length > items.length) legend.lastChild.remove();
      items.forEach(([tone, name, n], i) => {
        const li = legend.children[i] || legend.appendChild(document.createElement("li"));
        if (!li.firstChild) li.append(document.createElement("span"));
        li.className = tone;
        li.firstChild.textContent = name + " " + n + "/s";
      });
    }

    const draw = throttled(250, () => requestAnimationFrame(() => {
      if (document.hidden) return;
      const { order, columns, start, end } = series();
      const key = order.join();
      if (!plot || key !== shown) build(order, columns); else plot.setData(columns, false);
      shown = key;
      plot.setScale("x", { min: start, max: end });
      label(order, columns);
    }));

    new ResizeObserver(() => { if (plot) plot.setSize({ width: box.clientWidth, height: box.clientHeight }); }).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { shown = null; draw(); });
    setInterval(draw, 1000);

    async function load() {
      const since = new Date(Date.now() - seconds * 1000).toISOString();
      const get = async (path) => {
        const reply = await fetch(path);
        if (!reply.ok) throw new Error(path + ": " + reply.status);
        return reply.json();
      };
      try {
        const [counts, page] = await Promise.all([
          get("/api/v1/ledger/counts?app=" + app + "&since=" + since),
          get("/api/v1/apps/" + app + "/deployments?limit=5"),
        ]);
        add(counts);
        page.deployments.reverse().forEach(mark);
      } catch (err) {
        say("off", "no history");
      }
      draw();
    }
    load();
    return { counts: (c) => { add(c); draw(); }, deployment: (d) => { mark(d); draw(); } };
  }

  const maxLines = 2000;

  // logTail adds lines as they are written.
  function logTail(list) {
    const box = byId("logbox"), none = byId("nolines");
    let last = 0, waiting = [];
    for (const li of list.children) last = Math.max(last, Number(li.dataset.seq));
    box.scrollTop = box.scrollHeight;

    function element(line) {
      const li = document.createElement("li");
      li.dataset.seq = line.seq;
      li.className = line.stream;
      const part = (tag, name, text) => {
        const e = document.createElement(tag);
        if (name) e.className = name;
        e.textContent = text;
        return e;
      };
      const time = part("time", "", line.time.slice(11, 23).padEnd(12, "0").replace("Z", "0"));
      time.dateTime = line.time;
      li.append(time, " ", part("span", "who", "r" + line.version + " [" + line.component + "]"), " ", part("span", "text", line.msg));
      return li;
    }

    const flush = throttled(100, () => requestAnimationFrame(() => {
      if (paused || !waiting.length) return;
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      list.append(...waiting.splice(0).map(element));
      while (list.children.length > maxLines) list.firstElementChild.remove();
      none.hidden = true;
      if (atEnd) box.scrollTop = box.scrollHeight;
    }));

    const close = tail(list.dataset.stream, {
      message: (e) => {
        const line = JSON.parse(e.data);
        if (line.seq <= last) return;
        last = line.seq;
        waiting.push(line);
        if (waiting.length > maxLines) waiting.shift();
        flush();
      },
      end: () => { close(); say("off", "the log has ended"); },
    }, (url) => {
      const to = new URL(url, location.href);
      if (last) to.searchParams.set("after", last);
      return to.pathname + to.search;
    });

    pauseButton(flush);
    const copy = byId("copy");
    if (navigator.clipboard) {
      copy.hidden = false;
      copy.addEventListener("click", async () => {
        await navigator.clipboard.writeText([...list.children].map((li) => li.textContent).join("\n"));
        copy.textContent = "Copied";
        setTimeout(() => { copy.textContent = "Copy"; }, 1500);
      });
    }
  }

  copyButtons();
  const lines = byId("lines");
  if (lines) {
    logTail(lines);
    return;
  }
  const events = document.body.dataset.events;
  if (!events) return;
  const box = byId("chart");
  const chart = box && window.uPlot ? failoverChart(box) : null;
  let seen = "";
  pauseButton(() => { announce("counts")(); });
  tail(events, {
    app: appsChanged, // the stream begins with all: what came since the page was made is not missed
    app_deleted: appsChanged,
    deployment: (e) => {
      if (chart) chart.deployment(JSON.parse(e.data));
      appsChanged();
    },
    counts: (e) => {
      const counts = JSON.parse(e.data);
      seen = counts[counts.length - 1].second;
      if (chart) chart.counts(counts);
      repliesCame();
    },
  }, (url) => {
    if (!seen) return url;
    const to = new URL(url, location.href);
    to.searchParams.set("since", seen);
    return to.pathname + to.search;
  });
  document.body.addEventListener("htmx:before:request", () => { const n = byId("notice"); if (n) n.textContent = ""; });
})();
