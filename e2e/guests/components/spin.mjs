// Makes a component of a script as Spin's templates do: node spin.mjs guest.js out.wasm, in a folder with package.json and node_modules.
import { execFileSync } from 'node:child_process';
import { build } from 'esbuild';
import { SpinEsbuildPlugin } from '@spinframework/build-tools/plugins/esbuild/index.js';

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
execFileSync('node_modules/.bin/j2w', ['-i', 'build/bundle.js', '-o', out], { stdio: 'inherit' });
