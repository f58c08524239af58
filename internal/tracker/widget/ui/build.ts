/**
 * Builds the widget into ../dist. The lazy parts come first: their names carry a hash of
 * their content, and the core knows names and hashes of them all.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, readFileSync } from 'node:fs'
import { build, type InlineConfig } from 'vite'

const out = '../dist'

/** Old office machines: see docs/widget.md. */
const target = ['chrome109', 'edge109', 'firefox115', 'safari15.6']

const parts: Record<string, string> = {
  form: 'src/form/main.ts',
  capture: 'src/capture/main.ts',
  share: 'src/share/main.ts',
  file: 'src/file/main.ts',
  annotator: 'src/annotator/main.ts',
  sender: 'src/sender/main.ts',
  privacy: 'src/privacy/main.ts',
  check: 'src/check/main.ts',
  network: 'src/network/main.ts',
  'text-en': 'src/text/en.ts',
  'text-zh-hant': 'src/text/zh-hant.ts',
  'text-de': 'src/text/de.ts',
  'text-fr': 'src/text/fr.ts',
  'text-es': 'src/text/es.ts',
}

function config(entry: Record<string, string>, format: 'es' | 'iife', names: string, define: Record<string, string>): InlineConfig {
  return {
    configFile: false,
    logLevel: 'warn',
    define,
    build: {
      outDir: out,
      emptyOutDir: false, // the placeholder must survive; frontend.sh empties the rest
      target,
      modulePreload: false,
      reportCompressedSize: false,
      sourcemap: true,
      rolldownOptions: {
        input: entry,
        preserveEntrySignatures: 'strict',
        // A debugger then shows the page's line, not ours, beside what the page logs.
        output: { format, entryFileNames: names, sourcemapIgnoreList: () => true, ...(format === 'iife' ? { name: 'BugSpark' } : {}) },
      },
    },
  }
}

interface Built { fileName: string; code?: string }

async function outputs(c: InlineConfig): Promise<Built[]> {
  const result = await build(c)
  const list = Array.isArray(result) ? result : [result]
  return list.flatMap((r) => ('output' in r ? (r.output as Built[]) : []))
}

const known: Record<string, [file: string, integrity: string]> = {}
for (const [name, entry] of Object.entries(parts)) {
  // One build each: parts that share a chunk would need its hash too.
  const [file] = (await outputs(config({ [name]: entry }, 'es', 'widget/[name]-[hash].js', {}))).filter((f) => f.code !== undefined)
  if (!file) throw new Error(`${entry} has no output`)
  const sum = createHash('sha384').update(readFileSync(`${out}/${file.fileName}`)).digest('base64')
  known[name] = [file.fileName, `sha384-${sum}`]
}
const define = { __PARTS__: JSON.stringify(known) }
await outputs(config({ widget: 'src/core/script.ts' }, 'iife', 'widget.js', define))
await outputs(config({ widget: 'src/core/module.ts' }, 'es', 'widget.mjs', define))
copyFileSync('widget.d.ts', `${out}/widget.d.ts`)
