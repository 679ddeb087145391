// Makes a component of a core module: node build.mjs core.wasm world.wit world out.wasm [reactor|command]
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { load, modules } from './tools.mjs';

const [core, wit, world, out, adapter] = process.argv.slice(2);
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
