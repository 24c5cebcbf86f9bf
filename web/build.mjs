// Bundles the pages: node build.mjs OUTDIR
// Scripts and styles get content-hashed names (cacheable for ever), every compressible file gets
// .gz and .br siblings, and files of an earlier build are removed last, so that a running gateway
// never serves a page whose assets are missing.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

const gzip = promisify(zlib.gzip);
const brotli = promisify(zlib.brotliCompress);
const source = path.join(path.dirname(fileURLToPath(import.meta.url)), 'src');
const pages = ['terminal', 'docs', 'vnc', 'dashboard'];
// What a page loads when it is first needed is bundled in pieces; the others come whole.
const inPieces = ['dashboard'];

const options = {
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  outdir: 'static',
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022', 'chrome110', 'firefox115', 'safari16.4'],
  legalComments: 'eof',
  write: false,
  logLevel: 'warning',
};

const entries = (names) => names.flatMap((name) => [
  { in: path.join(source, name, 'main.js'), out: name },
  { in: path.join(source, name, `${name}.css`), out: name },
]);

// Returns plain name (terminal.js), hashed name (terminal-ABCD1234.js) and bytes of each file.
async function bundle() {
  const results = await Promise.all([
    build({ ...options, entryPoints: entries(pages.filter((name) => !inPieces.includes(name))) }),
    ...inPieces.map((name) => build({ ...options, entryPoints: entries([name]), splitting: true })),
    build({ ...options, entryPoints: [path.join(source, 'shared', 'theme.js')], format: 'iife' }),
  ]);
  return results.flatMap((result) => result.outputFiles).map((file) => {
    const hashed = path.basename(file.path);
    return { plain: hashed.replace(/-[A-Z0-9]{8}(?=\.)/, ''), hashed, bytes: Buffer.from(file.contents) };
  });
}

async function icon() {
  const bytes = await fs.readFile(path.join(source, 'shared', 'icon.svg'));
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8).toUpperCase();
  return { plain: 'icon.svg', hashed: `icon-${hash}.svg`, bytes };
}

// A page names its assets as {{terminal.js}}; an unknown name is a mistake worth stopping for.
async function page(name, assets) {
  const text = await fs.readFile(path.join(source, name, `${name}.html`), 'utf8');
  return text.replace(/\{\{([^}]+)\}\}/g, (_, plain) => {
    const asset = assets.find((candidate) => candidate.plain === plain);
    if (!asset) throw new Error(`${name}.html names an unknown asset: ${plain}`);
    return asset.hashed;
  });
}

async function writeWhole(file, bytes) {
  await fs.writeFile(`${file}.part`, bytes);
  await fs.rename(`${file}.part`, file);
}

async function writeWithSiblings(file, bytes) {
  const small = { params: {
    [zlib.constants.BROTLI_PARAM_QUALITY]: 11,
    [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  } };
  const [gz, br] = await Promise.all([gzip(bytes, { level: 9 }), brotli(bytes, small)]);
  await writeWhole(`${file}.gz`, gz);
  await writeWhole(`${file}.br`, br);
  await writeWhole(file, bytes);
}

async function removeStale(directory, keep) {
  for (const name of await fs.readdir(directory)) {
    if (!keep.has(name.replace(/\.(gz|br)$/, ''))) await fs.rm(path.join(directory, name));
  }
}

const out = path.resolve(process.argv[2]);
const statics = path.join(out, 'static');
await fs.mkdir(statics, { recursive: true });
const assets = [...(await bundle()), await icon()];
for (const asset of assets) await writeWithSiblings(path.join(statics, asset.hashed), asset.bytes);
for (const name of pages) {
  await writeWithSiblings(path.join(out, `${name}.html`), Buffer.from(await page(name, assets)));
}
await removeStale(statics, new Set(assets.map((asset) => asset.hashed)));
