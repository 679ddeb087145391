import { Connection } from 'spin:postgres/postgres@3.0.0';

// parameter is what the interface takes for a value of JavaScript; one with a tag is it already.
function parameter(value) {
  if (value === null) return { tag: 'db-null' };
  if (value instanceof Uint8Array) return { tag: 'binary', val: value };
  switch (typeof value) {
    case 'string': return { tag: 'str', val: value };
    case 'boolean': return { tag: 'boolean', val: value };
    case 'bigint': return { tag: 'int64', val: value };
    case 'number': return { tag: Number.isInteger(value) ? 'int32' : 'floating64', val: value };
  }
  return value;
}

// plain is the value of JavaScript for one of the database.
function plain({ tag, val }) {
  switch (tag) {
    case 'db-null':
    case 'unsupported': return null;
    case 'date': return new Date(Date.UTC(val[0], val[1] - 1, val[2]));
    case 'time': return new Date(Date.UTC(1970, 0, 1, val[0], val[1], val[2], val[3] / 1e6));
    case 'datetime': return new Date(Date.UTC(val[0], val[1] - 1, val[2], val[3], val[4], val[5], val[6] / 1e6));
    case 'timestamp': return new Date(Number(val) * 1000);
  }
  return val;
}

// open has a connection whose rows are objects with the names of the columns.
export function open(address) {
  const connection = Connection.open(address);
  return {
    query(statement, params) {
      const { columns, rows } = connection.query(statement, params.map(parameter));
      return { columns, rows: rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i].name, plain(value)]))) };
    },
    execute: (statement, params) => connection.execute(statement, params.map(parameter)),
  };
}
