import { describe, expect, it } from 'vitest'
import { snippet } from '../src/pages/snippet'

describe('the snippet', () => {
  it('promises no file that this server does not serve', () => {
    const text = snippet('https://bugs.example.org', 'bsk_pub_x')
    expect(text).not.toContain('widget.js')
    expect(text.match(/https:\/\/bugs\.example\.org[^"]*/g)).toEqual(['https://bugs.example.org/api/v1'])
    expect(text).toContain('data-api-key="bsk_pub_x"')
  })
})
