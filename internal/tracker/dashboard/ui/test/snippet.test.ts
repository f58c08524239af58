import { describe, expect, it } from 'vitest'
import { isManifest } from '../src/api/widget'
import { policy, snippet } from '../src/pages/snippet'

const integrity = `sha384-${'a'.repeat(63)}+`
const manifest = { version: '0.1.0', url: '/widget.js', pinnedUrl: '/widget-0.1.0.js', integrity }

describe('the snippet', () => {
  it('loads the script of the server it is read from', () => {
    expect(snippet('https://bugs.example.org', 'bsk_pub_x')).toBe(
      '<script async crossorigin src="https://bugs.example.org/widget.js"\n  data-project-key="bsk_pub_x"></script>',
    )
  })

  it('names version and hash when it is pinned', () => {
    expect(snippet('https://bugs.example.org', 'bsk_pub_x', manifest)).toBe(
      `<script async crossorigin src="https://bugs.example.org/widget-0.1.0.js"\n  integrity="${integrity}"\n  data-project-key="bsk_pub_x"></script>`,
    )
  })
})

describe('the policy', () => {
  it('names this server in three directives', () => {
    expect(policy('https://b.example')).toEqual(['script-src https://b.example', 'connect-src https://b.example', 'img-src https://b.example'])
  })
})

describe('the manifest', () => {
  it('is what the server serves', () => expect(isManifest(manifest)).toBe(true))

  it.each([
    null,
    'text',
    {},
    { ...manifest, integrity: '' },
    { ...manifest, integrity: `${integrity}" onload="x` },
    { ...manifest, pinnedUrl: '//evil.example/widget-1.js' },
    { ...manifest, pinnedUrl: '/widget-1".js' },
  ])('is nothing else: %j', (value) => expect(isManifest(value)).toBe(false))
})
