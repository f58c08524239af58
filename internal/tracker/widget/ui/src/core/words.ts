/** The few texts that the core shows itself, and the choice of a language. */

export const languages = ['en', 'zh-Hant', 'de', 'fr', 'es'] as const
export type Known = (typeof languages)[number]

/** Which of our languages a page speaks: its option, its lang attribute, the browser's. */
export function languageOf(option: string | undefined): Known {
  const wanted = option && option !== 'auto' ? [option] : [document.documentElement.lang, ...(navigator.languages ?? [navigator.language])]
  for (const w of wanted) {
    const tag = (w ?? '').toLowerCase()
    if (tag.startsWith('zh')) return 'zh-Hant'
    for (const l of languages) if (tag === l.toLowerCase() || tag.startsWith(l.toLowerCase() + '-')) return l
  }
  return 'en'
}

export const words: Record<Known, { report: string; away: string }> = {
  en: { report: 'Report a bug', away: 'The report form could not be loaded. Check your connection and try again.' },
  'zh-Hant': { report: '回報問題', away: '無法載入回報表單。請檢查網路連線後再試一次。' },
  de: { report: 'Fehler melden', away: 'Das Formular konnte nicht geladen werden. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut.' },
  fr: { report: 'Signaler un problème', away: 'Le formulaire n’a pas pu être chargé. Vérifiez votre connexion et réessayez.' },
  es: { report: 'Informar de un error', away: 'No se pudo cargar el formulario. Compruebe su conexión e inténtelo de nuevo.' },
}
