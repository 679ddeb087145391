// Finds packages in NODE_PATH, which must be a node_modules folder.
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

export const modules = process.env.NODE_PATH;

export async function load(name) {
  const dir = path.join(modules, name);
  const { exports } = JSON.parse(await readFile(path.join(dir, 'package.json'), 'utf8'));
  const main = exports['.'] ?? exports;
  return import(pathToFileURL(path.join(dir, main.default ?? main.import)));
}
