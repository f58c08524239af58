// Languages: the messages in use, and dates and ages in the same language.

import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { recall, remember } from '../preferences'
import { en, type Messages } from './en'

export type Language = 'en' | 'zh-Hant'

interface Text {
  language: Language
  setLanguage: (to: Language) => void
  t: Messages
}

const Context = createContext<Text>({ language: 'en', setLanguage: () => {}, t: en })

function preferred(): Language {
  const kept = recall('language')
  if (kept === 'en' || kept === 'zh-Hant') return kept
  return /^zh-(hant|tw|hk|mo)/i.test(navigator.language) ? 'zh-Hant' : 'en'
}

export function TextProvider({ children }: { children: ReactNode }) {
  const [language, choose] = useState<Language>(preferred)
  const [messages, setMessages] = useState<Messages | null>(language === 'en' ? en : null)

  useEffect(() => {
    document.documentElement.lang = language
    if (language === 'en') {
      setMessages(en)
      return
    }
    let current = true
    import('./zh-hant').then(
      (module) => current && setMessages(module.zhHant),
      () => current && setMessages(en), // an upgrade removed the file: better English than nothing
    )
    return () => {
      current = false
    }
  }, [language])

  const setLanguage = useCallback((to: Language) => {
    remember('language', to)
    choose(to)
  }, [])
  const value = useMemo(
    () => ({ language, setLanguage, t: messages ?? en }),
    [language, setLanguage, messages],
  )
  return messages === null ? null : <Context.Provider value={value}>{children}</Context.Provider>
}

export function useText(): Text {
  return useContext(Context)
}

/** A moment as its age, with the full date in its tooltip. */
export function Age({ at }: { at: string }) {
  const { language } = useText()
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return <>{at}</>
  return (
    <time dateTime={at} title={full(date, language)}>
      {age(date, language)}
    </time>
  )
}

/** A moment in full. */
export function Moment({ at }: { at: string }) {
  const { language } = useText()
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return <>{at}</>
  return <time dateTime={at}>{full(date, language)}</time>
}

function full(date: Date, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(date)
}

function age(date: Date, language: Language): string {
  const seconds = (Date.now() - date.getTime()) / 1000
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'narrow' })
  if (seconds < 60) return relative.format(0, 'minute')
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), 'minute')
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), 'hour')
  if (seconds < 30 * 86_400) return relative.format(-Math.floor(seconds / 86_400), 'day')
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(date)
}

/** A wall-clock time with milliseconds, for log lines. */
export function clock(ms: number | null): string {
  if (ms === null) return ''
  const d = new Date(ms)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, '0')}`
}
