/** Secrets that are found by the name before them: in texts, in sentences and in XML. */
import { secretName, secretWord } from '../core/secret.ts'
import type { Finder, Range } from './patterns.ts'

/** What a person made up may have spaces in it; what a machine made has none. */
const phraseWord = 'passwor[dt]|passwd|pass[-_ ]?(?:phrase|code)|mot de passe|mdp|kennwort|geheim(?:zahl|wort)?|losung|contraseña|clave|密[碼码]|口令|pwd|secret|(?:seed|recovery)[-_ ](?:phrase|key|code)'

/** From the end of a name to its value: for whom it is, quotes of the name, and a sign. */
const sign = `(?:\\s?\\([^)\\n]{0,30}\\)|\\s(?:for|of|für|von|de|para|pour)\\s[\\w@.-]{1,40})?["'\`\\]\\\\]{0,6}\\s{0,3}(?:[:=]{1,2}>?|->)\\s{0,3}`
const pair = `(?:["'\\\\]{1,4}[,;]?\\s{1,3}["'\\\\]{0,4}value|["'\\\\]{1,4},["'\\\\]{0,4}value)?`

/** The same as a word of a sentence: "is" and its like. */
const verb = `(?:\\s(?:is|was|are|ist|war|lautet|est|es|era|será|(?:set|changed) to)\\s|['’]s\\s|\\s?(?:是|為|为)\\s?)(?:now\\s|jetzt\\s|:\\s?)?`

/** What pages say of a password without telling it. */
const said = /^(?:not|wrong|incorrect|invalid|required|missing|empty|expired|too|falsch|ungültig|nicht|leer|abgelaufen|zu|incorrecte?a?|invalide|requise?|vide|pas|trop|no|inválida|obligatoria|vacía|demasiado|錯誤|不正確|必填|无效|無效)(?![\p{L}\d])/iu

const quoted = /^(?:\\{1,4}"[^"]+"?|"(?:\\.|[^"\\])+"?|'(?:\\.|[^'\\])+'?|[`“„«‘「『][^`”“»’」』\n]+[`”“»’」』]?)/

/** Where a value of several words ends: with its line, sentence, quotation, brackets or tag, or before the next name. */
const end = /[\r\n]|[.!?)\]}](?=\s|$|[^\x00-\xff])|[,;](?=[^\x00-\xff])|["'”»](?=[\s,;:.)\]}]|$)|[,;&|\s]\s*["']?[\p{L}_][\w.-]{0,40}["']?(?:=|:\s)|<\/?[a-z][\w:-]*(?:\s[^<>\n]*)?\/?>|[。、]/iu

/** In characters. */
const longest = 4000

function length(rest: string, phrase: boolean): number {
  if (/^["'\\]{0,4}\[hidden/.test(rest)) return 0
  const q = quoted.exec(rest)
  if (q) return q[0].length
  if (phrase) return end.exec(rest)?.index ?? rest.length
  return /^(?:\d{1,8}(?:[ .-]\d{1,8}){1,8}|(?:[^\s"'&,;<>\\]|[,;&](?!\s|["']?[\w.-]{1,40}["']?[:=]))+)/.exec(rest)?.[0].length ?? 0
}

/** Every value after a name; refused says which are none. */
function after(name: string, phrase: boolean, refused?: RegExp): Finder {
  const r = new RegExp(name, 'gi')
  return (s) => {
    const out: Range[] = []
    r.lastIndex = 0
    for (let m = r.exec(s); m; m = r.exec(s)) {
      const from = m.index + m[0].length
      const rest = s.slice(from, from + longest)
      const size = refused?.test(rest) ? 0 : length(rest, phrase)
      if (size === 0) continue
      out.push([from, from + size])
      r.lastIndex = from + size
    }
    return out
  }
}

/** Matches of the only group of r, which stands at the end. */
const last = (r: RegExp): Finder => (s) => [...s.matchAll(r)].map((m): Range => [m.index + m[0].length - m[1]!.length, m.index + m[0].length])

/** What is between the tags of an element whose name tells; without an end it is the rest. */
const elements: Finder = (s) => {
  const out: Range[] = []
  if (!s.includes('<')) return out
  const r = /<([\w.-]{1,60}:)?([\w.-]{1,80})(?:\s[^<>]{0,1000})?>/g
  for (let m = r.exec(s); m; m = r.exec(s)) {
    if (!secretName(m[2]!) || m[0].endsWith('/>')) continue
    const from = m.index + m[0].length
    const found = s.indexOf(`</${m[1] ?? ''}${m[2]!}`, from)
    const to = found < 0 ? s.length : found
    if (to > from) out.push([from, to])
    r.lastIndex = to
  }
  return out
}

export const named: Finder[] = [
  after(`(?:${phraseWord})[\\w-]{0,20}${pair}${sign}`, true),
  after(`(?:${phraseWord})s?(?:\\s(?:field|value|feld))?${verb}`, true, said),
  after(`(?:${secretWord})[\\w-]{0,20}${pair}${sign}`, false),
  after(`\\b(?:pin|auth|sid|sig)${sign}`, false),
  // Without a sign: a word with a digit, and the numbers that machines and banks give.
  last(/(?:passwor[dt]|passwd|kennwort|mot de passe|contraseña|密[碼码])\s{1,3}(?=[^\s\d]{0,60}\d)([^\s"'<>,;:=]{4,100})/gi),
  last(/(?:\bpin|\bm?tan|\botp|\bcv[vc]2?|\b2fa|pass[- ]?code|(?:verification|security|one-time|bestätigungs|sicherheits|einmal)[- ]?code|code de (?:vérification|sécurité)|código de (?:verificación|seguridad)|驗證碼|验证码)(?:[- ](?:code|number|nummer|nr|is|was|ist|lautet|est|es|secret))*\s?[:=#是為为]?\s?((?:\d[ -]?){3,9}\d)(?!\d)/gi),
  after(`authorization["'\\\\]{0,6}\\s{0,3}[:=]\\s{0,3}(?=["'\\\\])`, false),
  last(/authorization\s{0,3}[:=]\s{0,3}((?:[A-Za-z][A-Za-z\d-]{0,30}\s{1,3})?(?:[\w-]{1,30}=(?:"[^"]{0,2000}"|[^\s",]{0,2000})(?:,\s{0,2})?|[^\s"'\\,;]{1,4000}){1,12})/gi),
  last(/cookie["'\\]{0,6}\s{0,3}[:=]\s{0,3}["'\\]{0,6}([^"'\\\n]{1,4000})/gi),
  elements,
]
