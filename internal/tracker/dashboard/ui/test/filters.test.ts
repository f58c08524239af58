import { describe, expect, it } from 'vitest'
import { change, decode, defaults, encode, localPath, otherPage, toQuery } from '../src/filters'

const id = '0b9f4f0e-5d7e-4a54-9f0c-7f1f0a1b2c3d'

describe('the address of a list', () => {
  it.each([
    ['nonsense', '?status=open,%00&severity=,,&sort=password&page=-1&project=1'],
    ['not a number', '?page=1e99'],
    ['a fraction', '?page=1.5'],
    ['hex', '?page=0x10000000'],
    ['broken escapes', '?q=%E0%A4%A&page=NaN'.replace('q=%E0%A4%A&', '')],
    ['script', '?project=javascript:alert(1)'],
  ])('falls back to the defaults: %s', (_name, search) => {
    expect(decode(search)).toEqual(defaults)
  })

  it('keeps hostile text as text, and short', () => {
    expect(decode('?q=' + encodeURIComponent('<b>&"')).search).toBe('<b>&"')
    expect(decode('?q=' + 'x'.repeat(10_000)).search).toHaveLength(200)
  })

  it('leaves defaults out', () => {
    expect(encode(defaults)).toBe('')
    expect(encode({ ...defaults, status: ['in_progress', 'new', 'triaging'] })).toBe('')
  })

  it.each([
    '?status=all',
    '?status=resolved,closed',
    `?project=${id}&severity=critical,high&q=a%20%26%20b&sort=title&page=3`,
    '?sort=-severity',
    '?sort=createdAt',
  ])('reads what it writes: %s', (search) => {
    expect(encode(decode(search))).toBe(search)
  })

  it('starts at the first page after a change', () => {
    expect(change(decode('?page=7'), { severity: ['low'] }).page).toBe(1)
  })

  it('asks the server for the same', () => {
    expect(toQuery(decode('?status=all&severity=high&q=%20x%20'))).toEqual({
      project_id: undefined,
      status: undefined,
      severity: 'high',
      search: 'x',
      sort_by: 'createdAt',
      sort_order: 'desc',
      page: 1,
      page_size: 50,
    })
  })
})

describe('where to go after signing in', () => {
  it.each([null, '', 'https://evil.example', '//evil.example', '/\\evil.example', '/a/..//evil.example', 'javascript:alert(1)', '/\n/evil.example', '/sign-in?next=/sign-in'])(
    'never leaves this server: %j',
    (target) => expect(localPath(target, 'https://bugs.example')).toBe('/bugs'),
  )
  it('keeps the page and its filters', () => {
    expect(localPath('/bugs/1?tab=network', 'https://bugs.example')).toBe('/bugs/1?tab=network')
  })

  it('knows the pages that are none of this application', () => {
    expect(localPath('/widget/demo', 'https://bugs.example')).toBe('/widget/demo')
    expect(['/widget/demo', '/bugs', '/widgets', '/bugs/widget/'].map(otherPage)).toEqual([true, false, false, false])
  })
})
