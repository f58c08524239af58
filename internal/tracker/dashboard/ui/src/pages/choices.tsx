import { useState } from 'react'
import { Select } from '../parts/controls'
import { setTheme, theme, type Theme } from '../preferences'
import { useText, type Language } from '../text/text'

export function LanguageSelect() {
  const { t, language, setLanguage } = useText()
  return (
    <Select label={t.nav.language} mark="globe" value={language} onChange={(to) => setLanguage(to as Language)}>
      <option value="en" lang="en">
        English
      </option>
      <option value="zh-Hant" lang="zh-Hant">
        繁體中文
      </option>
    </Select>
  )
}

const marks: Record<Theme, string> = { system: 'screen', light: 'sun', dark: 'moon' }

export function ThemeSelect() {
  const { t } = useText()
  const [now, choose] = useState(theme)
  return (
    <Select
      label={t.nav.theme}
      mark={marks[now]}
      value={now}
      onChange={(to) => {
        setTheme(to as Theme)
        choose(to as Theme)
      }}
    >
      <option value="system">{t.nav.system}</option>
      <option value="light">{t.nav.light}</option>
      <option value="dark">{t.nav.dark}</option>
    </Select>
  )
}
