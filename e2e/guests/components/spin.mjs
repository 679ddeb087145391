// Makes a component of a script as Spin's templates do: node spin.mjs guest.js out.wasm, in a folder with package.json
// whose packages are in node_modules, there or above.
import { execFileSync } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(path.resolve('package.json'));
const { build } = await import(pathToFileURL(resolve('esbuild')));
const { SpinEsbuildPlugin } = await import(pathToFileURL(resolve('@spinframework/build-tools/plugins/esbuild/index.js')));

const [script, out] = process.argv.slice(2);
await build({
  entryPoints: [script],
  outfile: 'build/bundle.js',
  bundle: true,
  format: 'esm',
  platform: 'browser',
  conditions: ['worker', 'browser'],
  plugins: [await SpinEsbuildPlugin()],
});
await mkdir(path.dirname(out), { recursive: true });
const j2w = resolve('@spinframework/build-tools/dist/index.js'); // it exits with 0 when it fails
execFileSync(process.execPath, [j2w, '-i', 'build/bundle.js', '-o', out], { stdio: 'inherit' });
await access(out);
