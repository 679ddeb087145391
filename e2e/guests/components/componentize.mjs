// Makes a component of a script: node componentize.mjs guest.js world.wit world out.wasm [feature…]
import { mkdtemp, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { load } from './tools.mjs';

const [script, wit, worldName, out, ...enableFeatures] = process.argv.slice(2);
const { componentize } = await load('@bytecodealliance/componentize-js');
const witPath = await mkdtemp(path.join(os.tmpdir(), 'wit-')); // it wants a folder
await copyFile(wit, path.join(witPath, 'world.wit'));
const { component } = await componentize(await readFile(script, 'utf8'), { witPath, worldName, enableFeatures });
await rm(witPath, { recursive: true });
await writeFile(out, component);
