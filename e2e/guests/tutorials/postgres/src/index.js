// Keeps notes in a table of PostgreSQL.
import { Hono } from 'hono';
import { open } from '@spinframework/spin-postgres';
import { get } from '@spinframework/spin-variables';

const connect = () => open(get('postgres_address'));
const app = new Hono();

app.post('/setup', (c) => {
  connect().execute(
    'CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, title text NOT NULL, stars real, done boolean NOT NULL DEFAULT false, day date)',
    [],
  );
  return c.body(null, 204);
});

app.post('/notes', async (c) => {
  const { title, stars = null, day } = await c.req.json();
  const { rows: [{ id }] } = connect().query(
    'INSERT INTO notes (title, stars, day) VALUES ($1, $2, $3) RETURNING id',
    [title, stars === null ? null : { tag: 'floating32', val: stars }, { tag: 'date', val: day.split('-').map(Number) }],
  );
  return c.json({ id }, 201);
});

app.get('/notes', (c) => {
  const { columns, rows } = connect().query('SELECT id, title, stars, done, day FROM notes ORDER BY id', []);
  return c.json({ columns: columns.map(({ name }) => name), rows });
});

app.put('/notes/:id/done', (c) => {
  const changed = connect().execute('UPDATE notes SET done = true WHERE id = $1', [Number(c.req.param('id'))]);
  return c.json({ changed: Number(changed) }, changed ? 200 : 404);
});

// What the database refuses, and what the manifest does not allow, are errors of the interface.
app.get('/wrong', (c) => {
  const errors = [];
  for (const f of [() => connect().query('SELEKT', []), () => open('postgres://somebody@elsewhere.invalid:5432/notes')]) {
    try {
      f();
      errors.push(null);
    } catch (e) {
      errors.push(e.payload);
    }
  }
  return c.json(errors);
});

app.fire();
