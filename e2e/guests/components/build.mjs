// Makes a component of a core module: node build.mjs core.wasm world.wit world out.wasm [reactor|command]
// It needs @bytecodealliance/jco 1.35 and preview2-shim 0.17.9 in NODE_PATH's node_modules.
import { createRequire } from 'node:module';
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const modules = process.env.NODE_PATH;
const [core, wit, world, out, adapter] = process.argv.slice(2);
const require = createRequire(path.join(modules, '..', 'x.js'));
const load = (name) => import(pathToFileURL(require.resolve(name)));

const { componentNew, componentEmbed } = await load('@bytecodealliance/jco');
const embedded = await componentEmbed({
  binary: new Uint8Array(await readFile(core)), witSource: await readFile(wit, 'utf8'), world,
});
const adapters = [];
if (adapter) {
  const file = path.join(modules, `@bytecodealliance/jco/lib/wasi_snapshot_preview1.${adapter}.wasm`);
  adapters.push(['wasi_snapshot_preview1', new Uint8Array(await readFile(file))]);
}
await writeFile(out, await componentNew(embedded, adapters));
